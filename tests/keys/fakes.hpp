// Time, network and log in the hands of a test.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "keys/transport.hpp"
#include "support/token_mint.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::keys {

class ManualClock final : public Clock {
  public:
    std::int64_t unix_seconds() const noexcept override { return 1'700'000'000 + ms_.load() / 1000; }
    std::int64_t monotonic_ms() const noexcept override {
        if (on_read) on_read();
        return ms_.load();
    }
    void advance_s(std::int64_t seconds) { ms_ += seconds * 1000; }
    void advance_ms(std::int64_t ms) { ms_ += ms; }

    /// Called by every thread that asks for the monotonic time. A test stops a thread here, or lets another one
    /// act in between. Set it while one thread runs.
    std::function<void()> on_read;

  private:
    std::atomic<std::int64_t> ms_{5'000'000};
};

/// Requests pile up until the test answers them.
class FakeTransport final : public Transport {
  public:
    void start(Id id, HttpRequest request) override {
        ++started;
        running.emplace(id, std::move(request));
    }
    void cancel(Id id) noexcept override { running.erase(id); }
    std::vector<Completed> wait(std::int64_t timeout_ms) override {
        last_timeout_ms = timeout_ms;
        return std::exchange(answers_, {});
    }

    /// Answers the oldest request.
    void answer(HttpResponse response) {
        ASSERT_FALSE(running.empty()) << "nothing was asked for";
        answers_.push_back({running.begin()->first, std::move(response)});
        running.erase(running.begin());
    }
    void answer_with(std::string body, std::string etag = {}) {
        HttpResponse response;
        response.result = FetchResult::ok;
        response.body = std::move(body);
        response.etag = std::move(etag);
        answer(std::move(response));
    }
    void answer_with(FetchResult result) {
        HttpResponse response;
        response.result = result;
        response.error = result == FetchResult::not_modified ? "" : "made-up error";
        answer(std::move(response));
    }
    /// The oldest request.
    const HttpRequest &request() const { return running.begin()->second; }

    std::map<Id, HttpRequest> running;
    int started = 0;
    std::int64_t last_timeout_ms = -1;

  private:
    std::vector<Completed> answers_;
};

/// Keeps every line.
class LogCapture {
  public:
    LogCapture() : logger({LogMode::to_callback, &LogCapture::take, this, {}}) {
        logger.set_level(LogLevel::debug);
    }

    /// Lines of at least that importance that hold `part`.
    int count(LogLevel level, const std::string &part) const {
        const std::lock_guard lock(mutex_);
        int found = 0;
        for (const auto &[at, line] : lines_)
            found += at <= level && line.find(part) != std::string::npos ? 1 : 0;
        return found;
    }
    std::string text() const {
        const std::lock_guard lock(mutex_);
        std::string all;
        for (const auto &[at, line] : lines_) all += line + "\n";
        return all;
    }

  private:
    static void take(void *user, std::int32_t level, const char *message, std::size_t size) {
        auto &self = *static_cast<LogCapture *>(user);
        const std::lock_guard lock(self.mutex_);
        self.lines_.emplace_back(static_cast<LogLevel>(level), std::string(message, size));
    }
    mutable std::mutex mutex_;
    std::vector<std::pair<LogLevel, std::string>> lines_;

  public:
    Logger logger;
};

/// A set of Ed25519 keys, one for each kid; the same kid and generation is the same key.
inline std::string key_set(const std::vector<std::string> &kids, std::size_t generation = 0) {
    std::vector<support::JsonObject> keys;
    for (const std::string &kid : kids) {
        const std::size_t index = generation * 100 + static_cast<std::size_t>(kid.back() % 50);
        keys.push_back(support::TestKey::shared("EdDSA", index).jwk(kid, "EdDSA"));
    }
    return support::jwks(keys);
}

inline config::Section section_of(std::string issuer) {
    config::Section section;
    section.name = "oauth";
    section.issuer = std::move(issuer);
    return section;
}

}  // namespace tokenward::keys
