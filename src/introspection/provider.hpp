// One provider that is asked, about tokens or for them: what it has said, what it is being asked, and how often it may be.
#pragma once

#include "base/clock.hpp"
#include "introspection/answers.hpp"
#include "introspection/client_rates.hpp"
#include "introspection/desk.hpp"
#include "introspection/endpoint.hpp"
#include "introspection/provider_input.hpp"
#include "introspection/rate.hpp"
#include "keys/transport.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::introspection {

/// What a login learns.
struct Inquiry {
    AnswerRef answer;      ///< NULL: none yet
    const char *why = "";  ///< without an answer: why there is none
    std::int32_t retry_after_ms = 0;
    bool is_down = false;  ///< without an answer: the provider doesn't give any at the moment
    std::string last_problem{};  ///< without an answer: what failed last, if nothing was answered since
};

/// What is asked. Not kept longer than until the answer.
struct Question {
    std::string_view secret;     ///< the token; or the client's secret
    std::string_view client_id;  ///< client_credentials
};

/// For metrics and status, since the start.
struct Counts {
    std::uint64_t active = 0;    ///< or clients that got a token
    std::uint64_t inactive = 0;  ///< or clients that got none
    std::uint64_t failed = 0;    ///< requests
    std::uint64_t limited = 0;   ///< logins that were told to try again, since a rate or the queue is full
};

/// Thread-safe. Answers live on over a reload if ProviderInput::same_as().
class Provider {
  public:
    static constexpr std::size_t most_pending = 1024;
    static constexpr std::size_t most_running = 16;
    static constexpr std::size_t most_answers = 10'000;
    static constexpr std::size_t most_answer_bytes = std::size_t{16} << 20;
    static constexpr std::int64_t inactive_counts_ms = 10'000;
    static constexpr std::int64_t failure_counts_ms = 1'000;
    static constexpr std::int64_t longest_pause_ms = 8'000;
    static constexpr std::int64_t discovered_counts_ms = 3'600'000;

    Provider(const Clock &clock, std::shared_ptr<Desk> desk, ProviderInput input);
    ~Provider();
    Provider(const Provider &) = delete;
    Provider &operator=(const Provider &) = delete;

    const ProviderInput &input() const noexcept { return input_; }

    // ---- for logins, on any thread ----
    /// Of a client's credentials: a hash keyed by what only this process knows, so that nobody who reads memory can try
    /// secrets. Empty: OpenSSL can't.
    std::optional<jose::Sha256Digest> fingerprint(const Question &question) const;
    /// The answer, if one still counts. If not, the provider is asked, within its rate and once however many ask; the call
    /// waits up to max_wait_ms (64 callers at most). `digest`: of the question.
    Inquiry ask(const jose::Sha256Digest &digest, const Question &question, std::int64_t max_wait_ms);
    /// An answer that counts, without asking; NULL: there is none.
    AnswerRef lately(const jose::Sha256Digest &digest);
    /// A client's token that turned out to be of no use: the next login asks for another one.
    void forget(const jose::Sha256Digest &digest) noexcept;
    Counts counts() const;
    /// Empty: since the last answer nothing failed.
    std::string last_problem() const;
    /// Its address; empty: not known yet.
    std::string endpoint() const;

    // ---- for the fetcher's thread; the caller holds the desk's lock ----
    /// Owns a question, and wipes it.
    struct Asked {
        std::string secret;
        std::string client_id;

        Asked() = default;
        explicit Asked(const Question &question) : secret(question.secret), client_id(question.client_id) {}
        Asked(Asked &&other) noexcept;
        Asked &operator=(Asked &&) = delete;
        ~Asked();
    };
    /// A request to start: for the endpoint's address if nothing is asked.
    struct Job {
        std::shared_ptr<Provider> provider;
        jose::Sha256Digest digest{};
        Asked asked;
        Endpoint endpoint;
        std::int64_t deadline = 0;

        bool discovers() const noexcept { return asked.secret.empty(); }
    };
    /// Moves out what may be started now. Returns when to come again at the latest.
    std::int64_t take_jobs(const std::shared_ptr<Provider> &self, std::vector<Job> &jobs);
    void answered(const jose::Sha256Digest &digest, AnswerRef answer);
    /// There was no memory for an answer: whoever asks next asks anew.
    void forget(const Job &job) noexcept;
    void discovered(Result<Endpoint> endpoint, std::int64_t retry_after_s);
    /// A request failed: the next ones wait a little, the longer the more pauses there were.
    void pause(std::string problem, std::int64_t retry_after_s);
    /// How many requests have failed in a row; 0: the last one didn't.
    std::uint64_t failures() const noexcept { return failures_; }
    void recovered() noexcept;
    /// A reload dropped it.
    void close() noexcept;

  private:
    struct Pending {
        Asked asked;
        std::int64_t deadline = 0;
        bool started = false;
    };
    AnswerRef known(const jose::Sha256Digest &digest, std::int64_t now);
    /// Nothing: it is asked; else why not.
    std::optional<Inquiry> begin(const jose::Sha256Digest &digest, const Question &question, std::int64_t now);
    const char *too_many(const Question &question, std::int64_t now);
    std::int64_t drop_overdue(std::int64_t now);
    void drop(const jose::Sha256Digest &digest) noexcept;

    const Clock &clock_;
    const std::shared_ptr<Desk> desk_;
    const ProviderInput input_;
    std::array<unsigned char, 32> fingerprint_key_{};

    // Guarded by desk_->mutex.
    Answers active_{most_answers, most_answer_bytes};
    /// By themselves: whoever makes tokens up pushes no good answer out.
    Answers others_{most_answers, most_answer_bytes / 4};
    std::map<jose::Sha256Digest, Pending> pending_;
    std::deque<jose::Sha256Digest> queue_;  ///< of pending_, not started
    std::size_t running_ = 0;
    Rate rate_;
    ClientRates client_rates_;
    std::optional<Endpoint> endpoint_;
    std::int64_t discovered_at_ = 0;
    bool discovering_ = false;
    std::uint64_t failures_ = 0;
    int pauses_ = 0;  ///< since the last answer
    std::int64_t paused_until_ = 0;
    std::string last_problem_;
    Counts counts_;
    bool closed_ = false;
};

}  // namespace tokenward::introspection
