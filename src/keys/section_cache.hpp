// The jwks_cache_file of one section: read at the start, written when keys come.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "keys/fetch_log.hpp"
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
    /// The last good document. write() puts it into the file.
    void remember(std::string jwks) { jwks_ = std::move(jwks); }
    /// A fetch was good, `status` is the one after it. `changed`: it brought another set than the one before.
    void write(const SectionKeys &keys, const KeyStatus &status, bool changed, const Clock &clock,
               FetchLog &log);

  private:
    std::string jwks_;
    std::optional<std::int64_t> written_at_;
};

}  // namespace tokenward::keys
