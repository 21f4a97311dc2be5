// Logins of many threads whose provider is asked, beside reloads, and a backend that closes while they wait.
#include "asking_test.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace tokenward::session {
namespace {

using credentials::Credentials;
using credentials::Kind;
using support::TestIssuer;

class AskingThreads : public AskingTest {
  protected:
    static constexpr int threads = 4;
    static constexpr int names = 6;

    void SetUp() override {
        files.write("secret", "s3cr:et");
        chmod(files.path("secret").c_str(), 0640);
        support::MintRequest token;
        token.claims.string("scope", "broker.read:v/q");
        for (int i = 0; i < names; ++i) {
            issuer.set_active(token_of(i), JsonObject()
                                               .string("sub", token_of(i))
                                               .string("aud", "broker")
                                               .string("scope", "broker.read:v/q")
                                               .number("exp", now() + 600));
            issuer.set_client(client_of(i), "its-secret", token);
        }
    }
    static std::string token_of(int i) { return "opaque-0123456789-" + std::to_string(i); }
    static std::string client_of(int i) { return "sensor-" + std::to_string(i); }
    BackendOptions options(int ttl_s) {
        BackendOptions options = options_with_log(
            R"({"issuer":")" + issuer.issuer() + R"(","resource_server_id":"broker","ca_file":")" +
                issuer.ca_file() +
                R"(","introspection_client_id":"broker","introspection_client_secret_file":")" +
                files.path("secret") +
                R"(","opaque_tokens":true,"client_credentials_prefix":"client:","introspection_rate":1000,"introspection_ttl":)" +
                std::to_string(ttl_s) + "}",
            log);
        options.max_wait_ms = 5000;
        return options;
    }
    /// False: refused, for now or for good. Nobody gets another one's name.
    bool gets_in(const Credentials &presented, const std::string &name) {
        const auto result = backend->authenticate(presented, {});
        if (!result) return false;
        EXPECT_EQ((*result)->username(), name);
        EXPECT_EQ((*result)->authorize({access::Operation::read, "v", "q", {}}), Decision::allowed);
        return true;
    }

    Provider files;
};

}  // namespace

TEST_F(AskingThreads, NobodyGetsInByMistakeAndNobodyIsForgotten) {
    backend = make_backend(options(30), clock);
    ASSERT_NE(backend, nullptr);
    std::atomic<int> running{threads};
    std::vector<std::thread> logins;
    for (int t = 0; t < threads; ++t) {
        logins.emplace_back([&, t] {
            for (int i = 0; i < 25; ++i) {
                const std::string token = token_of((i + t) % names);
                gets_in(bearer(token), token);
                const std::string client = client_of((i + t) % names);
                const std::string username = "client:" + client;
                gets_in({Kind::username_password, {}, username, "its-secret"}, client);
                EXPECT_FALSE(gets_in({Kind::username_password, {}, username, "another"}, ""));
                EXPECT_FALSE(gets_in(bearer("made-up-0123456789-" + std::to_string(t)), ""));
            }
            --running;
        });
    }
    for (int i = 0; running > 0; ++i) {
        const BackendOptions next = options(30 + i % 2);
        EXPECT_TRUE(backend->reload(i % 3 == 0 ? nullptr : &next).has_value());
        static_cast<void>(backend->metrics());
        static_cast<void>(backend->status());
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    for (auto &login : logins) login.join();
    const auto deadline = SystemClock::instance().monotonic_ms() + 30'000;
    for (int i = 0; i < names; ++i) {
        const std::string username = "client:" + client_of(i);
        while (!gets_in(bearer(token_of(i)), token_of(i)) ||
               !gets_in({Kind::username_password, {}, username, "its-secret"}, client_of(i))) {
            ASSERT_LT(SystemClock::instance().monotonic_ms(), deadline) << i;
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    }
}

TEST_F(AskingThreads, ACloseLetsGoOfThoseThatWait) {
    backend = make_backend(options(30), clock);
    ASSERT_NE(backend, nullptr);
    ASSERT_TRUE(gets_in(bearer(token_of(0)), token_of(0))) << log;
    const std::size_t before = issuer.requests(TestIssuer::Endpoint::introspection);
    issuer.set_fault(TestIssuer::Endpoint::introspection, TestIssuer::Fault::stall_before_header);
    std::atomic<int> told_to_try_again{0};
    std::vector<std::thread> logins;
    for (int t = 0; t < threads; ++t) {
        logins.emplace_back([&, t] {
            const std::string token = token_of(1 + t % 2);  // two for each
            const auto result = backend->authenticate(bearer(token), {});
            told_to_try_again += !result && result.error().reason == Reason::INTROSPECTION_PENDING ? 1 : 0;
        });
    }
    while (issuer.requests(TestIssuer::Endpoint::introspection) < before + 2)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // for those that ask about the same token
    const auto begun = SystemClock::instance().monotonic_ms();
    backend->close();
    EXPECT_LT(SystemClock::instance().monotonic_ms() - begun, 3000);
    for (auto &login : logins) login.join();
    EXPECT_EQ(told_to_try_again, threads);
    backend.reset();
}

}  // namespace tokenward::session
