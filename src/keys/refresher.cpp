#include "keys/refresher.hpp"

#include "base/blocked_signals.hpp"
#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "keys/cache_file.hpp"
#include "keys/engine.hpp"
#include "keys/http_client.hpp"
#include "keys/random.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>

namespace tokenward::keys {
namespace {

constexpr std::size_t largest_key_file = std::size_t{1} << 20;
constexpr std::size_t largest_ca_file = std::size_t{8} << 20;  // the system's bundles have some 200 KB
/// The thread looks at its clock at least this often; everything else wakes it.
constexpr std::int64_t longest_nap_ms = 60'000;
constexpr std::int64_t nap_after_exception_ms = 1'000;

using Stores = std::vector<std::shared_ptr<Store>>;

bool holds_certificate(const std::string &pem) noexcept {
    ERR_set_mark();
    BIO *bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509 *certificate = bio != nullptr ? PEM_read_bio_X509_AUX(bio, nullptr, nullptr, nullptr) : nullptr;
    const bool found = certificate != nullptr;
    X509_free(certificate);
    BIO_free(bio);
    ERR_pop_to_mark();
    return found;
}

Result<jose::KeySet> read_static_set(const std::string &path, Logger &logger) {
    const Result<std::string> text = read_trusted_file(path, largest_key_file);
    if (!text) return tl::unexpected<Failure>(text.error());
    jose::KeySet::Notes notes;
    Result<jose::KeySet> keys = jose::KeySet::parse(*text, notes);
    for (const std::string &note : notes.warnings)
        logger.warning(fmt::format("jwks_file {}: {}", quote(path), note));
    for (const std::string &note : notes.debug)
        logger.debug(fmt::format("jwks_file {}: {}", quote(path), note));
    if (!keys) {
        return fail(
            Reason::CONFIG_INVALID_VALUE,
            fmt::format("jwks_file {}: {}", quote(path, 256), keys.error().detail),
            "a key set is a JSON object with \"keys\", an array of public JSON Web Keys (RFC 7517 section 5)");
    }
    if (keys->keys().empty()) {
        return fail(Reason::CONFIG_INVALID_VALUE,
                    fmt::format("jwks_file {}: it holds no keys", quote(path, 256)),
                    "put at least one public signature key into it");
    }
    return keys;
}

Result<SectionInput> read_input(const config::Section &section, Logger &logger) {
    SectionInput input{section, nullptr, std::nullopt};
    if (!section.keys.jwks_file.empty()) {
        Result<jose::KeySet> keys = read_static_set(section.keys.jwks_file, logger);
        if (!keys) return pass_on(std::move(keys));
        input.static_set = std::move(*keys);
        return input;
    }
    if (!section.keys.ca_file.empty()) {
        Result<std::string> pem = read_trusted_file(section.keys.ca_file, largest_ca_file);
        if (!pem) return pass_on(std::move(pem));
        if (!holds_certificate(*pem)) {
            return fail(Reason::CONFIG_INVALID_VALUE,
                        fmt::format("ca_file {}: it holds no certificate in PEM", quote(section.keys.ca_file, 256)),
                        "give a file with one or more '-----BEGIN CERTIFICATE-----' blocks");
        }
        input.ca_pem = std::make_shared<const std::string>(std::move(*pem));
    }
    return input;
}

class RefresherThread final : public Refresher {
  public:
    RefresherThread(const Clock &clock, Logger &logger)
        : state_(std::make_unique<State>(clock, logger, proxy_from_environment())) {}
    ~RefresherThread() override { stop(); }
    RefresherThread(const RefresherThread &) = delete;
    RefresherThread &operator=(const RefresherThread &) = delete;

    Result<std::shared_ptr<KeyStore>> adopt(const config::Section &section) override;
    void commit() override;
    void rollback() noexcept override { state_->adopted.clear(); }
    bool wait_for_first_keys(std::int64_t max_wait_ms) override;
    void stop() noexcept override;
    void abandon_in_forked_child() noexcept override;

  private:
    struct Adopted {
        std::shared_ptr<Store> store;
        SectionInput input;
        bool is_new = false;
    };

    /// All that the thread touches; in a forked child it is left where it is.
    struct State {
        State(const Clock &clock_in, Logger &logger_in, Proxy environment_in)
            : clock(clock_in),
              logger(logger_in),
              environment(std::move(environment_in)),
              room(std::make_shared<WaitRoom>()) {}

        const Clock &clock;
        Logger &logger;
        const Proxy environment;
        const std::shared_ptr<WaitRoom> room;
        Stores stores;                 ///< guarded by room->mutex
        std::vector<Adopted> adopted;  ///< the configuring thread's
        std::unique_ptr<HttpClient> client;
        std::thread thread;
        State *abandoned_before = nullptr;
    };

    Result<void> start_thread();
    static void run(State &state) noexcept;
    void restore_from_cache(Store &store, const config::Section &section);

    std::unique_ptr<State> state_;
};

Result<std::shared_ptr<KeyStore>> RefresherThread::adopt(const config::Section &section) {
    State &state = *state_;
    Result<SectionInput> input = read_input(section, state.logger);
    if (!input) return pass_on(std::move(input));

    Adopted adopted{nullptr, std::move(*input), false};
    Stores stores;
    {
        const std::lock_guard lock(state.room->mutex);
        stores = state.stores;
    }
    for (const auto &store : stores) {
        if (store->serves(section)) adopted.store = store;
    }
    if (!adopted.store) {
        adopted.is_new = true;
        adopted.store = std::make_shared<Store>(state.clock, state.room, adopted.input, Random());
        if (!adopted.store->is_static()) {
            const Result<void> started = start_thread();
            if (!started) return tl::unexpected<Failure>(started.error());
            restore_from_cache(*adopted.store, section);
        }
    }
    state.adopted.push_back(adopted);
    return std::shared_ptr<KeyStore>(std::move(adopted.store));
}

void RefresherThread::restore_from_cache(Store &store, const config::Section &section) {
    if (section.keys.jwks_cache_file.empty()) return;
    Logger &logger = state_->logger;
    const std::int64_t now = state_->clock.unix_seconds();
    const Result<std::optional<CachedKeys>> cached = read_cache_file(
        section.keys.jwks_cache_file, {section.issuer, section.keys.jwks_uri, section.keys.jwks_max_stale_s, now});
    if (!cached) {
        logger.warning(fmt::format("keys of {}: not used: {}", quote(section.issuer), cached.error().detail));
        return;
    }
    if (!*cached) return;
    jose::KeySet::Notes notes;
    Result<jose::KeySet> keys = jose::KeySet::parse((*cached)->jwks, notes);
    // An emptied set is remembered so that no older file comes back; there is nothing in it to use.
    if (!keys || keys->keys().empty()) {
        logger.warning(fmt::format("keys of {}: not used: jwks_cache_file {} holds no usable keys",
                                   quote(section.issuer), quote(section.keys.jwks_cache_file, 256)));
        return;
    }
    const std::int64_t age = now - (*cached)->fetched_at;
    logger.info(fmt::format("keys of {}: {} from jwks_cache_file {}, {} s old", quote(section.issuer),
                            keys->keys().size(), quote(section.keys.jwks_cache_file, 256), age));
    store.restore(std::move(*keys), (*cached)->jwks_uri, age);
}

Result<void> RefresherThread::start_thread() {
    State &state = *state_;
    if (state.thread.joinable()) return {};
    if (!initialise_curl()) return fail(Reason::INTERNAL, "libcurl can't be initialised");
    try {
        state.client = std::make_unique<HttpClient>(*state.room);
        const AllSignalsBlocked blocked;
        state.thread = std::thread([&state] { run(state); });
    } catch (const std::system_error &error) {
        return fail(Reason::INTERNAL, fmt::format("no thread for fetching keys: {}", error.what()));
    }
    return {};
}

void RefresherThread::run(State &state) noexcept {
    ::pthread_setname_np(::pthread_self(), "tokenward-keys");
    {
        Engine engine(state.clock, state.logger, *state.client, state.environment);
        for (;;) {
            std::int64_t nap = longest_nap_ms;
            try {
                Stores stores;
                {
                    const std::lock_guard lock(state.room->mutex);
                    if (state.room->closed) break;
                    stores = state.stores;
                }
                engine.round(stores, nap);
            } catch (const std::exception &error) {
                // Memory was short: what is due stays due.
                state.logger.error(error.what());
                std::unique_lock lock(state.room->mutex);
                state.room->changed.wait_for(lock, std::chrono::milliseconds(nap_after_exception_ms),
                                             [&state] { return state.room->closed; });
            }
        }
    }
    // Here and not by the host's thread: closing TLS connections can raise SIGPIPE.
    state.client.reset();
}

void RefresherThread::commit() {
    State &state = *state_;
    Stores next;
    next.reserve(state.adopted.size());
    for (Adopted &adopted : state.adopted) next.push_back(adopted.store);
    for (Adopted &adopted : state.adopted) {
        if (adopted.is_new) {
            if (!adopted.store->is_static()) adopted.store->start();
        } else {
            adopted.store->apply(std::move(adopted.input));
        }
    }
    state.adopted.clear();
    {
        const std::lock_guard lock(state.room->mutex);
        state.stores.swap(next);
    }
    // `next` now holds the stores of before; nobody else changes the set of stores.
    for (const auto &store : next) {
        if (std::find(state.stores.begin(), state.stores.end(), store) == state.stores.end()) store->close();
    }
    state.room->wake_thread();
}

bool RefresherThread::wait_for_first_keys(std::int64_t max_wait_ms) {
    State &state = *state_;
    std::unique_lock lock(state.room->mutex);
    const auto all_there = [&state] {
        return std::all_of(state.stores.begin(), state.stores.end(),
                           [](const auto &s) { return s->has_keys(); });
    };
    state.room->changed.wait_for(lock, std::chrono::milliseconds(std::max<std::int64_t>(max_wait_ms, 0)),
                                 [&] { return state.room->closed || all_there(); });
    return all_there();
}

void RefresherThread::stop() noexcept {
    if (!state_) return;
    State &state = *state_;
    {
        const std::lock_guard lock(state.room->mutex);
        state.room->closed = true;
        state.room->changed.notify_all();
    }
    state.room->wake_thread();
    if (state.thread.joinable()) state.thread.join();
}

void RefresherThread::abandon_in_forked_child() noexcept {
    // Locks may be held, waiters may be counted in condition variables, and TLS connections are the parent's:
    // nothing of it can be ended here. It stays reachable, so that no leak checker complains.
    static std::atomic<State *> abandoned{nullptr};
    State *state = state_.release();
    if (state == nullptr) return;
    state->abandoned_before = abandoned.exchange(state);
}

}  // namespace

Result<std::unique_ptr<Refresher>> Refresher::create(const Clock &clock, Logger &logger) {
    try {
        return std::unique_ptr<Refresher>(std::make_unique<RefresherThread>(clock, logger));
    } catch (const std::system_error &error) {
        return fail(Reason::INTERNAL, fmt::format("the key refresher can't begin: {}", error.what()));
    }
}

}  // namespace tokenward::keys
