// One loaded configuration with its keys, its thread and its counters.
#pragma once

#include "base/clock.hpp"
#include "base/epoch.hpp"
#include "base/log.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "keys/fetcher.hpp"
#include "session/admission.hpp"
#include "session/audit.hpp"
#include "session/counters.hpp"
#include "session/metrics_file.hpp"
#include "session/session.hpp"
#include "session/token_cache.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {

/// tokenward_options as values of our own.
struct BackendOptions {
    std::vector<std::string> config_files;
    std::string config_json;
    std::uint32_t startup_wait_ms = 0;
    std::uint32_t max_wait_ms = 0;
    LogSink log = nullptr;
    void *log_user = nullptr;
};

/// Thread-safe. Held by its handle; sessions know it weakly. Every function leaves the thread's OpenSSL error
/// queue as it was.
class Backend : public std::enable_shared_from_this<Backend> {
  public:
    static Result<std::shared_ptr<Backend>> create(const BackendOptions &options,
                                                   const Clock &clock = SystemClock::instance());
    ~Backend();

    Result<std::unique_ptr<Session>> authenticate(const Presented &presented, const Context &context);
    /// The same identity with new rights, or the old rights stay.
    Result<void> refresh(Session &session, const Presented &presented, const Context &context);
    /// All or nothing. Without options: the files and JSON that are in use are read again.
    Result<void> reload(const BackendOptions *options);

    /// An unverified token as JSON; `backend` null: every scope counts, no prefix is cut.
    static Result<std::string> inspect(const Backend *backend, std::string_view token);
    std::string status() const;
    std::string metrics() const;
    static Result<std::string> check_config(const BackendOptions &options);

    /// Wakes all waiters, joins the thread, ends the log. Bounded.
    void close() noexcept;
    /// The same in a forked child, where the thread and other threads' locks never come back.
    void abandon_in_forked_child() noexcept;
    bool in_forked_child() const noexcept;

  private:
    Backend(const BackendOptions &options, const Clock &clock);

    Result<std::shared_ptr<const Loaded>> load(const BackendOptions &options);
    std::shared_ptr<const Loaded> loaded() const noexcept;
    /// Who may come in, with its line in the log. `same_as` not null: only its identity.
    struct Entry {
        std::shared_ptr<const Anchor> anchor;
        std::string username;
        Rights rights;
    };
    Result<Entry> enter(std::string_view what, const Presented &presented, const Context &context,
                        const Session *same_as);
    /// The same token again: without a signature check, and without a reference count that two threads share.
    std::optional<Result<Entry>> enter_known(std::string_view what, const credentials::Token &sent,
                                             const Context &context, const Session *same_as, Scratch &scratch);
    Result<Entry> enter_new(std::string_view what, const credentials::Token &sent, const Context &context,
                            const Session *same_as, Scratch &scratch);
    Result<Entry> conclude(std::string_view what, const Loaded &loaded, Result<Admitted> admitted,
                           const Context &context, const Trace &trace, const access::Notes &notes,
                           const Session *same_as);
    void note_refusal(std::string_view what, const Context &context, const Trace &trace,
                      const Failure &failure);

    const Clock &clock_;
    BackendOptions options_;
    Logger logger_;
    Audit audit_;
    std::shared_ptr<Counters> counters_ = std::make_shared<Counters>();
    const std::uint32_t fork_generation_;
    std::atomic<std::uint32_t> max_wait_ms_;
    std::atomic<bool> closed_{false};

    std::mutex reload_;             ///< one at a time; readers don't take it
    std::uint64_t generation_ = 0;  ///< guarded by reload_ (create: nobody else is there yet)
    std::unique_ptr<keys::Fetcher> fetcher_;
    mutable EpochDomain readers_;
    std::unique_ptr<Snapshot<std::shared_ptr<const Loaded>>> loaded_;
    Pool<Scratch> scratch_;
    TokenCache token_cache_;
    MetricsFile metrics_file_;  ///< last: its thread calls metrics()
};

}  // namespace tokenward::session
