#include "keys/store.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t long_ago = std::numeric_limits<std::int64_t>::min() / 4;
/// A moved jwks_uri is noticed after a day even if the old one still answers.
constexpr std::int64_t rediscover_after_ms = 86'400'000;
constexpr std::size_t longest_etag = 256;
constexpr std::int64_t longest_wait_ms = 60'000;

ScheduleLimits limits_of(const config::Section &section) {
    return {section.keys.jwks_cache_ttl_s * 1000, section.keys.jwks_min_refresh_s * 1000,
            section.keys.jwks_max_stale_s * 1000};
}

}  // namespace

std::string_view fetch_result_name(FetchResult result) noexcept {
    static constexpr std::array<std::string_view, fetch_result_count> names{
        "ok",        "not_modified", "empty",     "bad_document", "http_status",
        "too_large", "timeout",      "tls_error", "network_error"};
    const auto index = static_cast<std::size_t>(result);
    return index < names.size() ? names[index] : "unknown";
}

Store::Store(const Clock &clock, std::shared_ptr<WaitRoom> room, SectionInput input,
             std::function<double()> random)
    : clock_(clock),
      room_(std::move(room)),
      is_static_(input.static_set.has_value()),
      set_(std::make_unique<const Set>(is_static_ ? Set{std::move(*input.static_set), true} : Set{})),
      good_at_(long_ago),
      max_stale_ms_(input.section.keys.jwks_max_stale_s * 1000),
      section_(std::move(input.section)),
      ca_pem_(std::move(input.ca_pem)),
      schedule_(limits_of(section_), std::move(random)),
      jwks_uri_(section_.keys.jwks_uri),
      discovered_at_(long_ago) {
    if (is_static_) last_success_unix_ = clock_.unix_seconds();
}

// ---- callers ------------------------------------------------------------------------------------------------

bool Store::is_stale(std::int64_t now) const noexcept {
    if (is_static_) return false;
    return Schedule::stale(good_at_.load(std::memory_order_relaxed),
                           max_stale_ms_.load(std::memory_order_relaxed), now);
}

Store::Lookup Store::look_up(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                             std::string_view default_key) const {
    const EpochDomain::Reader reader(readers_);
    const Set &set = *set_.get();
    if (!set.any) return {fail(Reason::KEYS_PENDING, "no keys yet"), true};
    if (is_stale(clock_.monotonic_ms())) {
        return {
            fail(Reason::KEYS_UNAVAILABLE, fmt::format("the keys are older than jwks_max_stale ({} s)",
                                                       max_stale_ms_.load(std::memory_order_relaxed) / 1000)),
            false};
    }
    Result<KeyRef> key = set.keys.select(algorithm, kid, default_key);
    if (key || is_static_) return {std::move(key), false};
    bool may_come = key.error().reason == Reason::UNKNOWN_KEY;
    if (key.error().reason == Reason::NO_KEY_ID) {
        // A token without kid: where nothing fits it the provider may have a key of a new kind; where several
        // do, no newer set helps.
        const auto &keys = set.keys.keys();
        may_come = std::none_of(keys.begin(), keys.end(), [&](const KeyRef &k) { return k->fits(algorithm); });
    }
    return {std::move(key), may_come};
}

Result<KeyRef> Store::find(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                           std::string_view default_key, std::int64_t max_wait_ms) {
    Lookup found = look_up(algorithm, kid, default_key);
    if (found.key || is_static_) return std::move(found.key);
    if (!found.may_come) {
        // The kid is there, and its key isn't for that algorithm: as likely a reused kid as a bad signature.
        if (found.key.error().reason == Reason::ALGORITHM_MISMATCH) report_bad_signature();
        return std::move(found.key);
    }

    const auto deadline = std::chrono::steady_clock::now() +
                          std::chrono::milliseconds(std::clamp<std::int64_t>(max_wait_ms, 0, longest_wait_ms));
    std::unique_lock lock(room_->mutex);
    for (;;) {
        // Again under the lock: a set that came meanwhile must not be asked for once more.
        found = look_up(algorithm, kid, default_key);
        if (!found.may_come) return std::move(found.key);
        const std::int64_t now = clock_.monotonic_ms();
        if (room_->closed || closed_) return pending(now);

        const Schedule::Verdict verdict = schedule_.unknown_key(now);
        if (verdict.look_again) room_->wake_thread();
        if (verdict.answer == Schedule::Answer::refuse) return std::move(found.key);

        if (max_wait_ms <= 0 || room_->waiting >= WaitRoom::max_waiting) return pending(now);
        const std::uint64_t seen = fetches_ended_;
        ++room_->waiting;
        const bool news = room_->changed.wait_until(
            lock, deadline, [&] { return fetches_ended_ != seen || room_->closed || closed_; });
        --room_->waiting;
        if (!news) return pending(clock_.monotonic_ms());
    }
}

/// Under the lock.
Result<KeyRef> Store::pending(std::int64_t now) {
    Failure failure;
    failure.reason = Reason::KEYS_PENDING;
    failure.detail = fmt::format("the keys of {} are being fetched", quote(section_.issuer));
    if (!last_error_.empty()) failure.detail += "; the last fetch failed: " + last_error_;
    failure.retry_after_ms = schedule_.retry_delay(now);
    return tl::unexpected<Failure>(std::move(failure));
}

bool Store::still_good(const jose::Key &key) const noexcept {
    if (is_stale(clock_.monotonic_ms())) return false;
    const EpochDomain::Reader reader(readers_);
    return set_.get()->keys.contains(key);
}

void Store::report_bad_signature() noexcept {
    if (is_static_) return;
    const std::lock_guard lock(room_->mutex);
    if (schedule_.bad_signature(clock_.monotonic_ms())) room_->wake_thread();
}

KeyStatus Store::status() const {
    KeyStatus status;
    const std::lock_guard lock(room_->mutex);
    const std::int64_t now = clock_.monotonic_ms();
    status.section = section_.name;
    status.issuer = section_.issuer;
    status.jwks_uri = jwks_uri_;
    bool any = false;
    {
        const EpochDomain::Reader reader(readers_);
        status.keys = set_.get()->keys.keys();
        any = set_.get()->any;
    }
    const std::int64_t good_at = good_at_.load(std::memory_order_relaxed);
    if (good_at != long_ago) status.age_s = (now - good_at) / 1000;
    status.last_success_unix = last_success_unix_;
    const std::int64_t next = is_static_ ? Schedule::never : schedule_.next_fetch_at();
    if (next != Schedule::never) status.next_fetch_in_s = std::max<std::int64_t>(0, next - now) / 1000;
    if (schedule_.in_flight()) status.next_fetch_in_s = 0;
    status.last_error = last_error_;
    status.stale = !any || status.keys.empty() || is_stale(now);
    status.static_set = is_static_;
    status.fetches = counters_;
    return status;
}

// ---- the refresher ------------------------------------------------------------------------------------------

bool Store::serves(const config::Section &section) const {
    const std::lock_guard lock(room_->mutex);
    return section_.name == section.name && section_.issuer == section.issuer &&
           section_.keys.jwks_uri == section.keys.jwks_uri && section_.keys.jwks_file == section.keys.jwks_file &&
           section_.keys.ca_file == section.keys.ca_file;
}

void Store::apply(SectionInput input) {
    const std::lock_guard lock(room_->mutex);
    max_stale_ms_.store(input.section.keys.jwks_max_stale_s * 1000, std::memory_order_relaxed);
    schedule_.set_limits(limits_of(input.section), clock_.monotonic_ms());
    section_ = std::move(input.section);
    ca_pem_ = std::move(input.ca_pem);
    if (!is_static_) return;
    if (input.static_set && !input.static_set->same_keys(set_.get()->keys))
        publish(std::move(*input.static_set));
    last_success_unix_ = clock_.unix_seconds();
}

config::Section Store::section() const {
    const std::lock_guard lock(room_->mutex);
    return section_;
}

bool Store::has_keys() const {
    const EpochDomain::Reader reader(readers_);
    return set_.get()->any;
}

void Store::close() noexcept {
    const std::lock_guard lock(room_->mutex);
    closed_ = true;
    room_->changed.notify_all();
}

void Store::start() {
    const std::lock_guard lock(room_->mutex);
    schedule_.start(clock_.monotonic_ms());
}

void Store::restore(jose::KeySet keys, std::string jwks_uri, std::int64_t age_s) {
    const std::lock_guard lock(room_->mutex);
    good_at_.store(clock_.monotonic_ms() - age_s * 1000, std::memory_order_relaxed);
    last_success_unix_ = clock_.unix_seconds() - age_s;
    jwks_uri_ = std::move(jwks_uri);
    schedule_.restored();
    publish(std::move(keys));
    room_->changed.notify_all();
}

std::int64_t Store::next_fetch_at() const {
    const std::lock_guard lock(room_->mutex);
    return is_static_ ? Schedule::never : schedule_.next_fetch_at();
}

std::optional<FetchPlan> Store::begin_if_due() {
    const std::lock_guard lock(room_->mutex);
    const std::int64_t now = clock_.monotonic_ms();
    if (is_static_ || closed_ || schedule_.next_fetch_at() > now) return std::nullopt;
    FetchPlan plan;
    plan.issuer = section_.issuer;
    plan.jwks_uri = jwks_uri_;
    plan.etag = etag_;
    plan.discover = section_.keys.jwks_uri.empty() &&
                    (jwks_uri_.empty() || discover_ || now - discovered_at_ >= rediscover_after_ms);
    plan.ca_pem = ca_pem_;
    plan.proxy = section_.keys.proxy;
    // Last: what throws above leaves the fetch due.
    schedule_.began(now);
    began_at_ = now;
    return plan;
}

/// Under the lock: readers see `keys` from now on.
void Store::publish(jose::KeySet keys) {
    set_.replace(std::make_unique<const Set>(Set{std::move(keys), true}), readers_);
}

/// Under the lock: the provider stands by what we have.
void Store::confirm() {
    good_at_.store(clock_.monotonic_ms(), std::memory_order_relaxed);
    last_success_unix_ = clock_.unix_seconds();
    last_error_.clear();
}

/// Under the lock: a well-formed set came from there.
void Store::learn(const Fetched &from) {
    jwks_uri_ = from.jwks_uri;
    discover_ = false;
    if (from.discovered_now) discovered_at_ = clock_.monotonic_ms();
}

void Store::count(FetchResult result) {
    const std::int64_t took = clock_.monotonic_ms() - began_at_;
    ++counters_.by_result[static_cast<std::size_t>(result)];
    const auto &bounds = FetchCounters::latency_bounds_s;
    const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), static_cast<double>(took) / 1000.0);
    ++counters_.latency_buckets[static_cast<std::size_t>(bucket - bounds.begin())];
    counters_.latency_sum_ms += static_cast<std::uint64_t>(std::max<std::int64_t>(took, 0));
}

/// Under the lock: one fetch answers every waiter.
void Store::end_fetch() {
    ++fetches_ended_;
    room_->changed.notify_all();
}

bool Store::fetched(jose::KeySet keys, const Fetched &from) {
    const std::lock_guard lock(room_->mutex);
    const std::int64_t now = clock_.monotonic_ms();
    const Set &current = *set_.get();
    const bool empty = keys.keys().empty();
    count(empty ? FetchResult::empty : FetchResult::ok);
    learn(from);

    bool changed = !current.any || !current.keys.same_keys(keys);
    if (empty && (!current.any || !current.keys.keys().empty())) {
        if (!schedule_.came_empty(now)) {
            last_error_ = "the provider's key set is empty; it is believed when it comes again";
            end_fetch();
            return false;
        }
        changed = true;
    } else {
        schedule_.fetched(now, from.lifetime_s, changed);
    }
    if (changed) publish(std::move(keys));
    confirm();
    etag_ = from.etag.size() <= longest_etag ? from.etag : std::string();
    end_fetch();
    return changed;
}

bool Store::not_modified(const Fetched &from) {
    const std::lock_guard lock(room_->mutex);
    // Only what was asked for with our ETag can be confirmed.
    if (etag_.empty() || !set_.get()->any) return false;
    count(FetchResult::not_modified);
    schedule_.fetched(clock_.monotonic_ms(), from.lifetime_s, false);
    learn(from);
    confirm();
    end_fetch();
    return true;
}

void Store::failed(FetchResult result, std::string error, bool reached) {
    const std::lock_guard lock(room_->mutex);
    count(result);
    last_error_ = std::move(error);
    // The address may have moved.
    discover_ = true;
    schedule_.failed(clock_.monotonic_ms(), reached);
    end_fetch();
}

}  // namespace tokenward::keys
