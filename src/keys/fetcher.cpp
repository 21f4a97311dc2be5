#include "keys/fetcher.hpp"

#include "base/at_work.hpp"
#include "base/blocked_signals.hpp"
#include "base/issuer.hpp"
#include "base/text.hpp"
#include "keys/bearer_file.hpp"
#include "keys/discovery.hpp"
#include "keys/http_client.hpp"
#include "keys/random.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

namespace tokenward::keys {
namespace {

/// The thread looks at its clock at least this often; everything else wakes it.
constexpr std::int64_t longest_nap_ms = 60'000;
constexpr std::int64_t nap_after_exception_ms = 1'000;
/// The transport ends a request at the fetch's deadline. A fetch that isn't ended so long after was lost.
constexpr std::int64_t overdue_after_ms = 1'000;

ProviderNames names_of(const FetchPlan &plan) {
    return {plan.issuer, plan.issuer_aliases, plan.discovery_uri};
}

bool contains(const Sections &sections, const SectionKeys *keys) {
    return std::any_of(sections.begin(), sections.end(), [keys](const auto &s) { return s.get() == keys; });
}

/// A thread that ended now would clean up in OpenSSL, beside OpenSSL's own clean-up.
[[noreturn]] void sleep_until_the_end() noexcept {
    for (;;) ::pause();
}

constexpr const char *not_asked_for = "HTTP status 304 to an unconditional request";

FetchOutcome failure(FetchResult result, std::string url, std::string error, std::string hint = {}) {
    FetchOutcome outcome;
    outcome.result = result;
    outcome.jwks_uri = std::move(url);
    outcome.error = std::move(error);
    outcome.hint = std::move(hint);
    return outcome;
}

/// Needs no memory: the text is short enough for the string's own bytes.
FetchOutcome out_of_memory() noexcept {
    FetchOutcome outcome;
    outcome.error = "out of memory";
    return outcome;
}

}  // namespace

Result<std::unique_ptr<Fetcher>> Fetcher::create(const Clock &clock, Logger &logger) {
    try {
        return std::make_unique<Fetcher>(clock, logger, proxy_from_environment(), nullptr);
    } catch (const std::system_error &error) {
        return fail(Reason::RESOURCE_LIMIT, fmt::format("keys can't be fetched: {}", error.what()));
    }
}

Fetcher::Fetcher(const Clock &clock, Logger &logger, Proxy environment, std::unique_ptr<Transport> transport)
    : clock_(clock),
      logger_(logger),
      environment_(std::move(environment)),
      waiters_(std::make_shared<KeyWaiters>()),
      transport_(std::move(transport)) {}

Fetcher::~Fetcher() {
    stop();
}

// ---- the configuring thread ---------------------------------------------------------------------------------

Result<std::shared_ptr<SectionKeys>> Fetcher::prepare(SectionInput input) {
    // Sections that share an issuer are one provider: the configuration sees to it that they agree on its keys.
    for (const Prepared &earlier : prepared_) {
        if (same_issuer(earlier.input.issuer, input.issuer)) return std::shared_ptr<SectionKeys>(earlier.keys);
    }
    Prepared prepared{nullptr, std::move(input), false};
    // Only this thread changes sections_: it reads them without the lock.
    for (const auto &keys : sections_) {
        if (keys->serves(prepared.input)) prepared.keys = keys;
    }
    if (!prepared.keys) {
        prepared.is_new = true;
        prepared.keys = std::make_shared<SectionKeys>(clock_, waiters_, prepared.input, Random());
        if (!prepared.keys->is_static()) {
            if (Result<void> started = start_thread(); !started) return pass_on(std::move(started));
            restore_from_cache_file(*prepared.keys, prepared.input, clock_, logger_);
        }
    }
    prepared_.push_back(prepared);
    return std::shared_ptr<SectionKeys>(std::move(prepared.keys));
}

Result<void> Fetcher::start_thread() {
    if (thread_.joinable()) return {};
    if (!initialise_curl()) return fail(Reason::RESOURCE_LIMIT, "libcurl can't be initialised");
    try {
        if (!transport_) transport_ = std::make_unique<HttpClient>(waiters_->fetcher);
        const SignalsBlocked blocked;
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error &error) {
        return fail(Reason::RESOURCE_LIMIT, fmt::format("no thread for fetching keys: {}", error.what()));
    }
    return {};
}

void Fetcher::commit() {
    Sections next;
    next.reserve(prepared_.size());
    for (const Prepared &prepared : prepared_) next.push_back(prepared.keys);
    for (Prepared &prepared : prepared_) {
        if (!prepared.is_new) {
            prepared.keys->apply(std::move(prepared.input));
        } else if (!prepared.keys->is_static()) {
            prepared.keys->start();
        }
    }
    prepared_.clear();
    {
        const std::lock_guard lock(waiters_->mutex);
        sections_.swap(next);
    }
    // `next` now holds the sections of before.
    for (const auto &keys : next) {
        if (!contains(sections_, keys.get())) keys->close();
    }
    waiters_->fetcher.signal();
}

bool Fetcher::wait_for_first_keys(std::int64_t max_wait_ms) {
    std::unique_lock lock(waiters_->mutex);
    const auto all_there = [this] {
        return std::all_of(sections_.begin(), sections_.end(), [](const auto &s) { return s->has_keys(); });
    };
    waiters_->changed.wait_for(lock, std::chrono::milliseconds(std::max<std::int64_t>(max_wait_ms, 0)),
                               [&] { return waiters_->closed || all_there(); });
    return all_there();
}

void Fetcher::stop() noexcept {
    {
        const std::lock_guard lock(waiters_->mutex);
        waiters_->closed = true;
        waiters_->changed.notify_all();
    }
    if (errands_) errands_->stop();
    waiters_->fetcher.signal();
    if (thread_.joinable()) thread_.join();
}

void Fetcher::abandon_in_forked_child(std::unique_ptr<Fetcher> fetcher) noexcept {
    // Locks may be held, waiters may be counted in condition variables, and the TLS connections are the
    // parent's. It stays reachable, so that no leak checker complains.
    static std::atomic<Fetcher *> abandoned{nullptr};
    Fetcher *last = fetcher.release();
    if (last != nullptr) last->abandoned_before_ = abandoned.exchange(last);
}

// ---- the fetcher's thread -----------------------------------------------------------------------------------

void Fetcher::run() noexcept {
    ::pthread_setname_np(::pthread_self(), "tokenward-keys");
    for (;;) {
        try {
            Sections sections;
            {
                const std::lock_guard lock(waiters_->mutex);
                if (waiters_->closed) break;
                sections = sections_;
            }
            if (process_ends()) sleep_until_the_end();
            round(sections, longest_nap_ms);
        } catch (const std::exception &error) {
            // Memory was short: what is due stays due.
            logger_.error(error.what());
            std::unique_lock lock(waiters_->mutex);
            waiters_->changed.wait_for(lock, std::chrono::milliseconds(nap_after_exception_ms),
                                       [this] { return waiters_->closed; });
        }
    }
    const AtWork work(WorkingThread::our_own);
    if (!work) sleep_until_the_end();
    fetches_.clear();
    // Here and not on the host's thread: closing TLS connections can raise SIGPIPE.
    transport_.reset();
}

void Fetcher::round(const Sections &sections, std::int64_t max_wait_ms) {
    const std::int64_t wait = begin_what_is_due(sections, max_wait_ms);
    std::vector<Transport::Completed> completed = transport_->wait(wait);
    const AtWork work(WorkingThread::our_own);
    if (!work) return;
    for (Transport::Completed &done : completed) {
        if (done.id < Errands::first_id) {
            take_in(done.id, std::move(done.response));
        } else if (errands_) {
            errands_->take_in(done.id, std::move(done.response));
        }
    }
    end_overdue();
}

/// Returns how long to wait for what is on its way.
std::int64_t Fetcher::begin_what_is_due(const Sections &sections, std::int64_t max_wait_ms) {
    const AtWork work(WorkingThread::our_own);
    if (!work) return 0;
    give_up_fetches_of_others(sections);
    for (const auto &keys : sections) {
        std::optional<FetchPlan> plan = keys->begin_if_due();
        if (!plan) continue;
        try {
            begin(keys, std::move(*plan));
        } catch (const std::exception &) {
            // A fetch that began must end, or the section would never see another.
            keys->fetch_ended(out_of_memory());
        }
    }
    std::int64_t next = errands_ ? errands_->begin(*transport_) : Schedule::never;
    for (const auto &keys : sections) next = std::min(next, keys->next_fetch_at());
    for (const auto &[id, fetch] : fetches_) next = std::min(next, fetch.plan.deadline_ms + overdue_after_ms);
    const std::int64_t now = clock_.monotonic_ms();
    return next == Schedule::never ? max_wait_ms : std::clamp<std::int64_t>(next - now, 0, max_wait_ms);
}

void Fetcher::give_up_fetches_of_others(const Sections &sections) {
    for (auto entry = fetches_.begin(); entry != fetches_.end();) {
        if (contains(sections, entry->second.keys.get())) {
            ++entry;
        } else {
            transport_->cancel(entry->first);
            entry = fetches_.erase(entry);
        }
    }
    std::erase_if(memories_, [&sections](const auto &entry) { return !contains(sections, entry.first); });
}

/// Whatever was thrown where: a fetch ends, and the next one begins.
void Fetcher::end_overdue() noexcept {
    const std::int64_t now = clock_.monotonic_ms();
    for (auto entry = fetches_.begin(); entry != fetches_.end();) {
        const auto current = entry++;
        if (now < current->second.plan.deadline_ms + overdue_after_ms) continue;
        transport_->cancel(current->first);
        FetchOutcome outcome;
        outcome.result = FetchResult::timeout;
        outcome.error = "no answer";
        end(current, std::move(outcome));
    }
}

std::string Fetcher::Fetch::url() const {
    return discovering ? plan.discovery_uri : plan.jwks_uri;
}

void Fetcher::begin(const std::shared_ptr<SectionKeys> &keys, FetchPlan plan) {
    // Now, so that the end of the fetch needs no memory for it.
    memories_.try_emplace(keys.get(), Memory{FetchLog(logger_, plan.issuer), {}});
    const Transport::Id id = next_id_++;
    const auto entry = fetches_.try_emplace(id).first;
    entry->second.keys = keys;
    entry->second.discovering = plan.discover_first;
    entry->second.plan = std::move(plan);
    std::optional<FetchOutcome> outcome;
    try {
        outcome = request(id, entry->second);
    } catch (...) {
        fetches_.erase(entry);
        throw;
    }
    if (outcome) end(entry, std::move(*outcome));
}

/// Nothing if the request is on its way.
std::optional<FetchOutcome> Fetcher::request(Transport::Id id, const Fetch &fetch) {
    HttpRequest http;
    http.url = fetch.url();
    if (!fetch.discovering) http.etag = fetch.plan.etag;
    http.keep_connection = fetch.discovering || fetch.plan.keep_connection;
    http.timeout_ms = std::max<std::int64_t>(fetch.plan.deadline_ms - clock_.monotonic_ms(), 1);
    Result<std::string> token = bearer_token_for(http.url, fetch.plan.token_file, fetch.plan.token_for);
    if (!token) {
        return failure(FetchResult::network_error, http.url, std::move(token.error().detail),
                       std::move(token.error().hint));
    }
    http.bearer_token = std::move(*token);
    http.ca_pem = fetch.plan.ca_pem;
    // The section's own option is meant for this very provider. NO_PROXY belongs to the environment's proxy.
    http.proxy = fetch.plan.proxy.value_or(environment_.url);
    if (!fetch.plan.proxy) http.no_proxy = environment_.except;
    // jwks_uri is the provider's word then, and a tenant's provider may be anybody's.
    http.public_only =
        !fetch.discovering && fetch.plan.may_discover && !is_own_host(http.url, names_of(fetch.plan));
    transport_->start(id, std::move(http));
    return std::nullopt;
}

void Fetcher::take_in(Transport::Id id, HttpResponse response) noexcept {
    const auto entry = fetches_.find(id);
    if (entry == fetches_.end()) return;
    std::optional<FetchOutcome> outcome;
    try {
        // Nothing if another request of this fetch is on its way.
        Fetch &fetch = entry->second;
        outcome = fetch.discovering ? after_discovery(id, fetch, response) : after_keys(id, fetch, response);
    } catch (const std::exception &) {
        transport_->cancel(id);
        outcome = out_of_memory();
    }
    if (outcome) end(entry, std::move(*outcome));
}

std::optional<FetchOutcome> Fetcher::after_discovery(Transport::Id id, Fetch &fetch, HttpResponse &response) {
    fetch.discovering = false;
    const std::string &url = fetch.plan.discovery_uri;
    FetchOutcome failed = failure(response.result, url, std::move(response.error), std::move(response.hint));
    failed.retry_after_s = response.retry_after_s;
    if (response.result == FetchResult::ok) {
        Result<std::string> uri = read_discovery_document(response.body, names_of(fetch.plan));
        if (uri) {
            fetch.discovered = true;
            if (!is_own_host(*uri, names_of(fetch.plan))) log_of(fetch).other_host(*uri);
            if (*uri != fetch.plan.jwks_uri) {
                fetch.plan.etag.clear();  // it is another document's
                fetch.plan.jwks_uri = std::move(*uri);
            } else if (fetch.known) {
                fetch.known->discovered = true;
                return std::move(fetch.known);
            }
            return request(id, fetch);
        }
        failed.result = FetchResult::bad_document;
        failed.error = std::move(uri.error().detail);
        failed.hint = std::move(uri.error().hint);
    } else if (response.result == FetchResult::not_modified) {
        failed = failure(FetchResult::http_status, url, not_asked_for);
    }
    if (fetch.known && !fetch.known->is_good()) {
        fetch.known->error += fmt::format("; {}: {}", quote(url, 256), failed.error);
        if (fetch.known->hint.empty()) fetch.known->hint = std::move(failed.hint);
        return std::move(fetch.known);
    }
    if (fetch.plan.jwks_uri.empty()) return failed;
    // The address that served before may still do.
    log_of(fetch).going_on(url, failed.error, fetch.plan.jwks_uri);
    if (fetch.known) {
        // The keys may be somewhere else by now.
        fetch.known->evidence = false;
        return std::move(fetch.known);
    }
    if (!has_time(fetch)) return failed;
    fetch.known = std::move(failed);
    return request(id, fetch);
}

std::optional<FetchOutcome> Fetcher::after_keys(Transport::Id id, Fetch &fetch, HttpResponse &response) {
    FetchOutcome outcome = read_key_set(fetch, response);
    if (fetch.discovered || !fetch.plan.may_discover) {
        const bool failed = !outcome.is_good() && outcome.result != FetchResult::empty;
        if (!failed || !fetch.known || !fetch.known->is_good()) return outcome;
        // The new address doesn't serve yet, and the old one still does.
        log_of(fetch).going_on(outcome.jwks_uri, outcome.error, fetch.known->jwks_uri);
        fetch.known->evidence = false;
        return std::move(fetch.known);
    }
    if (!fetch.known && fetch.keys->is_fruitless(fetch.plan, outcome)) {
        // The keys may have moved.
        if (!has_time(fetch)) {
            outcome.evidence = false;
            return outcome;
        }
        fetch.known = std::move(outcome);
        fetch.discovering = true;
        return request(id, fetch);
    }
    // Discovery failed first: the keys may be somewhere else by now.
    if (fetch.known) outcome.evidence = false;
    return outcome;
}

FetchOutcome Fetcher::read_key_set(const Fetch &fetch, HttpResponse &response) {
    const std::string &url = fetch.plan.jwks_uri;
    FetchOutcome outcome = failure(response.result, url, std::move(response.error), std::move(response.hint));
    outcome.retry_after_s = response.retry_after_s;
    outcome.discovered = fetch.discovered;
    outcome.lifetime_s = response.lifetime_s;
    outcome.etag = std::move(response.etag);
    if (response.result == FetchResult::not_modified && fetch.plan.etag.empty())
        return failure(FetchResult::http_status, url, not_asked_for);
    if (response.result != FetchResult::ok) return outcome;

    jose::KeySet::Notes notes;
    Result<jose::KeySet> keys = jose::KeySet::parse(response.body, notes);
    log_of(fetch).notes(notes);
    if (!keys)
        return failure(FetchResult::bad_document, url, std::move(keys.error().detail),
                       std::move(keys.error().hint));
    if (keys->keys().empty()) outcome.result = FetchResult::empty;
    outcome.keys = std::move(*keys);
    outcome.document = std::move(response.body);
    return outcome;
}

bool Fetcher::has_time(const Fetch &fetch) const {
    return clock_.monotonic_ms() < fetch.plan.deadline_ms;
}

void Fetcher::end(Fetches::iterator entry, FetchOutcome outcome) noexcept {
    const Fetch fetch = std::move(entry->second);
    fetches_.erase(entry);
    const auto memory = memories_.find(fetch.keys.get());
    FetchEffect effect = FetchEffect::failed;
    FetchResult result = outcome.result;
    std::string document = std::move(outcome.document);
    std::string error;
    std::string url;
    try {
        error = outcome.error;
        url = outcome.jwks_uri;
        effect = fetch.keys->fetch_ended(std::move(outcome));
    } catch (const std::exception &) {
        result = FetchResult::network_error;
        error = "out of memory";
        fetch.keys->fetch_ended(out_of_memory());
    }
    if (memory == memories_.end()) return;
    SectionCache &cache = memory->second.cache;
    if (effect != FetchEffect::failed && effect != FetchEffect::empty_once && !document.empty())
        cache.remember(std::move(document), effect != FetchEffect::unchanged);
    try {
        tell(fetch, memory->second, effect, result, url, error);
    } catch (const std::exception &exception) {
        logger_.error(exception.what());
        cache.remove_older(fetch.plan);
    }
}

/// To the log and to the cache file.
void Fetcher::tell(const Fetch &fetch, Memory &memory, FetchEffect effect, FetchResult result,
                   const std::string &url, const std::string &error) {
    const KeyStatus status = fetch.keys->status();
    switch (effect) {
        case FetchEffect::failed:
            memory.log.fetch_failed(url, result, error, status);
            return;
        case FetchEffect::empty_once:
            memory.log.empty_set_came(status);
            return;
        case FetchEffect::emptied:
            memory.log.all_keys_dropped();
            break;
        case FetchEffect::unchanged:
        case FetchEffect::changed:
            break;
    }
    memory.cache.write(fetch.plan, status, clock_, memory.log);
    memory.log.set_came(url, effect != FetchEffect::unchanged, status);
}

}  // namespace tokenward::keys
