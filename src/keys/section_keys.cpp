#include "keys/section_keys.hpp"

#include "base/dates.hpp"
#include "base/text.hpp"
#include "config/url.hpp"
#include "keys/discovery.hpp"
#include "keys/http_hints.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t long_ago = std::numeric_limits<std::int64_t>::min() / 4;
/// A moved jwks_uri is noticed after a day even if nobody asks and the old one still answers.
constexpr std::int64_t rediscover_after_ms = 86'400'000;
constexpr std::size_t longest_etag = 256;
constexpr std::int64_t longest_wait_ms = 60'000;

ScheduleLimits limits_of(const config::KeySource &source) {
    return {source.jwks_cache_ttl_s * 1000, source.jwks_refresh_floor_s * 1000,
            source.jwks_refresh_ceiling_s * 1000, source.jwks_min_refresh_s * 1000,
            source.jwks_max_stale_s * 1000};
}

/// A fetch that takes longer is worth a word.
constexpr std::int64_t slow_fetch_ms = 2'000;

std::string age_of(std::int64_t milliseconds) {
    return span_of(static_cast<std::uint64_t>(std::max<std::int64_t>(milliseconds, 0)) / 1000);
}

/// PEM names no keys, and such tokens often do.
void hint_at_nameless_keys(const jose::KeySet &keys, std::optional<std::string_view> kid, Failure &failure) {
    const auto nameless = [](const KeyRef &key) { return !key->has_kid(); };
    const std::string name = copyable(kid.value_or(""));
    if (name.empty() || failure.reason != Reason::UNKNOWN_KEY ||
        std::none_of(keys.keys().begin(), keys.keys().end(), nameless))
        return;
    failure.hint = fmt::format(
        "give the key its name: in PEM a line 'kid: {}' in front of its block, in a JWKS kid", name);
}

}  // namespace

bool SectionKeys::Published::is_stale(std::int64_t now) const noexcept {
    return !is_static && Schedule::stale(good_at, max_stale_ms, now);
}

SectionKeys::SectionKeys(const Clock &clock, std::shared_ptr<KeyWaiters> waiters, SectionInput input,
                         std::function<double()> random)
    : clock_(clock),
      waiters_(std::move(waiters)),
      is_static_(input.source.only_file()),
      published_(first_published(input)),
      issuer_(std::move(input.issuer)),
      name_(std::move(input.name)),
      issuer_aliases_(std::move(input.issuer_aliases)),
      source_(std::move(input.source)),
      ca_pem_(std::move(input.ca_pem)),
      schedule_(limits_of(source_), std::move(random)),
      jwks_uri_(source_.jwks_uri),
      discovered_at_(long_ago) {
    if (is_static_) last_success_unix_ = clock_.unix_seconds();
}

std::unique_ptr<const SectionKeys::Published> SectionKeys::first_published(const SectionInput &input) {
    auto first = std::make_unique<Published>();
    first->is_static = input.source.only_file();
    first->any = first->is_static;
    first->good_at = long_ago;
    first->max_stale_ms = input.source.jwks_max_stale_s * 1000;
    first->set_file_keys(input.file_keys);
    return first;
}

void SectionKeys::Published::set_file_keys(const std::optional<jose::KeySet> &now) {
    jose::KeySet &own = is_static ? keys : file_keys;
    // Keys that stay keep their OpenSSL contexts.
    const jose::KeySet next = now.value_or(jose::KeySet());
    if (!next.same_keys(own)) own = next;
    put_together();
}

// ---- for logins ---------------------------------------------------------------------------------------------

SectionKeys::Lookup SectionKeys::look_up(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                                         std::string_view default_key) const {
    const EpochDomain::Reader reader(readers_);
    const Published &current = *published_.get();
    const std::int64_t now = clock_.monotonic_ms();
    const bool stale = current.is_stale(now);
    if (!current.any || stale) {
        // The provider may be down: the file's own keys serve all the same.
        if (auto key = current.file_keys.select(algorithm, kid, default_key)) return {std::move(key)};
    }
    if (!current.any) return {fail(Reason::KEYS_PENDING, "there are no keys yet"), true, true};
    if (stale) {
        return {fail(Reason::KEYS_UNAVAILABLE,
                     fmt::format("the keys are {} old, jwks_max_stale is {}", age_of(now - current.good_at),
                                 age_of(current.max_stale_ms))),
                true, true};
    }
    Result<KeyRef> key = current.all.select(algorithm, kid, default_key);
    if (!key && is_static_) hint_at_nameless_keys(current.keys, kid, key.error());
    if (key || is_static_) return {std::move(key)};
    bool may_come = key.error().reason == Reason::UNKNOWN_KEY;
    if (key.error().reason == Reason::NO_KEY_ID) {
        // A token without kid: if no key fits it, the provider may have a key of a new kind. If several do, no
        // newer set helps.
        const auto &keys = current.all.keys();
        may_come = std::none_of(keys.begin(), keys.end(), [&](const KeyRef &k) { return k->fits(algorithm); });
    }
    return {std::move(key), may_come};
}

Result<KeyRef> SectionKeys::find(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                                 std::string_view default_key, std::int64_t max_wait_ms) {
    Lookup found = look_up(algorithm, kid, default_key);
    if (!found.key && is_static_) tell_kids(kid.has_value(), found.key.error());
    if (found.key || is_static_) return std::move(found.key);
    if (!found.may_come) {
        // The kid is there, and its key isn't for that algorithm: as likely a reused kid as a bad signature.
        if (found.key.error().reason == Reason::ALGORITHM_MISMATCH) report_bad_signature();
        return std::move(found.key);
    }

    max_wait_ms = std::clamp<std::int64_t>(max_wait_ms, 0, longest_wait_ms);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(max_wait_ms);
    std::unique_lock lock(waiters_->mutex);
    for (;;) {
        // Again under the lock: a set that came meanwhile must not be asked for once more.
        found = look_up(algorithm, kid, default_key);
        if (!found.may_come) return std::move(found.key);
        const std::int64_t now = clock_.monotonic_ms();
        if (waiters_->closed || closed_) return try_again(std::move(found), now);

        Schedule::Reply reply{Schedule::Answer::wait, false};
        if (found.no_keys) {
            reply.look_again = schedule_.demand(now);
        } else {
            const std::uint64_t asked =
                unknown_.first_asked(algorithm, kid, schedule_.fetches_begun(), schedule_.outdated(now));
            reply = schedule_.unknown_key(asked, now);
        }
        if (reply.look_again) waiters_->fetcher.signal();
        if (reply.answer == Schedule::Answer::refuse) {
            tell_kids(kid.has_value(), found.key.error());
            return std::move(found.key);
        }

        // Whoever would wait in vain would only take a thread of the host.
        if (max_wait_ms == 0 || waiters_->waiting >= KeyWaiters::max_waiting ||
            !schedule_.fetches_by(now + max_wait_ms)) {
            return try_again(std::move(found), now);
        }
        const std::uint64_t seen = fetches_ended_;
        ++waiters_->waiting;
        const bool news = waiters_->changed.wait_until(
            lock, deadline, [&] { return fetches_ended_ != seen || waiters_->closed || closed_; });
        --waiters_->waiting;
        if (!news) return try_again(std::move(found), clock_.monotonic_ms());
    }
}

Result<KeyRef> SectionKeys::try_again(Lookup found, std::int64_t now) {
    Failure why = std::move(found.key.error());
    if (!found.no_keys) why = {Reason::NEW_KEY_PENDING, why.detail + "; a newer set may have it", 0, {}};
    if (!last_error_.empty()) {
        why.detail += "; the last fetch failed: " + last_error_;
        why.hint = last_hint_;
    } else if (schedule_.in_flight() && now - began_at_ >= slow_fetch_ms) {
        const std::string url = asked_url();
        why.detail += fmt::format("; {} has not answered for {}", quote(config::host_and_port(url), 256),
                                  age_of(now - began_at_));
        why.hint = hint_if_silent(url);
    } else if (found.no_keys && schedule_.in_flight()) {
        why.detail = "the keys are being fetched for the first time";
    }
    why.retry_after_ms = schedule_.retry_delay(now);
    return tl::unexpected<Failure>(std::move(why));
}

/// Where the fetch that is on its way began.
std::string SectionKeys::asked_url() const {
    if (!began_with_discovery_) return jwks_uri_;
    return source_.discovery_uri.empty() ? discovery_url(issuer_) : source_.discovery_uri;
}

/// What a token whose kid nobody knows is compared with.
void SectionKeys::tell_kids(bool has_kid, Failure &failure) const {
    if (failure.reason != Reason::UNKNOWN_KEY) return;
    std::vector<std::string> kids;
    {
        const EpochDomain::Reader reader(readers_);
        for (const KeyRef &key : published_.get()->all.keys()) {
            if (key->has_kid()) kids.emplace_back(key->kid());
        }
    }
    failure.detail += kids.empty() ? "; no key of the set has a kid" : "; the set has " + quote_some(kids);
    if (!has_kid && !kids.empty() && !copyable(kids.front()).empty())
        failure.hint = "default_key = " + kids.front();
}

bool SectionKeys::still_good(const jose::Key &key) const noexcept {
    const EpochDomain::Reader reader(readers_);
    const Published &current = *published_.get();
    return current.good(clock_.monotonic_ms()).contains(key);
}

void SectionKeys::report_bad_signature() noexcept {
    if (is_static_) return;
    const std::lock_guard lock(waiters_->mutex);
    if (schedule_.has_keys() && schedule_.demand(clock_.monotonic_ms())) waiters_->fetcher.signal();
}

KeyStatus SectionKeys::status() const {
    KeyStatus status;
    const std::lock_guard lock(waiters_->mutex);
    const std::int64_t now = clock_.monotonic_ms();
    status.section = name_;
    status.issuer = issuer_;
    status.jwks_uri = jwks_uri_;
    const Published &current = *published_.get();  // the lock keeps it
    status.keys = current.all.keys();
    if (current.good_at != long_ago) status.age_s = (now - current.good_at) / 1000;
    status.last_success_unix = last_success_unix_;
    const std::int64_t next = is_static_ ? Schedule::never : schedule_.next_fetch_at();
    if (next != Schedule::never) status.next_fetch_in_s = std::max<std::int64_t>(0, next - now) / 1000;
    if (schedule_.in_flight()) status.next_fetch_in_s = 0;
    status.last_error = last_error_;
    status.stale = !current.any || current.keys.keys().empty() || current.is_stale(now);
    status.static_set = is_static_;
    status.fetches = counters_;
    return status;
}

// ---- for the fetcher ----------------------------------------------------------------------------------------

bool SectionKeys::serves(const SectionInput &input) const {
    const std::lock_guard lock(waiters_->mutex);
    const config::KeySource &other = input.source;
    return issuer_ == input.issuer && source_.jwks_uri == other.jwks_uri &&
           source_.discovery_uri == other.discovery_uri && source_.jwks_file == other.jwks_file &&
           source_.jwks_file_beside == other.jwks_file_beside && source_.ca_file == other.ca_file;
}

void SectionKeys::apply(SectionInput input) {
    const std::lock_guard lock(waiters_->mutex);
    auto next = std::make_unique<Published>(*published_.get());
    next->max_stale_ms = input.source.jwks_max_stale_s * 1000;
    next->set_file_keys(input.file_keys);
    if (!is_static_) schedule_.reload(limits_of(input.source), clock_.monotonic_ms());
    name_ = std::move(input.name);
    issuer_aliases_ = std::move(input.issuer_aliases);
    source_ = std::move(input.source);
    ca_pem_ = std::move(input.ca_pem);
    publish(std::move(next));
    if (is_static_) last_success_unix_ = clock_.unix_seconds();
}

bool SectionKeys::has_keys() const {
    const EpochDomain::Reader reader(readers_);
    return published_.get()->any;
}

void SectionKeys::close() noexcept {
    const std::lock_guard lock(waiters_->mutex);
    closed_ = true;
    waiters_->changed.notify_all();
}

void SectionKeys::start() {
    const std::lock_guard lock(waiters_->mutex);
    schedule_.start(clock_.monotonic_ms());
}

void SectionKeys::restore(jose::KeySet keys, std::string jwks_uri, std::int64_t age_s) {
    const std::lock_guard lock(waiters_->mutex);
    auto next = std::make_unique<Published>(*published_.get());
    next->keys = std::move(keys);
    next->put_together();
    next->any = true;
    next->good_at = clock_.monotonic_ms() - age_s * 1000;
    last_success_unix_ = clock_.unix_seconds() - age_s;
    jwks_uri_ = std::move(jwks_uri);
    schedule_.restored();
    publish(std::move(next));
    waiters_->changed.notify_all();
}

std::int64_t SectionKeys::next_fetch_at() const {
    const std::lock_guard lock(waiters_->mutex);
    return is_static_ ? Schedule::never : schedule_.next_fetch_at();
}

std::optional<FetchPlan> SectionKeys::begin_if_due() {
    const std::lock_guard lock(waiters_->mutex);
    const std::int64_t now = clock_.monotonic_ms();
    if (is_static_ || closed_ || schedule_.next_fetch_at() > now) return std::nullopt;
    FetchPlan plan;
    plan.issuer = issuer_;
    plan.issuer_aliases = issuer_aliases_;
    plan.discovery_uri = source_.discovery_uri.empty() ? discovery_url(issuer_) : source_.discovery_uri;
    plan.jwks_uri = jwks_uri_;
    plan.etag = etag_;
    plan.may_discover = source_.jwks_uri.empty();
    const bool is_old = now - discovered_at_ >= rediscover_after_ms;
    plan.discover_first =
        plan.may_discover && (jwks_uri_.empty() || (timed_out_ ? !began_with_discovery_ : is_old));
    plan.deadline_ms = now + source_.jwks_timeout_s * 1000;
    plan.ca_pem = ca_pem_;
    plan.proxy = source_.proxy;
    plan.token_file = source_.jwks_token_file;
    plan.token_for = source_.jwks_uri.empty() ? plan.discovery_uri : source_.jwks_uri;
    plan.cache_file = source_.jwks_cache_file;
    // What throws above leaves the fetch due.
    schedule_.began(now);
    plan.demanded = schedule_.is_demanded();
    plan.keep_connection = plan.demanded || schedule_.keeps_connection();
    began_at_ = now;
    began_with_discovery_ = plan.discover_first;
    return plan;
}

bool SectionKeys::is_fruitless(const FetchPlan &plan, const FetchOutcome &outcome) const {
    if (!outcome.is_good()) return true;
    if (!plan.demanded) return false;
    const EpochDomain::Reader reader(readers_);
    const Published &current = *published_.get();
    // That the provider stands by them is what tokens of keys that are too old wait for.
    if (!current.any || current.is_stale(clock_.monotonic_ms())) return false;
    return outcome.result == FetchResult::not_modified || current.keys.same_keys(*outcome.keys);
}

FetchEffect SectionKeys::fetch_ended(FetchOutcome outcome) {
    const std::lock_guard lock(waiters_->mutex);
    const std::int64_t now = clock_.monotonic_ms();
    const FetchResult result = outcome.result;
    FetchEffect effect = FetchEffect::failed;
    timed_out_ = result == FetchResult::timeout;
    if (result == FetchResult::ok || result == FetchResult::empty) {
        effect = set_came(std::move(outcome), now);
    } else if (result == FetchResult::not_modified) {
        effect = set_confirmed(std::move(outcome), now);
    } else {
        fetch_failed(std::move(outcome), now);
    }
    counters_.count(result, now - began_at_);
    // One fetch answers every waiter.
    ++fetches_ended_;
    waiters_->changed.notify_all();
    return effect;
}

FetchEffect SectionKeys::set_came(FetchOutcome &&outcome, std::int64_t now) {
    // What can throw comes first.
    auto next = std::make_unique<Published>(*published_.get());
    const bool empty = outcome.keys->keys().empty();
    const bool changed = !next->any || !next->keys.same_keys(*outcome.keys);
    std::string not_believed = "the provider's key set is empty; it is believed when it comes again";

    remember_address(outcome, now);
    if (empty && changed && !schedule_.came_empty(now)) {
        last_error_ = std::move(not_believed);
        last_hint_.clear();
        return FetchEffect::empty_once;
    }
    if (!(empty && changed)) schedule_.fetched(now, outcome.lifetime_s, outcome.evidence);
    // Keys that stay keep their OpenSSL contexts.
    if (changed) {
        next->keys = std::move(*outcome.keys);
        next->put_together();
    }
    etag_ = outcome.etag.size() <= longest_etag ? std::move(outcome.etag) : std::string();
    publish_good(std::move(next), now);
    if (!changed) return FetchEffect::unchanged;
    return empty ? FetchEffect::emptied : FetchEffect::changed;
}

FetchEffect SectionKeys::set_confirmed(FetchOutcome &&outcome, std::int64_t now) {
    auto next = std::make_unique<Published>(*published_.get());
    schedule_.fetched(now, outcome.lifetime_s, outcome.evidence);
    remember_address(outcome, now);
    publish_good(std::move(next), now);
    return FetchEffect::unchanged;
}

void SectionKeys::fetch_failed(FetchOutcome &&outcome, std::int64_t now) noexcept {
    last_error_ = std::move(outcome.error);
    last_hint_ = std::move(outcome.hint);
    schedule_.failed(now, outcome.retry_after_s);
}

/// A well-formed set came from there.
void SectionKeys::remember_address(FetchOutcome &outcome, std::int64_t now) {
    jwks_uri_ = std::move(outcome.jwks_uri);
    if (outcome.discovered) discovered_at_ = now;
}

/// The provider stands by these keys now.
void SectionKeys::publish_good(std::unique_ptr<Published> next, std::int64_t now) {
    next->any = true;
    next->good_at = now;
    last_success_unix_ = clock_.unix_seconds();
    last_error_.clear();
    last_hint_.clear();
    publish(std::move(next));
}

/// Logins see `next` from now on.
void SectionKeys::publish(std::unique_ptr<const Published> next) noexcept {
    published_.replace(std::move(next), readers_);
}

}  // namespace tokenward::keys
