// The jwks_cache_file of one section: read at the start, written when keys come.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "keys/fetch_log.hpp"
#include "keys/fetch_plan.hpp"
#include "keys/key_status.hpp"
#include "keys/section_keys.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace tokenward::keys {

/// Gives `keys` what the section's cache file holds. A file that can't be used is named in the log.
void restore_from_cache_file(SectionKeys &keys, const config::Section &section, const Clock &clock,
                             Logger &logger);

/// Not thread-safe: the fetcher's thread has it.
class SectionCache {
  public:
    /// The last good document. write() puts it into the file. `changed`: it is another set than the one before.
    void remember(std::string jwks, bool changed) noexcept {
        jwks_ = std::move(jwks);
        file_is_older_ = file_is_older_ || changed;
    }
    /// A fetch by `plan` was good, `status` is the one after it.
    void write(const FetchPlan &plan, const KeyStatus &status, const Clock &clock, FetchLog &log);
    /// What an older set holds may have been revoked: better no file than that one.
    void remove_older(const FetchPlan &plan) const noexcept;

  private:
    std::string jwks_;
    bool file_is_older_ = false;  ///< the file holds another set than jwks_
    std::optional<std::int64_t> written_at_;
};

}  // namespace tokenward::keys
