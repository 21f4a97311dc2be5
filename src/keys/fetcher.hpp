// Fetches the keys of all sections of a backend, on one thread of its own.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "keys/errands.hpp"
#include "keys/fetch_log.hpp"
#include "keys/fetch_outcome.hpp"
#include "keys/fetch_plan.hpp"
#include "keys/key_waiters.hpp"
#include "keys/proxy.hpp"
#include "keys/section_cache.hpp"
#include "keys/section_input.hpp"
#include "keys/section_keys.hpp"
#include "keys/transport.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace tokenward::keys {

using Sections = std::vector<std::shared_ptr<SectionKeys>>;

/// The thread starts with the first section that needs the network. It blocks all signals.
class Fetcher {
  public:
    static Result<std::unique_ptr<Fetcher>> create(const Clock &clock, Logger &logger);
    /// Clock and logger must outlive the fetcher. `transport` NULL: libcurl's. Throws std::system_error.
    Fetcher(const Clock &clock, Logger &logger, Proxy environment, std::unique_ptr<Transport> transport);
    ~Fetcher();
    Fetcher(const Fetcher &) = delete;
    Fetcher &operator=(const Fetcher &) = delete;

    // ---- for whoever configures the backend, one thread at a time ----
    /// Before the first prepare(). They live as long as the fetcher.
    void carry(std::unique_ptr<Errands> errands) noexcept { errands_ = std::move(errands); }
    /// There are errands, whether or not a section needs the network. Fails with RESOURCE_LIMIT.
    Result<void> start_thread();
    /// The thread looks again what is due. Any thread.
    void wake() noexcept { waiters_->fetcher.signal(); }
    /// The environment's, read when the fetcher was made.
    const Proxy &environment() const noexcept { return environment_; }
    /// The keys of a section; sections that share an issuer share them. They are those already there if
    /// SectionKeys::serves(); the other settings are then taken over at commit(). Else they are new, and their first
    /// fetch begins at commit(). Nothing changes for others before commit(). Fails with RESOURCE_LIMIT.
    Result<std::shared_ptr<SectionKeys>> prepare(SectionInput input);
    /// The sections prepared since the last commit() or rollback() are the backend's; all others are dropped.
    void commit();
    void rollback() noexcept { prepared_.clear(); }
    /// Waits until every section has keys or the time is up. True if all have.
    bool wait_for_first_keys(std::int64_t max_wait_ms);
    /// Wakes all waiters, gives up running fetches, joins the thread. Idempotent; bounded.
    void stop() noexcept;
    /// In a forked child, where the thread doesn't exist: nothing of a fetcher can be ended there.
    static void abandon_in_forked_child(std::unique_ptr<Fetcher> fetcher) noexcept;

    // ---- for the thread, or for a test without one ----
    /// Begins what is due among `sections`, gives up the fetches of all others, waits for at most
    /// `max_wait_ms`, takes in what came.
    void round(const Sections &sections, std::int64_t max_wait_ms);

  private:
    struct Prepared {
        std::shared_ptr<SectionKeys> keys;
        SectionInput input;
        bool is_new = false;
    };
    /// A running fetch: the keys at the known address; if that bears no fruit, discovery, then the keys at the
    /// address that it names. All within one deadline.
    struct Fetch {
        std::shared_ptr<SectionKeys> keys;
        FetchPlan plan;
        bool discovering = false;           ///< the request that runs is for the discovery document
        bool discovered = false;            ///< plan.jwks_uri is what discovery says now
        std::optional<FetchOutcome> known;  ///< what the address that was known before brought

        std::string url() const;
    };
    /// What the thread remembers of a section.
    struct Memory {
        FetchLog log;
        SectionCache cache;
    };
    using Fetches = std::unordered_map<Transport::Id, Fetch>;

    void run() noexcept;

    std::int64_t begin_what_is_due(const Sections &sections, std::int64_t max_wait_ms);
    void give_up_fetches_of_others(const Sections &sections);
    void end_overdue() noexcept;
    void begin(const std::shared_ptr<SectionKeys> &keys, FetchPlan plan);
    std::optional<FetchOutcome> request(Transport::Id id, const Fetch &fetch);
    void take_in(Transport::Id id, HttpResponse response) noexcept;
    std::optional<FetchOutcome> after_discovery(Transport::Id id, Fetch &fetch, HttpResponse &response);
    std::optional<FetchOutcome> after_keys(Transport::Id id, Fetch &fetch, HttpResponse &response);
    FetchOutcome read_key_set(const Fetch &fetch, HttpResponse &response);
    bool has_time(const Fetch &fetch) const;
    FetchLog &log_of(const Fetch &fetch) { return memories_.at(fetch.keys.get()).log; }
    void end(Fetches::iterator entry, FetchOutcome outcome) noexcept;
    void tell(const Fetch &fetch, Memory &memory, FetchEffect effect, FetchResult result,
              const std::string &url, const std::string &error);

    const Clock &clock_;
    Logger &logger_;
    const Proxy environment_;
    const std::shared_ptr<KeyWaiters> waiters_;
    Sections sections_;               ///< guarded by waiters_->mutex
    std::vector<Prepared> prepared_;  ///< the configuring thread's
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<Errands> errands_;  ///< NULL: none
    std::thread thread_;

    // The thread's.
    Fetches fetches_;
    std::unordered_map<const SectionKeys *, Memory> memories_;
    Transport::Id next_id_ = 1;

    Fetcher *abandoned_before_ = nullptr;
};

}  // namespace tokenward::keys
