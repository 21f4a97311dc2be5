#include "keys/engine.hpp"

#include "base/text.hpp"
#include "keys/cache_file.hpp"
#include "keys/discovery.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t rewrite_cache_after_ms = 60'000;

bool contains(const std::vector<std::shared_ptr<Store>> &stores, const Store *store) {
    return std::any_of(stores.begin(), stores.end(), [store](const auto &s) { return s.get() == store; });
}

/// "1 key", "2 keys".
std::string count_keys(std::size_t count) {
    return fmt::format("{} {}", count, count == 1 ? "key" : "keys");
}

std::string next_try(const KeyStatus &status) {
    return fmt::format("next try in {} s", status.next_fetch_in_s);
}

}  // namespace

Engine::Engine(const Clock &clock, Logger &logger, Transport &transport, Proxy environment)
    : clock_(clock), logger_(logger), transport_(transport), environment_(std::move(environment)) {}

void Engine::round(const std::vector<std::shared_ptr<Store>> &stores, std::int64_t max_wait_ms) {
    drop_jobs_of_others(stores);
    for (const auto &store : stores) {
        std::optional<FetchPlan> plan = store->begin_if_due();
        if (!plan) continue;
        try {
            begin(store, std::move(*plan));
        } catch (const std::exception &error) {
            // A fetch that began must end, or the section would never see another.
            store->failed(FetchResult::network_error, error.what(), false);
        }
    }
    std::int64_t next = Schedule::never;
    for (const auto &store : stores) next = std::min(next, store->next_fetch_at());
    const std::int64_t now = clock_.monotonic_ms();
    const std::int64_t wait =
        next == Schedule::never ? max_wait_ms : std::clamp<std::int64_t>(next - now, 0, max_wait_ms);
    for (Transport::Completed &done : transport_.wait(wait)) take_in(done.id, std::move(done.response));
}

void Engine::drop_jobs_of_others(const std::vector<std::shared_ptr<Store>> &stores) {
    for (auto job = jobs_.begin(); job != jobs_.end();) {
        if (contains(stores, job->second.store.get())) {
            ++job;
        } else {
            transport_.cancel(job->first);
            job = jobs_.erase(job);
        }
    }
    std::erase_if(said_, [&stores](const auto &entry) { return !contains(stores, entry.first); });
}

void Engine::begin(const std::shared_ptr<Store> &store, FetchPlan plan) {
    const Transport::Id id = next_id_++;
    Job &job = jobs_[id];
    job.store = store;
    job.discovering = plan.discover;
    job.plan = std::move(plan);
    try {
        request(id, job);
    } catch (...) {
        jobs_.erase(id);
        throw;
    }
}

void Engine::request(Transport::Id id, const Job &job) {
    HttpRequest http;
    http.url = job.discovering ? discovery_url(job.plan.issuer) : job.plan.jwks_uri;
    if (!job.discovering) http.etag = job.plan.etag;
    http.last = !job.discovering;
    http.ca_pem = job.plan.ca_pem;
    // An option of the section is meant for this very provider; NO_PROXY belongs to the environment's proxy.
    http.proxy = job.plan.proxy.value_or(environment_.url);
    if (!job.plan.proxy) http.no_proxy = environment_.except;
    transport_.start(id, std::move(http));
}

void Engine::take_in(Transport::Id id, HttpResponse response) {
    const auto entry = jobs_.find(id);
    if (entry == jobs_.end()) return;
    Job &job = entry->second;
    try {
        if (job.discovering) {
            discovered(id, job, std::move(response));
            if (!job.discovering) return;  // the key set's request is on its way
        } else {
            keys_came(job, std::move(response));
        }
    } catch (const std::exception &error) {
        // Out of memory: the section must not be left without a next fetch.
        fail(job, FetchResult::bad_document, error.what(), true);
    }
    jobs_.erase(id);
}

void Engine::discovered(Transport::Id id, Job &job, HttpResponse response) {
    FetchResult result = response.result;
    std::string error = std::move(response.error);
    if (result == FetchResult::ok) {
        Result<std::string> uri = read_discovery_document(response.body, job.plan.issuer);
        if (uri) {
            if (*uri != job.plan.jwks_uri) job.plan.etag.clear();  // it is another document's
            job.plan.jwks_uri = std::move(*uri);
            job.discovered_now = true;
            job.discovering = false;
            request(id, job);
            return;
        }
        result = FetchResult::bad_document;
        error = uri.error().detail;
    } else if (result == FetchResult::not_modified) {
        result = FetchResult::http_status;
        error = "HTTP status 304 to an unconditional request";
    }
    if (!job.plan.jwks_uri.empty() && response.reached) {
        // The address that served before may still do.
        logger_.warning(fmt::format("keys of {}: {}: {}; going on with {}", quote(job.plan.issuer),
                                    discovery_url(job.plan.issuer), error, quote(job.plan.jwks_uri, 256)));
        job.discovering = false;
        request(id, job);
        return;
    }
    fail(job, result, error, response.reached);
}

void Engine::keys_came(Job &job, HttpResponse response) {
    Store &store = *job.store;
    const Store::Fetched from{job.plan.jwks_uri, response.etag, response.lifetime_s, job.discovered_now};
    if (response.result == FetchResult::not_modified) {
        if (!job.plan.etag.empty() && store.not_modified(from)) {
            say_success(job, false);
            remember(job, false);
            return;
        }
        fail(job, FetchResult::http_status, "HTTP status 304 to an unconditional request", true);
        return;
    }
    if (response.result != FetchResult::ok) {
        fail(job, response.result, response.error, response.reached);
        return;
    }
    jose::KeySet::Notes notes;
    Result<jose::KeySet> keys = jose::KeySet::parse(response.body, notes);
    say_notes(job, notes);
    if (!keys) {
        fail(job, FetchResult::bad_document, keys.error().detail, true);
        return;
    }
    const bool empty = keys->keys().empty();
    const bool changed = store.fetched(std::move(*keys), from);
    if (empty && changed) {
        logger_.warning(
            fmt::format("keys of {}: the provider's set came empty twice: all keys are dropped, no "
                        "token is accepted until there are new ones",
                        quote(job.plan.issuer)));
    } else if (empty && !store.status().last_error.empty()) {
        logger_.warning(fmt::format("keys of {}: the provider's set is empty: believed when it comes again; {}",
                                    quote(job.plan.issuer), next_try(store.status())));
        return;
    }
    said_[&store].jwks = std::move(response.body);
    say_success(job, changed);
    remember(job, changed);
}

void Engine::fail(Job &job, FetchResult result, const std::string &error, bool reached) {
    job.store->failed(result, error, reached);
    said_[job.store.get()].broken = true;
    const KeyStatus status = job.store->status();
    const std::string url = job.discovering ? discovery_url(job.plan.issuer) : job.plan.jwks_uri;
    std::string have = "there are no keys yet";
    if (status.age_s >= 0 && status.stale) {
        have = "the keys it had no longer count";
    } else if (status.age_s >= 0) {
        have = status.keys.size() == 1 ? "the key it has stays"
                                       : fmt::format("the {} keys it has stay", status.keys.size());
    }
    logger_.warning(fmt::format("keys of {}: fetching {} failed ({}): {}; {}; {}", quote(job.plan.issuer),
                                quote(url, 256), fetch_result_name(result), error, have, next_try(status)));
}

void Engine::say_notes(const Job &job, const jose::KeySet::Notes &notes) {
    for (const std::string &note : notes.debug) {
        logger_.debug(fmt::format("keys of {}: {}", quote(job.plan.issuer), note));
    }
    std::vector<std::string> &said = said_[job.store.get()].notes;
    if (said == notes.warnings) return;
    said = notes.warnings;
    for (const std::string &note : notes.warnings) {
        logger_.warning(fmt::format("keys of {}: {}", quote(job.plan.issuer), note));
    }
}

void Engine::say_success(const Job &job, bool changed) {
    bool &broken = said_[job.store.get()].broken;
    const KeyStatus status = job.store->status();
    const LogLevel level = changed || broken ? LogLevel::info : LogLevel::debug;
    if (logger_.wants(level)) {
        logger_.write(level, fmt::format("keys of {}: {} from {}{}, next fetch in {} s", quote(job.plan.issuer),
                                         count_keys(status.keys.size()), quote(job.plan.jwks_uri, 256),
                                         changed ? "" : ", unchanged", status.next_fetch_in_s));
    }
    broken = false;
}

void Engine::remember(const Job &job, bool changed) {
    const config::Section section = job.store->section();
    Said &said = said_[job.store.get()];
    const std::int64_t now = clock_.monotonic_ms();
    if (section.keys.jwks_cache_file.empty() || said.jwks.empty()) return;
    // A confirmation only makes the file younger: not worth an fsync every few seconds.
    if (!changed && said.cached_at && now - *said.cached_at < rewrite_cache_after_ms) return;
    said.cached_at = now;
    const CachedKeys cached{section.name,          section.issuer, job.plan.jwks_uri, section.keys.jwks_uri.empty(),
                            clock_.unix_seconds(), said.jwks};
    const Result<void> written = write_cache_file(section.keys.jwks_cache_file, cached);
    const std::string error = written ? std::string() : written.error().detail;
    if (!written && changed) {
        // What it holds may have been revoked: better no file than that one.
        ::unlink(section.keys.jwks_cache_file.c_str());
    }
    if (!error.empty() && error != said.cache_error) {
        logger_.warning(fmt::format("keys of {}: {}", quote(job.plan.issuer), error));
    }
    said.cache_error = error;
}

}  // namespace tokenward::keys
