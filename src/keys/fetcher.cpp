#include "keys/fetcher.hpp"

#include "base/at_work.hpp"
#include "base/blocked_signals.hpp"
#include "keys/bearer_file.hpp"
#include "keys/discovery.hpp"
#include "keys/http_client.hpp"
#include "keys/random.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

namespace tokenward::keys {
namespace {

/// The thread looks at its clock at least this often; everything else wakes it.
constexpr std::int64_t longest_nap_ms = 60'000;
constexpr std::int64_t nap_after_exception_ms = 1'000;

bool contains(const Sections &sections, const SectionKeys *keys) {
    return std::any_of(sections.begin(), sections.end(), [keys](const auto &s) { return s.get() == keys; });
}

/// A thread that ended now would clean up in OpenSSL, beside OpenSSL's own clean-up.
[[noreturn]] void sleep_until_the_end() noexcept {
    for (;;) ::pause();
}

FetchOutcome failure(FetchResult result, std::string error, bool reached) {
    FetchOutcome outcome;
    outcome.result = result;
    outcome.error = std::move(error);
    outcome.reached = reached;
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

Result<std::shared_ptr<SectionKeys>> Fetcher::prepare(const config::Section &section) {
    Result<SectionInput> input = read_section_input(section, logger_);
    if (!input) return pass_on(std::move(input));

    Prepared prepared{nullptr, std::move(*input), false};
    // Only this thread changes sections_: it reads them without the lock.
    for (const auto &keys : sections_) {
        if (keys->serves(section)) prepared.keys = keys;
    }
    if (!prepared.keys) {
        prepared.is_new = true;
        prepared.keys = std::make_shared<SectionKeys>(clock_, waiters_, prepared.input, Random());
        if (!prepared.keys->is_static()) {
            if (Result<void> started = start_thread(); !started) return pass_on(std::move(started));
            restore_from_cache_file(*prepared.keys, section, clock_, logger_);
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
    for (Transport::Completed &done : completed) take_in(done.id, std::move(done.response));
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
        } catch (const std::exception &error) {
            // A fetch that began must end, or the section would never see another.
            keys->fetch_ended(failure(FetchResult::network_error, error.what(), false));
        }
    }
    std::int64_t next = Schedule::never;
    for (const auto &keys : sections) next = std::min(next, keys->next_fetch_at());
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

std::string Fetcher::Fetch::url() const {
    return discovering ? discovery_url(plan.issuer) : plan.jwks_uri;
}

void Fetcher::begin(const std::shared_ptr<SectionKeys> &keys, FetchPlan plan) {
    const Transport::Id id = next_id_++;
    Fetch &fetch = fetches_[id];
    fetch.keys = keys;
    fetch.discovering = plan.discover;
    fetch.plan = std::move(plan);
    try {
        request(id, fetch);
    } catch (...) {
        fetches_.erase(id);
        throw;
    }
}

void Fetcher::request(Transport::Id id, const Fetch &fetch) {
    HttpRequest http;
    http.url = fetch.url();
    if (!fetch.discovering) http.etag = fetch.plan.etag;
    http.keep_connection = fetch.discovering;
    Result<std::string> token = bearer_token_for(http.url, fetch.plan.token_file, fetch.plan.token_for);
    if (!token) throw std::runtime_error(token.error().detail);
    http.bearer_token = std::move(*token);
    http.ca_pem = fetch.plan.ca_pem;
    // The section's own option is meant for this very provider. NO_PROXY belongs to the environment's proxy.
    http.proxy = fetch.plan.proxy.value_or(environment_.url);
    if (!fetch.plan.proxy) http.no_proxy = environment_.except;
    transport_->start(id, std::move(http));
}

void Fetcher::take_in(Transport::Id id, HttpResponse response) {
    const auto entry = fetches_.find(id);
    if (entry == fetches_.end()) return;
    Fetch &fetch = entry->second;
    std::optional<FetchOutcome> outcome;
    try {
        if (fetch.discovering) {
            outcome = read_discovery(id, fetch, response);
        } else {
            outcome = read_key_set(fetch, response);
        }
    } catch (const std::exception &error) {
        // Out of memory: the section must not be left without a next fetch.
        outcome = failure(FetchResult::bad_document, error.what(), true);
    }
    if (!outcome) return;  // the discovery is done, the key set's request is on its way
    const Fetch ended = std::move(fetch);
    fetches_.erase(entry);
    end(ended, std::move(*outcome), std::move(response.body));
}

std::optional<FetchOutcome> Fetcher::read_discovery(Transport::Id id, Fetch &fetch, HttpResponse &response) {
    FetchResult result = response.result;
    std::string error = std::move(response.error);
    if (result == FetchResult::ok) {
        Result<std::string> uri = read_discovery_document(response.body, fetch.plan.issuer);
        if (uri) {
            if (*uri != fetch.plan.jwks_uri) fetch.plan.etag.clear();  // it is another document's
            fetch.plan.jwks_uri = std::move(*uri);
            fetch.discovered = true;
            fetch.discovering = false;
            request(id, fetch);
            return std::nullopt;
        }
        result = FetchResult::bad_document;
        error = uri.error().detail;
    } else if (result == FetchResult::not_modified) {
        result = FetchResult::http_status;
        error = "HTTP status 304 to an unconditional request";
    }
    if (!fetch.plan.jwks_uri.empty() && response.reached) {
        // The address that served before may still do.
        memory_of(fetch).log.discovery_failed(fetch.url() + ": " + error, fetch.plan.jwks_uri);
        fetch.discovering = false;
        request(id, fetch);
        return std::nullopt;
    }
    return failure(result, std::move(error), response.reached);
}

FetchOutcome Fetcher::read_key_set(const Fetch &fetch, HttpResponse &response) {
    FetchOutcome outcome;
    outcome.result = response.result;
    outcome.error = std::move(response.error);
    outcome.reached = response.reached;
    outcome.jwks_uri = fetch.plan.jwks_uri;
    outcome.discovered = fetch.discovered;
    outcome.lifetime_s = response.lifetime_s;
    outcome.etag = std::move(response.etag);
    if (response.result == FetchResult::not_modified && fetch.plan.etag.empty())
        return failure(FetchResult::http_status, "HTTP status 304 to an unconditional request", true);
    if (response.result != FetchResult::ok) return outcome;

    jose::KeySet::Notes notes;
    Result<jose::KeySet> keys = jose::KeySet::parse(response.body, notes);
    memory_of(fetch).log.notes(notes);
    if (!keys) return failure(FetchResult::bad_document, keys.error().detail, true);
    if (keys->keys().empty()) outcome.result = FetchResult::empty;
    outcome.keys = std::move(*keys);
    return outcome;
}

void Fetcher::end(const Fetch &fetch, FetchOutcome outcome, std::string jwks) {
    FetchResult result = outcome.result;
    std::string error = outcome.error;
    FetchEffect effect = FetchEffect::failed;
    try {
        effect = fetch.keys->fetch_ended(std::move(outcome));
    } catch (const std::exception &exception) {
        result = FetchResult::bad_document;
        error = exception.what();
        fetch.keys->fetch_ended(failure(result, error, true));
    }
    Memory &memory = memory_of(fetch);
    const KeyStatus status = fetch.keys->status();
    switch (effect) {
        case FetchEffect::failed:
            memory.log.fetch_failed(fetch.url(), result, error, status);
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
    const bool changed = effect != FetchEffect::unchanged;
    memory.log.set_came(fetch.plan.jwks_uri, changed, status);
    if (result != FetchResult::not_modified) memory.cache.remember(std::move(jwks));
    memory.cache.write(*fetch.keys, fetch.plan, changed, clock_, memory.log);
}

Fetcher::Memory &Fetcher::memory_of(const Fetch &fetch) {
    return memories_.try_emplace(fetch.keys.get(), Memory{FetchLog(logger_, fetch.plan.issuer), {}})
        .first->second;
}

}  // namespace tokenward::keys
