// A backend whose provider is asked at logins: a test issuer over the network, and a clock that the test moves on.
#pragma once

#include "fixture.hpp"
#include "shifted_clock.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace tokenward::session {

class AskingTest : public testing::Test {
  protected:
    void TearDown() override {
        if (backend) backend->close();
    }
    void begin(const std::string &json) {
        if (backend) backend->close();
        BackendOptions options = options_with_log(json, log);
        options.max_wait_ms = 5000;
        auto created = Backend::create(options, clock);
        ASSERT_TRUE(created.has_value()) << created.error().detail;
        backend = *std::move(created);
    }
    Reason log_in(const credentials::Credentials &presented) {
        auto result = backend->authenticate(presented, {});
        detail = result ? "" : result.error().detail;
        retry_after_ms = result ? 0 : result.error().retry_after_ms;
        if (!result) return result.error().reason;
        session = std::move(*result);
        return Reason::NONE;
    }
    bool may_read() const { return session->authorize({access::Operation::read, "v", "q", {}}) == Decision::allowed; }
    /// Whole, and nobody writes to it any more.
    const std::string &log_at_end() {
        backend->close();
        return log;
    }
    std::int64_t now() const { return clock.unix_seconds(); }

    ShiftedClock clock;
    support::TestIssuer issuer;
    std::string log;
    std::string detail;  ///< why the last login was refused; empty: it wasn't
    std::int32_t retry_after_ms = 0;
    std::shared_ptr<Backend> backend;
    std::unique_ptr<Session> session;
};

}  // namespace tokenward::session
