// A backend over a static key set and a clock that the test sets.
#pragma once

#include "session/backend.hpp"
#include "support/test_issuer.hpp"
#include "support/token_mint.hpp"

#include <atomic>
#include <cstdint>
#include <fstream>
#include <memory>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace tokenward::session {

using support::JsonObject;
using support::TestKey;

class ManualClock : public Clock {
  public:
    std::int64_t unix_seconds() const noexcept override { return unix_s; }
    std::int64_t monotonic_ms() const noexcept override { return ms; }
    std::atomic<std::int64_t> unix_s{1'800'000'000};
    std::atomic<std::int64_t> ms{1'000'000};
};

/// Stops the next thread that asks for the time: it is in the middle of a login or of authorize() then.
class StoppingClock final : public ManualClock {
  public:
    std::int64_t unix_seconds() const noexcept override {
        if (stops.exchange(false)) {
            stopped.release();
            go_on.acquire();
        }
        return ManualClock::unix_seconds();
    }
    mutable std::atomic<bool> stops{false};
    mutable std::binary_semaphore stopped{0};
    mutable std::binary_semaphore go_on{0};
};

/// A key of every type, each with its own kid, in a key set file.
class Provider {
  public:
    Provider() {
        std::vector<JsonObject> keys;
        for (const char *algorithm : {"RS256", "ES256", "ES384", "ES512", "EdDSA"}) {
            keys.push_back(TestKey::shared(algorithm).jwk(kid_of(algorithm)));
        }
        write("jwks.json", support::jwks(keys));
    }

    static std::string kid_of(const std::string &algorithm) {
        if (algorithm[0] == 'R' || algorithm[0] == 'P') return "rsa";
        return algorithm == "EdDSA" ? "ed" : "ec" + algorithm.substr(2);
    }
    static const TestKey &key_of(std::string_view algorithm) {
        return TestKey::shared(algorithm[0] == 'R' || algorithm[0] == 'P' ? "RS256" : algorithm);
    }

    std::string path(const std::string &name) const { return directory_.path() + "/" + name; }
    void write(const std::string &name, const std::string &content) const {
        std::ofstream(path(name)) << content;
        chmod(path(name).c_str(), 0644);
    }
    /// The configuration as JSON; `more` is put before the closing brace.
    std::string config(const std::string &more = "") const {
        return R"({"issuer":"https://id.example","resource_server_id":"mq","jwks_file":")" + path("jwks.json") +
               '"' + more + "}";
    }

    static JsonObject claims(std::int64_t now = 1'800'000'000) {
        return JsonObject()
            .string("iss", "https://id.example")
            .string("aud", "mq")
            .string("sub", "alice")
            .string("jti", "id-1")
            .number("iat", now)
            .number("exp", now + 300)
            .string("scope", "mq.read:v/q mq.tag:monitoring");
    }
    static std::string sign(const std::string &algorithm, const JsonObject &header,
                            const std::string &payload) {
        return key_of(algorithm).sign(algorithm, header.json(), payload);
    }
    static std::string mint(const JsonObject &claims, const std::string &algorithm = "ES256") {
        return sign(algorithm, support::jws_header(algorithm, kid_of(algorithm)), claims.json());
    }

  private:
    support::TemporaryDirectory directory_;
};

inline void collect_log(void *user, std::int32_t, const char *message, std::size_t size) {
    static_cast<std::string *>(user)->append(message, size).append("\n");
}

/// The backend's log lines go into `log`, which must outlive the backend.
inline BackendOptions options_with_log(const std::string &json, std::string &log) {
    BackendOptions options;
    options.config_json = json;
    options.log = {LogMode::to_callback, collect_log, &log, {}};
    return options;
}

/// Null, and the test fails with the reason, if the backend can't be created.
inline std::shared_ptr<Backend> make_backend(const BackendOptions &options, const Clock &clock) {
    auto created = Backend::create(options, clock);
    EXPECT_TRUE(created.has_value()) << (created ? "" : reason_name(created.error().reason)) << ": "
                                     << (created ? "" : created.error().detail);
    return created ? *std::move(created) : nullptr;
}

inline credentials::Credentials bearer(std::string_view token) {
    return {credentials::Kind::bearer_token, token, {}, {}};
}

/// One backend, and the session of the client that logged in last.
class BackendTest : public testing::Test {
  protected:
    void TearDown() override {
        session.reset();
        if (backend) backend->close();
    }

    /// A refused login leaves the session as it was.
    Reason log_in(const credentials::Credentials &presented) {
        Context from;
        from.protocol = "mqtt";
        from.peer = "192.0.2.7:5";
        from.client_id = "c1";
        auto result = backend->authenticate(presented, from);
        detail = result ? "" : result.error().detail;
        if (!result) return result.error().reason;
        session = std::move(*result);
        return Reason::NONE;
    }
    Reason log_in(std::string_view token) { return log_in(bearer(token)); }

    Reason refresh(std::string_view token) {
        const auto result = backend->refresh(*session, bearer(token), {});
        detail = result ? "" : result.error().detail;
        return result ? Reason::NONE : result.error().reason;
    }

    ManualClock clock;
    Provider provider;
    std::string log;
    std::string detail;  ///< why the last call was refused; empty: it wasn't
    std::shared_ptr<Backend> backend;
    std::unique_ptr<Session> session;
};

#define EXPECT_REASON(actual, expected) \
    EXPECT_STREQ(reason_name(actual), reason_name(Reason::expected)) << detail

}  // namespace tokenward::session
