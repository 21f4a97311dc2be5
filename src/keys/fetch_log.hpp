// What the log says about the fetches of one section: each thing once.
#pragma once

#include "base/log.hpp"
#include "jose/jwk.hpp"
#include "keys/fetch_result.hpp"
#include "keys/key_status.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::keys {

/// `status` is always the one after the fetch.
class FetchLog {
  public:
    FetchLog(Logger &logger, std::string_view issuer);

    /// Discovery names an address that isn't the provider's own (is_own_host()): a line once for each host.
    void other_host(const std::string &jwks_uri);
    /// One address failed, another one serves.
    void going_on(const std::string &url, const std::string &error, const std::string &next_url);
    /// The same failure again and again is a warning less and less often: the first, second, fourth, eighth time.
    void fetch_failed(const std::string &url, FetchResult result, const std::string &error,
                      const KeyStatus &status);
    /// What is wrong with single keys of a set; once for each content. Contents that are new each time are warnings
    /// less and less often: the first, second, fourth, eighth one.
    void notes(const jose::KeySet::Notes &notes);
    void set_came(const std::string &url, bool changed, const KeyStatus &status);
    void empty_set_came(const KeyStatus &status);
    void all_keys_dropped();
    /// `error` empty: it was written.
    void cache_file_written(const std::string &error);

  private:
    void warning(const std::string &text);

    Logger &logger_;
    std::string prefix_;
    std::string other_host_;      ///< that discovery named last
    std::string last_failure_;    ///< of the failures in a row
    std::uint64_t failures_ = 0;  ///< the same, in a row
    std::string last_going_on_;
    std::vector<std::string> last_notes_;
    std::uint64_t different_notes_ = 0;
    std::string last_cache_error_;
};

}  // namespace tokenward::keys
