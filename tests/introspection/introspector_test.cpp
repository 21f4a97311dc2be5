// Who is asked what, how often, and what follows from the answers. Time and network are the test's.
#include "introspection/introspector.hpp"

#include "keys/fakes.hpp"

#include <chrono>
#include <memory>
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

    keys::ManualClock clock;
    keys::LogCapture log;
    keys::FakeTransport network;
    int woken = 0;
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
    begin();
    (void)ask("first");
    discover();
    answer(R"({"active":true})");
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
    while (ask("other").is_down) clock.advance_ms(50);
    round();
    answer(R"({"active":true})");
    EXPECT_NE(ask("other").answer, nullptr);
    EXPECT_EQ(log.count(LogLevel::info, "[oauth] introspection works again"), 1);
    EXPECT_STREQ(ask("token").why, "the provider is being asked");
}

TEST_F(IntrospectorTest, ManyRequestsThatFailTogetherAreOnePause) {
    input.rate = 100;
    begin();
    (void)ask("first");
    discover();
    answer(R"({"active":true})");
    for (std::size_t i = 0; i < Provider::most_running; ++i) (void)ask("token-" + std::to_string(i));
    round();
    ASSERT_EQ(network.running.size(), Provider::most_running);
    for (std::size_t i = 0; i < Provider::most_running; ++i) answer_status(503);
    EXPECT_TRUE(ask("new").is_down);
    clock.advance_ms(600);
    EXPECT_STREQ(ask("new").why, "the provider is being asked") << "the next one may come after the shortest pause";
}

TEST_F(IntrospectorTest, WhatWaitedForItsTurnHasTheWholeTimeForItsAnswer) {
    input.rate = 100;
    begin();
    (void)ask("first");
    discover();
    answer(R"({"active":true})");
    for (std::size_t i = 0; i <= Provider::most_running; ++i) (void)ask("token-" + std::to_string(i));
    round();
    ASSERT_EQ(network.running.size(), Provider::most_running);
    clock.advance_ms(input.timeout_ms - 10);
    answer(R"({"active":true})");
    round();
    const keys::HttpRequest &last = network.running.rbegin()->second;
    EXPECT_EQ(last.form, "token=token-" + std::to_string(Provider::most_running) + "&token_type_hint=access_token");
    EXPECT_EQ(last.timeout_ms, input.timeout_ms);
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
