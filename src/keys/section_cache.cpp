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

struct Restored {
    jose::KeySet set;
    std::string jwks_uri;
    std::int64_t age_s = 0;
};

/// Nothing if no file is configured or there is none. Fails with what the log says of it.
Result<std::optional<Restored>> read(const SectionInput &input, const Clock &clock,
                                     std::vector<std::string> *root_notes) {
    const std::string &path = input.source.jwks_cache_file;
    if (path.empty()) return std::nullopt;
    const auto not_used = [&](const std::string &why) {
        return fail(Reason::KEYS_UNAVAILABLE,
                    fmt::format("keys of {}: not used: {}", quote(input.issuer), why));
    };
    const std::int64_t now = clock.unix_seconds();
    Result<std::optional<CachedKeys>> cached = read_cache_file(
        path, {input.issuer, input.source.jwks_uri, input.source.jwks_max_stale_s, now}, root_notes);
    if (!cached) return not_used(cached.error().detail);
    if (!*cached) return std::nullopt;
    jose::KeySet::Notes notes;
    Result<jose::KeySet> set = jose::KeySet::parse((*cached)->jwks, notes);
    // An emptied set is in the file so that no older one comes back. It holds nothing to use.
    if (!set || set->keys().empty())
        return not_used(fmt::format("jwks_cache_file {} holds no usable keys", quote(path, 256)));
    return Restored{std::move(*set), std::move((*cached)->jwks_uri), now - (*cached)->fetched_at};
}

}  // namespace

void restore_from_cache_file(SectionKeys &keys, const SectionInput &input, const Clock &clock, Logger &logger) {
    Result<std::optional<Restored>> restored = read(input, clock, nullptr);
    if (!restored) {
        logger.warning(restored.error().detail);
        return;
    }
    if (!*restored) return;
    logger.info(fmt::format("keys of {}: {} from jwks_cache_file {}, {} s old", quote(input.issuer),
                            (*restored)->set.keys().size(), quote(input.source.jwks_cache_file, 256),
                            (*restored)->age_s));
    keys.restore(std::move((*restored)->set), (*restored)->jwks_uri, (*restored)->age_s);
}

std::string cache_file_problem(const SectionInput &input, const Clock &clock,
                               std::vector<std::string> *root_notes) {
    const auto restored = read(input, clock, root_notes);
    return restored ? std::string() : restored.error().detail;
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
