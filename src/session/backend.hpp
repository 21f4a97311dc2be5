// The backend: a configuration with its keys, their thread, and the logins.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "credentials/credentials.hpp"
#include "introspection/introspector.hpp"
#include "keys/fetcher.hpp"
#include "session/configuration.hpp"
#include "session/context.hpp"
#include "session/login.hpp"
#include "session/metrics_file.hpp"
#include "session/session.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {

/// The values of tokenward_options.
struct BackendOptions {
    std::vector<std::string> config_files;
    std::string config_json;
    std::uint32_t startup_wait_ms = 0;
    std::uint32_t max_wait_ms = 0;
    LogTarget log;
};

/// Thread-safe. Its handle owns it; sessions hold a weak pointer. Every function leaves the thread's OpenSSL
/// error queue as it was.
class Backend : public std::enable_shared_from_this<Backend> {
  public:
    static Result<std::shared_ptr<Backend>> create(const BackendOptions &options,
                                                   const Clock &clock = SystemClock::instance());
    ~Backend();

    Result<std::unique_ptr<Session>> authenticate(const credentials::Credentials &credentials,
                                                  const Context &context);
    /// Gives the session the rights of a new token of the same identity. On failure the old rights stay.
    Result<void> refresh(Session &session, const credentials::Credentials &credentials, const Context &context);
    /// All or nothing. NULL reads the files and JSON in use again.
    Result<void> reload(const BackendOptions *options);

    /// Writes the line of a request that the host denied. Nothing, if the session allows it by now.
    void report_denial(const Session &session, const access::Request &request, Session::Until until,
                       const Context &context);
    /// A line for a misuse that the host can't be told in another way.
    void report_misuse(std::string_view function, std::string_view message);
    /// Whether a line of denied_file denies the identity, for what it made at that time (seconds since 1970).
    bool denies_identity(std::string_view issuer, std::string_view username, std::int64_t since) const noexcept;
    Logger &logger() noexcept { return logger_; }

    /// The token as JSON, unverified. Without a backend every scope counts and no prefix is cut.
    static Result<std::string> inspect(const Backend *backend, std::string_view token);
    std::string status() const;
    std::string metrics() const;
    static Result<std::string> check_config(const BackendOptions &options);

    /// Wakes all waiters, joins the threads, lets logins that began before finish, closes the log. Takes a
    /// bounded time.
    void close() noexcept;
    /// close() in a forked child: the threads don't exist there, and locks that they held stay locked.
    void abandon_in_forked_child() noexcept;
    bool in_forked_child() const noexcept;

  private:
    Backend(const BackendOptions &options, const Clock &clock);

    /// The options as a configuration that isn't in use yet. Threads that it needs run already.
    Result<std::shared_ptr<const Configuration>> load(const BackendOptions &options);
    void commit_asked(const Configuration &configuration);
    std::unique_ptr<const denials::DenialsInForce> denials_of(const Configuration &configuration) const;
    /// What isn't part of the snapshot that logins read.
    void apply(const config::Settings &settings);
    std::shared_ptr<const Configuration> configuration() const noexcept;

    const Clock &clock_;
    BackendOptions options_;
    Logger logger_;
    LoginServices logins_;
    const std::uint32_t fork_generation_;
    std::atomic<bool> closed_{false};
    EpochDomain calls_;  ///< whose readers are the logins inside

    std::mutex reload_;             ///< one reload at a time; logins don't take it
    std::int64_t generation_ = 0;   ///< guarded by reload_
    std::unique_ptr<keys::Fetcher> fetcher_;
    introspection::Introspector *introspector_ = nullptr;  ///< the fetcher's
    MetricsFile metrics_file_;  ///< last: its thread calls metrics()
};

}  // namespace tokenward::session
