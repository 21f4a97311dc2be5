// Who is asked what, how often, and what follows from the answers. Time and network are the test's.
#include "introspection/introspector.hpp"

#include "keys/fakes.hpp"
#include "support/allocations.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::introspection {
namespace {

class IntrospectorTest : public ::testing::Test {
  protected:
    IntrospectorTest() {
        input.section = "[oauth]";
        input.issuer = "https://id.example";
        input.discovery_uri = "https://id.example/.well-known/openid-configuration";
        input.rate = 5;
        input.client = *Client::read("broker", "secret");
    }
    void begin() {
        provider = introspector.provider(input);
        introspector.commit({provider});
    }
    static jose::Sha256Digest digest_of(const std::string &token) {
        jose::Sha256Digest digest{};
        for (std::size_t i = 0; i < token.size(); ++i) digest[i % digest.size()] ^= static_cast<std::uint8_t>(token[i] + i);
        return digest;
    }
    Inquiry ask(const std::string &token) { return provider->ask(digest_of(token), {token, {}}, 0); }
    /// What a round of the fetcher's thread does.
    std::int64_t round() {
        const std::int64_t next = introspector.begin(network);
        for (auto &done : network.wait(0)) introspector.take_in(done.id, std::move(done.response));
        return next;
    }
    void answer(const std::string &body) {
        network.answer_with(body);
        round();
    }
    void answer_status(int status, std::int64_t retry_after_s = 0) {
        keys::HttpResponse response;
        response.result = keys::FetchResult::http_status;
        response.status = status;
        response.error = "HTTP status " + std::to_string(status);
        if (retry_after_s != 0) response.retry_after_s = retry_after_s;
        network.answer(std::move(response));
        round();
    }
    void discover() {
        round();
        ASSERT_EQ(network.request().url, input.discovery_uri);
        ASSERT_EQ(network.request().form, "");
        answer(R"({"issuer":"https://id.example","introspection_endpoint":"https://id.example/introspect"})");
        round();
    }
    /// The endpoint is known, and has answered once.
    void begin_well() {
        begin();
        (void)ask("first");
        discover();
        answer(R"({"active":true})");
    }

    keys::ManualClock clock;
    keys::LogCapture log;
    keys::FakeTransport network;
    std::atomic<int> woken{0};
    ProviderInput input;
    Introspector introspector{clock, log.logger, {}, [this] { ++woken; }};
    std::shared_ptr<Provider> provider;
};

}  // namespace

TEST_F(IntrospectorTest, AsksOnceAndRemembersTheAnswer) {
    begin();
    for (int i = 0; i < 5; ++i) {
        const Inquiry inquiry = ask("token-1");
        EXPECT_EQ(inquiry.answer, nullptr);
        EXPECT_STREQ(inquiry.why, "the provider is being asked");
        EXPECT_GT(inquiry.retry_after_ms, 0);
    }
    EXPECT_EQ(woken, 1);
    discover();
    EXPECT_EQ(network.started, 2);
    EXPECT_EQ(network.request().url, "https://id.example/introspect");
    EXPECT_EQ(network.request().form, "token=token-1&token_type_hint=access_token");
    EXPECT_EQ(network.request().basic, "YnJva2VyOnNlY3JldA==");
    answer(R"({"active":true,"sub":"alice"})");
    Inquiry inquiry = ask("token-1");
    ASSERT_NE(inquiry.answer, nullptr);
    EXPECT_EQ(inquiry.answer->content, R"({"active":true,"sub":"alice"})");
    clock.advance_s(59);
    EXPECT_NE(ask("token-1").answer, nullptr);
    EXPECT_EQ(network.started, 2);
    clock.advance_s(2);
    EXPECT_EQ(ask("token-1").answer, nullptr) << "introspection_ttl is over";
    round();
    EXPECT_EQ(network.started, 3);
    EXPECT_EQ(provider->counts().active, 1U);
}

TEST_F(IntrospectorTest, NoAnswersAreRememberedByThemselvesAndNotForLong) {
    begin();
    (void)ask("good");
    discover();
    answer(R"({"active":true})");
    for (int i = 0; i < 4; ++i) (void)ask("bad-" + std::to_string(i));
    round();
    for (int i = 0; i < 4; ++i) answer(R"({"active":false})");
    const Inquiry inquiry = ask("bad-0");
    ASSERT_NE(inquiry.answer, nullptr);
    EXPECT_EQ(inquiry.answer->kind, Answer::Kind::inactive);
    EXPECT_NE(ask("good").answer, nullptr);
    clock.advance_s(11);
    EXPECT_EQ(ask("bad-0").answer, nullptr) << "a token may have come to the provider's other nodes meanwhile";
    EXPECT_NE(ask("good").answer, nullptr);
    EXPECT_EQ(provider->counts().inactive, 4U);
}

TEST_F(IntrospectorTest, AFloodIsHeldBackAndNobodyElseWaits) {
    begin_well();
    int asked = 0;
    for (int i = 0; i < 1000; ++i) asked += std::string(ask("flood-" + std::to_string(i)).why) == "the provider is being asked";
    EXPECT_EQ(asked, 9);  // a burst of ten, of which one is spent
    const Inquiry limited = ask("one more");
    EXPECT_STREQ(limited.why, "more tokens than introspection_rate");
    EXPECT_EQ(limited.retry_after_ms, 1000);
    EXPECT_NE(ask("first").answer, nullptr);
    round();
    EXPECT_EQ(network.started, 11);
    clock.advance_s(1);
    EXPECT_STREQ(ask("later").why, "the provider is being asked");
    EXPECT_GT(provider->counts().limited, 900U);
}

TEST_F(IntrospectorTest, ASickProviderIsAskedLessAndLess) {
    begin();
    (void)ask("token");
    discover();
    answer_status(503);
    Inquiry inquiry = ask("token");
    ASSERT_NE(inquiry.answer, nullptr);
    EXPECT_EQ(inquiry.answer->kind, Answer::Kind::failed);
    EXPECT_EQ(inquiry.answer->problem, "HTTP status 503");
    inquiry = ask("other");
    EXPECT_EQ(inquiry.answer, nullptr);
    EXPECT_TRUE(inquiry.is_down);
    EXPECT_EQ(log.count(LogLevel::warning, "introspection at \"https://id.example/introspect\" fails (1 in a row): HTTP status 503"), 1)
        << log.text();
    std::int64_t last_pause = 0;
    for (int i = 0; i < 6; ++i) {
        std::int64_t paused = i == 0 ? 0 : Provider::failure_counts_ms;
        while (ask("other").is_down) {
            clock.advance_ms(50);
            paused += 50;
        }
        EXPECT_GE(paused, last_pause);
        EXPECT_LE(paused, Provider::longest_pause_ms + 50);
        last_pause = paused;
        round();
        answer_status(500);
        clock.advance_ms(Provider::failure_counts_ms);
    }
    EXPECT_GE(last_pause, 6000);
    EXPECT_EQ(log.count(LogLevel::warning, "in a row"), 3) << "of seven: the first, the second and the fourth\n"
                                                           << log.text();
    while (ask("other").is_down) clock.advance_ms(50);
    round();
    answer(R"({"active":true})");
    EXPECT_NE(ask("other").answer, nullptr);
    EXPECT_EQ(log.count(LogLevel::info, "[oauth] introspection works again"), 1);
    EXPECT_STREQ(ask("token").why, "the provider is being asked");
    round();
    answer_status(503);
    EXPECT_EQ(log.count(LogLevel::warning, "fails (1 in a row): HTTP status 503"), 2) << "it was well again";
    clock.advance_ms(500);
    EXPECT_STREQ(ask("third").why, "the provider is being asked") << "and not for long is it left alone";
}

TEST_F(IntrospectorTest, ManyRequestsThatFailTogetherAreOnePause) {
    input.rate = 100;
    begin_well();
    for (std::size_t i = 0; i < Provider::most_running; ++i) (void)ask("token-" + std::to_string(i));
    round();
    ASSERT_EQ(network.running.size(), Provider::most_running);
    for (std::size_t i = 0; i < Provider::most_running; ++i) answer_status(503);
    EXPECT_TRUE(ask("new").is_down);
    clock.advance_ms(600);
    EXPECT_STREQ(ask("new").why, "the provider is being asked")
        << "the next one may come after the shortest pause";
}

TEST_F(IntrospectorTest, WhatWaitedForItsTurnHasTheWholeTimeForItsAnswer) {
    input.rate = 100;
    begin_well();
    for (std::size_t i = 0; i <= Provider::most_running; ++i) (void)ask("token-" + std::to_string(i));
    round();
    ASSERT_EQ(network.running.size(), Provider::most_running);
    clock.advance_ms(input.timeout_ms - 10);
    answer(R"({"active":true})");
    round();
    const keys::HttpRequest &last = network.running.rbegin()->second;
    EXPECT_EQ(last.form,
              "token=token-" + std::to_string(Provider::most_running) + "&token_type_hint=access_token");
    EXPECT_EQ(last.timeout_ms, input.timeout_ms);
}

TEST_F(IntrospectorTest, AtMostSoManyWaitAndRun) {
    input.rate = 1'000'000;
    begin_well();
    for (std::size_t i = 0; i < Provider::most_pending; ++i)
        ASSERT_STREQ(ask(std::to_string(i)).why, "the provider is being asked") << i;
    EXPECT_STREQ(ask("one more").why, "too much is being asked");
    EXPECT_EQ(provider->counts().limited, 1U);
    round();
    EXPECT_EQ(network.running.size(), Provider::most_running);
    EXPECT_STREQ(ask("one more").why, "too much is being asked") << "those that run count, too";
    answer(R"({"active":true})");
    EXPECT_STREQ(ask("one more").why, "the provider is being asked");
    EXPECT_NE(ask("first").answer, nullptr);
    // Those that wait in vain for their turn are told so.
    clock.advance_ms(input.timeout_ms);
    round();
    ASSERT_NE(ask("1000").answer, nullptr);
    EXPECT_EQ(ask("1000").answer->problem, "too many wait for their turn");
    EXPECT_EQ(network.running.size(), Provider::most_running - 1) << "what runs ends by itself";
}

TEST_F(IntrospectorTest, WhatIsMadeUpPushesNoGoodAnswerOut) {
    input.rate = 1'000'000;
    begin();
    (void)ask("good");
    discover();
    answer(R"({"active":true})");
    const std::size_t many = Provider::most_answers + Provider::most_running;
    for (std::size_t i = 0; i < many; i += Provider::most_running) {
        for (std::size_t j = 0; j < Provider::most_running; ++j) (void)ask("made up " + std::to_string(i + j));
        round();
        while (!network.running.empty()) network.answer_with(R"({"active":false})");
        round();
    }
    EXPECT_GE(provider->counts().inactive, many);
    EXPECT_NE(ask("good").answer, nullptr);
}

TEST_F(IntrospectorTest, WhatWaitsForAnAddressInVainLeavesNothingBehind) {
    input.rate = 1'000'000;
    begin();
    int name = 0;
    const auto flood = [&](int rounds) {
        for (int i = 0; i < rounds; ++i) {
            for (int j = 0; j < 1000; ++j) (void)ask(std::to_string(++name));
            round();
            answer_status(500);
            clock.advance_s(10);
            round();
            if (!network.running.empty()) answer_status(500);
            clock.advance_s(10);
        }
    };
    flood(11);  // as many answers as are remembered
    const std::size_t before = support::live_bytes;
    flood(4);
    EXPECT_LT(support::live_bytes, before + 50'000);
}

TEST_F(IntrospectorTest, AnAddressIsAskedForAgainInTime) {
    begin();
    (void)ask("token");
    round();
    answer_status(503);
    // The same token doesn't wake the thread a second time: it comes by itself.
    EXPECT_LE(round(), clock.monotonic_ms() + 500);
    clock.advance_ms(500);
    discover();
    answer(R"({"active":true})");
    ASSERT_NE(ask("token").answer, nullptr);
    clock.advance_ms(Provider::discovered_counts_ms);
    (void)ask("other");
    round();
    ASSERT_EQ(network.running.size(), 2U) << "where it was is asked meanwhile";
    EXPECT_EQ(network.request().url, input.discovery_uri);
    answer(R"({"issuer":"https://id.example","introspection_endpoint":"https://id.example/moved"})");
    answer(R"({"active":true})");
    (void)ask("third");
    round();
    EXPECT_EQ(network.request().url, "https://id.example/moved");
}

TEST_F(IntrospectorTest, ARequestThatCantBeMadeIsAFailure) {
    class Broken final : public keys::Transport {
      public:
        void start(Id, keys::HttpRequest) override {
            throw std::runtime_error("no more handles, whatever is tried");
        }
        void cancel(Id) noexcept override {}
        std::vector<Completed> wait(std::int64_t) override { return {}; }
    } broken;
    begin();
    (void)ask("token");
    introspector.begin(broken);
    EXPECT_EQ(provider->last_problem(), "no more handles, whatever is tried");
    clock.advance_ms(500);
    discover();
    answer(R"({"active":true})");
    (void)ask("other");
    introspector.begin(broken);
    ASSERT_NE(ask("other").answer, nullptr);
    EXPECT_EQ(ask("other").answer->problem, "no more handles, whatever is tried");
}

TEST_F(IntrospectorTest, RetryAfterIsHeld) {
    begin();
    (void)ask("token");
    discover();
    answer_status(429, 20);
    clock.advance_s(19);
    EXPECT_TRUE(ask("token").is_down);
    clock.advance_s(2);
    EXPECT_STREQ(ask("token").why, "the provider is being asked");
}

TEST_F(IntrospectorTest, ARefusedClientIsTheOperatorsToMend) {
    begin();
    (void)ask("token");
    discover();
    answer_status(401);
    EXPECT_NE(ask("token").answer->problem.find("doesn't take introspection_client_id"), std::string::npos);
    EXPECT_NE(ask("token").answer->hint, "");
}

TEST_F(IntrospectorTest, WithoutAnAddressItEndsInTime) {
    begin();
    (void)ask("token");
    round();
    answer("<html>");
    EXPECT_EQ(log.count(LogLevel::warning, "HTML"), 1) << log.text();
    clock.advance_ms(input.timeout_ms);
    round();
    const Inquiry inquiry = ask("token");
    ASSERT_NE(inquiry.answer, nullptr);
    EXPECT_EQ(inquiry.answer->problem, "the endpoint isn't known yet");
    clock.advance_s(2);
    (void)ask("token");
    discover();
    answer(R"({"active":true})");
    EXPECT_NE(ask("token").answer, nullptr);
}

TEST_F(IntrospectorTest, AConfiguredAddressNeedsNoDiscovery) {
    input.endpoint_uri = "https://id.example/i";
    input.discovery_uri.clear();
    begin();
    (void)ask("token");
    round();
    EXPECT_EQ(network.request().url, "https://id.example/i");
    EXPECT_EQ(network.request().basic, "YnJva2VyOnNlY3JldA==") << "what a provider takes that doesn't say it";
}

TEST_F(IntrospectorTest, AConfiguredMethodIsTaken) {
    input.auth_method = "client_secret_post";
    begin();
    (void)ask("token");
    round();
    answer(R"({"issuer":"https://id.example","introspection_endpoint":"https://id.example/introspect",)"
           R"("introspection_endpoint_auth_methods_supported":["client_secret_basic"]})");
    round();
    EXPECT_EQ(network.request().basic, "");
    EXPECT_EQ(network.request().form,
              "token=token&token_type_hint=access_token&client_id=broker&client_secret=secret");
}

TEST_F(IntrospectorTest, AReloadKeepsAnswersUnlessSomethingChanged) {
    begin();
    (void)ask("token");
    discover();
    answer(R"({"active":true})");
    const auto before = provider;
    begin();
    EXPECT_EQ(provider, before);
    EXPECT_NE(ask("token").answer, nullptr);
    input.client = *Client::read("broker", "another secret");
    begin();
    EXPECT_NE(provider, before);
    EXPECT_EQ(ask("token").answer, nullptr);
    EXPECT_EQ(before->ask(digest_of("other"), {"other", {}}, 0).answer, nullptr);
    EXPECT_STREQ(before->ask(digest_of("other"), {"other", {}}, 0).why, "the configuration changes");
}

TEST_F(IntrospectorTest, WhateverChangesAsksAnew) {
    const std::function<void(ProviderInput &)> changes[] = {
        [](auto &one) { one.section = "[oauth.two]"; },
        [](auto &one) { one.issuer = "https://other.example"; },
        [](auto &one) { one.issuer_aliases = {"https://alias.example"}; },
        [](auto &one) { one.discovery_uri += "x"; },
        [](auto &one) { one.endpoint_uri = "https://id.example/other"; },
        [](auto &one) { one.rate = 6; },
        [](auto &one) { one.ttl_s = 61; },
        [](auto &one) { one.client = *Client::read("another", "secret"); },
        [](auto &one) { one.client = *Client::read("broker", "another"); },
        [](auto &one) { one.client = nullptr; },
        [](auto &one) { one.auth_method = "client_secret_post"; },
        [](auto &one) { one.scope = "x"; },
        [](auto &one) { one.audience = "x"; },
        [](auto &one) { one.ca_pem = std::make_shared<const std::string>("x"); },
        [](auto &one) { one.proxy = ""; },
        [](auto &one) { one.timeout_ms = 1; },
        [](auto &one) { one.purpose = Purpose::client_credentials; },
    };
    ProviderInput same = input;
    same.client = *Client::read("broker", "secret");
    EXPECT_TRUE(input.same_as(same));
    int number = 0;
    for (const auto &change : changes) {
        ProviderInput changed = input;
        change(changed);
        EXPECT_FALSE(input.same_as(changed)) << number;
        EXPECT_FALSE(changed.same_as(input)) << number;
        ++number;
    }
}

TEST_F(IntrospectorTest, AClientsTokenCountsUntilShortlyBeforeItsEnd) {
    input.purpose = Purpose::client_credentials;
    input.endpoint_uri = "https://id.example/token";
    input.discovery_uri.clear();
    input.client = nullptr;
    begin();
    struct Row {
        const char *members;
        std::int64_t counts_s;
    };
    const Row rows[] = {
        {R"(,"expires_in":3600)", 3570}, {R"(,"expires_in":300)", 270}, {R"(,"expires_in":10)", 9}, {"", 60}};
    for (const auto &[members, counts_s] : rows) {
        SCOPED_TRACE(counts_s);
        const Question question{"its-secret", "sensor"};
        const auto digest = provider->fingerprint(question);
        EXPECT_EQ(provider->ask(*digest, question, 0).answer, nullptr);
        round();
        answer(R"({"access_token":"x.y.z","token_type":"Bearer")" + std::string(members) + "}");
        clock.advance_ms(counts_s * 1000 - 1);
        EXPECT_NE(provider->ask(*digest, question, 0).answer, nullptr);
        clock.advance_ms(1);
    }
    // A no needs no JSON, but a 400 may be anything's.
    const Question other{"another", "sensor-2"};
    const auto digest = provider->fingerprint(other);
    (void)provider->ask(*digest, other, 0);
    round();
    answer_status(401);
    ASSERT_NE(provider->ask(*digest, other, 0).answer, nullptr);
    EXPECT_EQ(provider->ask(*digest, other, 0).answer->kind, Answer::Kind::inactive);
    const Question third{"another", "sensor-3"};
    const auto third_digest = provider->fingerprint(third);
    (void)provider->ask(*third_digest, third, 0);
    round();
    answer_status(400);
    EXPECT_EQ(provider->ask(*third_digest, third, 0).answer->kind, Answer::Kind::failed);
}

TEST_F(IntrospectorTest, CredentialsAreKnownByAHashThatNobodyElseCanMake) {
    input.purpose = Purpose::client_credentials;
    begin();
    const auto of = [this](const char *id, const char *secret) { return provider->fingerprint({secret, id}); };
    EXPECT_EQ(of("a", "bc"), of("a", "bc"));
    EXPECT_NE(of("a", "bc"), of("ab", "c"));
    EXPECT_NE(of("a", "bc"), of("a", "bd"));
    EXPECT_NE(of("a", "bc"), of("b", "bc"));
    const auto another = std::make_shared<Provider>(clock, std::make_shared<Desk>(), input);
    EXPECT_NE(of("a", "bc"), another->fingerprint({"bc", "a"})) << "its key is the process's own";
}

TEST_F(IntrospectorTest, OneClientsTriesTakeNothingFromTheOthers) {
    input.purpose = Purpose::client_credentials;
    input.endpoint_uri = "https://id.example/token";
    input.discovery_uri.clear();
    input.client = nullptr;
    input.rate = 50;
    begin();
    const auto why = [this](const std::string &id, const std::string &secret) {
        const Question question{secret, id};
        return std::string(provider->ask(*provider->fingerprint(question), question, 0).why);
    };
    int asked = 0;
    for (int i = 0; i < 1000; ++i) asked += why("sensor", std::to_string(i)) == "the provider is being asked";
    EXPECT_EQ(asked, 4);
    EXPECT_EQ(why("sensor", "x"), "too many tries with the client's id");
    EXPECT_EQ(why("other", "x"), "the provider is being asked");
    asked = 0;
    for (int i = 0; i < 12'000; ++i)
        asked += why("client-" + std::to_string(i), "x") == "the provider is being asked";
    EXPECT_EQ(asked, 95);
    EXPECT_EQ(why("another", "x"), "too many clients at once");
    clock.advance_s(1);
    EXPECT_EQ(why("another", "x"), "the provider is being asked") << "no flood of ids takes its place";
}

TEST_F(IntrospectorTest, NobodyWaitsLongerThanTheTimeOutAndNotTooManyDo) {
    input.timeout_ms = 100;
    begin();
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(provider->ask(digest_of("token"), {"token", {}}, 60'000).answer, nullptr);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
    input.timeout_ms = 60'000;
    input.rate = 100;
    begin();
    std::vector<std::thread> threads;
    for (int i = 0; i < Desk::max_waiting; ++i) {
        threads.emplace_back([&, name = std::to_string(i)] {
            (void)provider->ask(digest_of(name), {name, {}}, 60'000);
        });
    }
    while (woken <= Desk::max_waiting) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const auto before = std::chrono::steady_clock::now();
    (void)provider->ask(digest_of("one more"), {"one more", {}}, 60'000);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
    introspector.stop();
    for (auto &thread : threads) thread.join();
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(40)) << "the end lets go of them";
}

TEST_F(IntrospectorTest, ACallerMayWait) {
    begin();
    Inquiry inquiry;
    std::thread waiter([&] { inquiry = provider->ask(digest_of("token"), {"token", {}}, 5000); });
    while (network.started == 0) {
        introspector.begin(network);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    discover();
    answer(R"({"active":true})");
    waiter.join();
    EXPECT_NE(inquiry.answer, nullptr);
    std::thread another([&] { inquiry = provider->ask(digest_of("other"), {"other", {}}, 60'000); });
    while (introspector.begin(network), network.running.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    introspector.stop();
    another.join();
    EXPECT_EQ(inquiry.answer, nullptr);
    EXPECT_STREQ(ask("token 3").why, "the configuration changes");
}

}  // namespace tokenward::introspection
