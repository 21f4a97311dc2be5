// The jwks_cache_file of one section: read at the start, written when keys come.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "keys/fetch_log.hpp"
#include "keys/fetch_plan.hpp"
#include "keys/key_status.hpp"
#include "keys/section_input.hpp"
#include "keys/section_keys.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tokenward::keys {

/// Gives `keys` what the section's cache file holds. A file that can't be used is named in the log.
void restore_from_cache_file(SectionKeys &keys, const SectionInput &input, const Clock &clock, Logger &logger);
/// What that line would say; empty: there is nothing to say. `root_notes` is read_trusted_file()'s.
std::string cache_file_problem(const SectionInput &input, const Clock &clock,
                               std::vector<std::string> *root_notes);

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
