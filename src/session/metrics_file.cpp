#include "session/metrics_file.hpp"

#include "base/blocked_signals.hpp"
#include "base/replace_file.hpp"
#include "base/text.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

namespace tokenward::session {

struct MetricsFile::State {
    State(Logger &logger_in, std::function<std::string()> text_in)
        : logger(logger_in), text(std::move(text_in)) {}

    Logger &logger;
    const std::function<std::string()> text;
    std::mutex mutex;
    std::condition_variable changed;
    /// Guarded by mutex. Shared, since the thread takes it without an allocation: it can't report a bad_alloc.
    std::shared_ptr<const std::string> path = std::make_shared<const std::string>();
    bool closed = false;
    bool complained = false;  ///< used by the thread alone: a run of failures is one line
    std::thread thread;
    State *abandoned_before = nullptr;

    void write(const std::string &to) noexcept {
        try {
            const std::string problem = replace_file(to, text(), 0644);  // the exporter runs as another user
            if (!problem.empty() && !complained) {
                logger.warning(fmt::format("metrics_file {}: {}", quote(to, 256), problem));
            }
            complained = !problem.empty();
        } catch (...) {  // out of memory: the next round tries again
        }
    }
};

MetricsFile::MetricsFile(Logger &logger, std::function<std::string()> text)
    : state_(std::make_unique<State>(logger, std::move(text))) {}

MetricsFile::~MetricsFile() {
    stop();
}

Result<void> MetricsFile::prepare(const std::string &path) {
    prepared_ = std::make_shared<const std::string>(path);
    if (path.empty() || state_->thread.joinable()) return {};
    try {
        const SignalsBlocked blocked;
        state_->thread = std::thread([&state = *state_] { run(state); });
    } catch (const std::system_error &error) {
        return fail(Reason::RESOURCE_LIMIT, fmt::format("no thread for metrics_file: {}", error.what()));
    }
    return {};
}

void MetricsFile::commit() noexcept {
    State &state = *state_;
    const auto next = std::exchange(prepared_, nullptr);
    {
        const std::lock_guard lock(state.mutex);
        if (!next || *state.path == *next || state.closed) return;
        state.path = next;
    }
    state.changed.notify_all();
}

void MetricsFile::run(State &state) noexcept {
    ::pthread_setname_np(::pthread_self(), "tokenward-stats");
    std::unique_lock lock(state.mutex);
    for (;;) {
        const std::shared_ptr<const std::string> path = state.path;
        const bool last = state.closed;
        lock.unlock();
        if (!path->empty()) state.write(*path);
        lock.lock();
        if (last) return;
        state.changed.wait_for(lock, std::chrono::seconds(period_s),
                               [&] { return state.closed || state.path != path; });
    }
}

void MetricsFile::stop() noexcept {
    if (!state_) return;
    {
        const std::lock_guard lock(state_->mutex);
        state_->closed = true;
    }
    state_->changed.notify_all();
    if (state_->thread.joinable()) state_->thread.join();
}

void MetricsFile::abandon_in_forked_child() noexcept {
    // The child has no thread, and its lock may be held, so the state can't be freed. It stays reachable, for
    // leak checkers.
    static std::atomic<State *> abandoned{nullptr};
    State *state = state_.release();
    if (state == nullptr) return;
    state->abandoned_before = abandoned.exchange(state);
}

}  // namespace tokenward::session
