#include "keys/section_cache.hpp"

#include "base/text.hpp"
#include "jose/jwk.hpp"
#include "keys/cache_file.hpp"

#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t rewrite_after_ms = 60'000;

}  // namespace

void restore_from_cache_file(SectionKeys &keys, const config::Section &section, const Clock &clock,
                             Logger &logger) {
    const std::string &path = section.keys.jwks_cache_file;
    if (path.empty()) return;
    const std::int64_t now = clock.unix_seconds();
    const Result<std::optional<CachedKeys>> cached =
        read_cache_file(path, {section.issuer, section.keys.jwks_uri, section.keys.jwks_max_stale_s, now});
    if (!cached) {
        logger.warning(fmt::format("keys of {}: not used: {}", quote(section.issuer), cached.error().detail));
        return;
    }
    if (!*cached) return;
    jose::KeySet::Notes notes;
    Result<jose::KeySet> set = jose::KeySet::parse((*cached)->jwks, notes);
    // An emptied set is in the file so that no older one comes back. It holds nothing to use.
    if (!set || set->keys().empty()) {
        logger.warning(fmt::format("keys of {}: not used: jwks_cache_file {} holds no usable keys",
                                   quote(section.issuer), quote(path, 256)));
        return;
    }
    const std::int64_t age = now - (*cached)->fetched_at;
    logger.info(fmt::format("keys of {}: {} from jwks_cache_file {}, {} s old", quote(section.issuer),
                            set->keys().size(), quote(path, 256), age));
    keys.restore(std::move(*set), (*cached)->jwks_uri, age);
}

void SectionCache::write(const FetchPlan &plan, const KeyStatus &status, const Clock &clock, FetchLog &log) {
    const std::int64_t now = clock.monotonic_ms();
    if (plan.cache_file.empty() || jwks_.empty()) return;
    // A confirmation only makes the file younger: not worth an fsync every few seconds.
    if (!file_is_older_ && written_at_ && now - *written_at_ < rewrite_after_ms) return;
    const CachedKeys cached{status.section,    status.issuer,        status.jwks_uri,
                            plan.may_discover, clock.unix_seconds(), jwks_};
    const Result<void> written = write_cache_file(plan.cache_file, cached);
    written_at_ = now;
    if (written) file_is_older_ = false;
    remove_older(plan);
    log.cache_file_written(written ? std::string() : written.error().detail);
}

void SectionCache::remove_older(const FetchPlan &plan) const noexcept {
    if (file_is_older_ && !plan.cache_file.empty()) ::unlink(plan.cache_file.c_str());
}

}  // namespace tokenward::keys
