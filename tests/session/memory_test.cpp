// What a backend keeps of what anybody may send: little, and no secret.
#include "base/base64.hpp"
#include "fixture.hpp"
#include "support/allocations.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

constexpr int scratches = 8;  // that the pool of LoginBuffers keeps

/// Asked for the time, it runs a login in the middle of the one that asks, so that many are there at once.
class NestingClock final : public ManualClock {
  public:
    std::int64_t unix_seconds() const noexcept override {
        if (depth < scratches) {
            ++depth;
            log_in();
        }
        return ManualClock::unix_seconds();
    }
    mutable int depth = scratches;
    std::function<void()> log_in = [] {};
};

/// `bytes` of a JSON array; each of its values is a node of 40 bytes on the tape.
std::string zeros(std::size_t bytes) {
    std::string text = "[0";
    while (text.size() + 2 < bytes) text += ",0";
    return text + "]";
}

/// As large as the largest max_token_bytes lets it be, in each of its three parts.
std::string forged_token() {
    const std::string array = zeros(240'000);
    return base64url_encode(R"({"alg":"ES256","kid":"ec256","x":)" + array + "}") + '.' +
           base64url_encode(R"({"iss":"https://id.example","x":)" + array + "}") + '.' +
           base64url_encode(std::string(280'000, 's'));
}

bool only_zeros(const char *bytes, std::size_t size) {
    return std::all_of(bytes, bytes + size, [](char byte) { return byte == 0; });
}

}  // namespace

TEST_F(BackendTest, WhatForgedTokensTookIsGivenBack) {
    NestingClock nesting;
    backend = make_backend(
        options_with_log(provider.config(R"(,"max_token_bytes":1048576,"log_level":"error")"), log), nesting);
    ASSERT_NE(backend, nullptr);
    const std::string token = forged_token();
    ASSERT_LE(token.size(), 1048576U);
    std::string basic = "Basic YTpi";
    for (std::size_t i = 0; i < 5'000'000; ++i) basic += "YWFh";
    const credentials::Credentials header{credentials::Kind::http_authorization, basic, {}, {}};
    nesting.log_in = [&] {
        EXPECT_REASON(log_in(header), TOKEN_TOO_LARGE);
        EXPECT_REASON(log_in(token), BAD_SIGNATURE);
    };
    nesting.log_in();  // what isn't a login's is made here
    const std::size_t before = support::live_bytes;
    nesting.depth = 0;
    const std::size_t most = support::most_bytes(nesting.log_in);
    ASSERT_EQ(nesting.depth, scratches);
    EXPECT_GT(most, std::size_t{scratches} << 20U) << "the test lets nothing grow";
    EXPECT_LT(support::live_bytes - before, std::size_t{1} << 20U);
}

TEST_F(BackendTest, WhatInspectTookIsGivenBack) {
    backend = make_backend(options_with_log(provider.config(R"(,"max_token_bytes":1048576)"), log), clock);
    ASSERT_NE(backend, nullptr);
    const std::string token = forged_token();
    for (const Backend *with :
         {static_cast<const Backend *>(nullptr), static_cast<const Backend *>(backend.get())}) {
        const std::size_t before = support::live_bytes;
        EXPECT_TRUE(Backend::inspect(with, token));
        EXPECT_EQ(support::live_bytes, before);
        const std::string larger = token + std::string(1048576, 'A');
        EXPECT_LT(support::most_bytes([&] { EXPECT_FALSE(Backend::inspect(with, larger)); }), 4096U);
    }
}

TEST_F(BackendTest, ATokenWithoutAnIdentifierInItsScopesCostsNoAllocationMore) {
    struct Counts {
        std::size_t first, cached;
    };
    const auto count = [&](const char *more, const std::string &scope) {
        if (backend) backend->close();
        backend = make_backend(
            options_with_log(provider.config(std::string(R"(,"log_level":"error")") + more), log), clock);
        const auto token = [&](const std::string &jti) {
            return Provider::mint(Provider::claims().string("jti", jti).string("scope", scope));
        };
        const auto cost = [&](const std::string &of) {
            return support::count_allocations([&] { EXPECT_REASON(log_in(of), NONE); });
        };
        const std::string warm = token("w");
        cost(warm);  // the buffers are made, and the set is known
        // A token may be the first of its part of the cache, which makes a table then: the least of many is no such.
        std::size_t first = cost(token("0"));
        for (int i = 1; i < 32; ++i) first = std::min(first, cost(token(std::to_string(i))));
        return Counts{first, cost(warm)};
    };
    const char *const on = R"(,"expand_connection":true)";
    const std::string plain = "mq.read:v/q mq.write:v/a* mq.tag:monitoring";
    const Counts without = count("", plain);
    const Counts with = count(on, plain);
    EXPECT_EQ(with.first, without.first);
    EXPECT_EQ(with.cached, without.cached);
    EXPECT_EQ(count(on, "mq.read:v/{session:username}").cached, without.cached) << "the token's own";
    EXPECT_GT(without.cached, 0U) << "a session is made";
}

TEST(LoginBuffers, KeepNoSecret) {
    LoginBuffers buffers;
    const std::string secret = "alice:a password that is longer than a string of its own";
    buffers.credentials = secret;
    buffers.signature.assign(secret.begin(), secret.end());
    ASSERT_TRUE(buffers.payload.parse(R"({"sub":"somebody"})", Reason::MALFORMED_PAYLOAD));
    ASSERT_TRUE(buffers.payload.parse(R"({"a":1})", Reason::MALFORMED_PAYLOAD));
    const char *const credentials = buffers.credentials.data();
    const char *const signature = buffers.signature.data();
    const char *const payload = buffers.payload.buffer(0);
    buffers.tidy();
    EXPECT_TRUE(only_zeros(credentials, secret.size()));
    EXPECT_TRUE(only_zeros(signature, secret.size()));
    EXPECT_TRUE(only_zeros(payload, 18));
}

TEST(LoginBuffers, KeepNothingLarge) {
    LoginBuffers buffers;
    const std::size_t before = support::live_bytes;
    buffers.credentials.assign(300'000, 'c');
    buffers.signature.assign(300'000, 's');
    buffers.scopes.scopes.assign(100'000, "read:v/q");
    ASSERT_GT(support::live_bytes - before, 2'100'000U);
    buffers.tidy();
    EXPECT_LT(support::live_bytes - before, 100'000U);
}

TEST(LoginBuffers, AreTidyBehindEachLogin) {
    const ManualClock clock;
    std::string log;
    Logger logger({LogMode::to_callback, collect_log, &log, {}});
    LoginServices services(logger, clock);
    services.configuration = std::make_unique<Snapshot<std::shared_ptr<const Configuration>>>(
        std::make_unique<const std::shared_ptr<const Configuration>>(std::make_shared<Configuration>()));
    const std::string value = "Basic YWxpY2U6YSBwYXNzd29yZCB0aGF0IGlzIGxvbmdlciB0aGFuIGEgc3RyaW5n";
    const credentials::Credentials sent{credentials::Kind::http_authorization, value, {}, {}};
    const auto session = Login(services, sent, {}).authenticate();
    ASSERT_FALSE(session);
    EXPECT_STREQ(reason_name(session.error().reason), "NOT_A_TOKEN");
    const auto buffers = services.buffers.take();
    ASSERT_GE(buffers->credentials.capacity(), 44U) << "it wasn't the buffer of that login";
    EXPECT_TRUE(only_zeros(buffers->credentials.data(), 44));
}

}  // namespace tokenward::session
