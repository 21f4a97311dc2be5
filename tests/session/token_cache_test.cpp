// The token cache: what gets in, what goes out, and what is checked again at every hit.
#include "session/token_cache.hpp"

#include "fixture.hpp"

#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

jose::Sha256Digest digest_of(std::string_view text) {
    jose::Sha256 sha256;
    return *sha256(text);
}

std::shared_ptr<const VerifiedToken> token_named(const std::string &name) {
    auto token = std::make_shared<VerifiedToken>();
    token->username = name;
    return token;
}

class CachedLogin : public BackendTest {
  protected:
    void configure(const std::string &json) {
        if (backend) backend->close();
        BackendOptions options;
        options.config_json = json;
        options.log = {LogMode::to_callback, collect_log, &log, {}};
        options.startup_wait_ms = 20000;
        auto created = Backend::create(options, clock);
        ASSERT_TRUE(created.has_value()) << created.error().detail;
        backend = *created;
    }
    void SetUp() override { configure(provider.config()); }

    std::string sample(const std::string &metric) const {
        const std::string text = backend->metrics();
        const std::string name = "\n" + metric + " ";
        const std::size_t at = text.find(name) + name.size();
        return text.substr(at, text.find('\n', at) - at);
    }
    std::string hits() const { return sample("tokenward_token_cache_hits_total"); }
    std::string entries() const { return sample("tokenward_token_cache_entries"); }
};

}  // namespace

TEST(TokenCache, FindsByTheWholeDigest) {
    TokenCache cache;
    cache.set_capacity(100);
    const auto digest = digest_of("a");
    cache.insert(digest, token_named("alice"));
    EXPECT_EQ(cache.find(digest)->username, "alice");
    for (std::size_t i = 0; i < digest.size(); ++i) {
        auto near = digest;
        near[i] ^= 1U;
        EXPECT_EQ(cache.find(near), nullptr) << "byte " << i;
    }
    cache.insert(digest, token_named("again"));
    EXPECT_EQ(cache.find(digest)->username, "again");
    EXPECT_EQ(cache.size(), 1U);
    cache.erase(digest);
    EXPECT_EQ(cache.find(digest), nullptr);
    EXPECT_EQ(cache.size(), 0U);
}

TEST(TokenCache, IsBoundedAndForgetsTheLeastRecentlyUsed) {
    TokenCache cache;
    cache.set_capacity(64);
    const auto used = digest_of("used all the time");
    cache.insert(used, token_named("used"));
    for (int i = 0; i < 5000; ++i) {
        cache.insert(digest_of(std::to_string(i)), token_named("x"));
        ASSERT_LE(cache.size(), 64U);
        ASSERT_NE(cache.find(used), nullptr) << "after " << i;
    }
    EXPECT_EQ(cache.size(), 64U);
    EXPECT_EQ(cache.find(digest_of("0")), nullptr);
    EXPECT_NE(cache.find(digest_of("4999")), nullptr);
    cache.set_capacity(10);
    EXPECT_LE(cache.size(), 10U);
    cache.set_capacity(0);
    EXPECT_EQ(cache.size(), 0U);
    EXPECT_FALSE(cache.enabled());
    cache.insert(used, token_named("off"));
    EXPECT_EQ(cache.find(used), nullptr);
}

TEST(TokenCache, TwoThreadsMeetIt) {
    TokenCache cache;
    cache.set_capacity(50);
    std::vector<std::thread> threads;
    threads.reserve(2);
    std::atomic<int> wrong{0};
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&cache, &wrong, t] {
            for (int i = 0; i < 20000; ++i) {
                const std::string name = std::to_string((i * 7 + t) % 120);
                const auto digest = digest_of(name);
                const auto found = cache.find(digest);
                if (found && found->username != name) ++wrong;
                if (!found) cache.insert(digest, token_named(name));
                if (i % 13 == 0) cache.erase(digest);
            }
        });
    }
    for (auto &thread : threads) thread.join();
    EXPECT_EQ(wrong.load(), 0);
    EXPECT_LE(cache.size(), 50U);
}

TEST_F(CachedLogin, TheSameTokenAgainIsAHitAndAsksTheTimeAgain) {
    const std::string token = Provider::mint(Provider::claims());
    EXPECT_EQ(log_in(bearer(token)), Reason::NONE);
    EXPECT_EQ(hits(), "0");
    EXPECT_EQ(log_in(bearer(token)), Reason::NONE);
    EXPECT_EQ(hits(), "1");
    const auto session = backend->authenticate(bearer(token), {});
    ASSERT_TRUE(session.has_value());
    EXPECT_EQ((*session)->username(), "alice");
    EXPECT_EQ((*session)->expires_at(), 1'800'000'310);
    EXPECT_EQ((*session)->authorize({access::Operation::read, "v", "q", {}}), Decision::allowed);
    EXPECT_NE(log.find(R"(username="alice" kid="ec256" jti="id-1")"), std::string::npos) << log;
    clock.unix_s = 1'800'000'310;
    EXPECT_EQ(log_in(bearer(token)), Reason::TOKEN_EXPIRED);
    clock.unix_s = 1'700'000'000;
    EXPECT_EQ(log_in(bearer(token)), Reason::NONE) << "iat isn't checked again, and there is no nbf";
}

TEST_F(CachedLogin, NotBeforeIsAskedAtEveryHit) {
    const std::string token = Provider::mint(Provider::claims().number("nbf", 1'800'000'000));
    EXPECT_EQ(log_in(bearer(token)), Reason::NONE);
    clock.unix_s = 1'799'999'989;
    EXPECT_EQ(log_in(bearer(token)), Reason::NOT_YET_VALID);
}

TEST_F(CachedLogin, NamesAreAskedAtEveryHit) {
    configure(provider.config(R"(,"require_username_match":true)"));
    const std::string token = Provider::mint(Provider::claims());
    const auto as = [&](std::string_view name) {
        return log_in({credentials::Kind::username_password, {}, name, token});
    };
    EXPECT_EQ(as("alice"), Reason::NONE);
    EXPECT_EQ(as("mallory"), Reason::USERNAME_MISMATCH);
    EXPECT_EQ(as("alice"), Reason::NONE);
}

TEST_F(CachedLogin, WhatWasRefusedNeverGetsIn) {
    std::string forged = Provider::mint(Provider::claims());
    forged[forged.size() - 8] = forged[forged.size() - 8] == 'A' ? 'B' : 'A';
    for (int i = 0; i < 3; ++i) EXPECT_EQ(log_in(bearer(forged)), Reason::BAD_SIGNATURE);
    const std::string other =
        Provider::mint(Provider::claims().number("exp", 1).string("aud", "somebody else"));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(log_in(bearer(other)), Reason::WRONG_AUDIENCE);
    std::string forged_and_expired = Provider::mint(Provider::claims().number("exp", 1));
    forged_and_expired[forged_and_expired.size() - 8] =
        forged_and_expired[forged_and_expired.size() - 8] == 'A' ? 'B' : 'A';
    for (int i = 0; i < 3; ++i) EXPECT_EQ(log_in(bearer(forged_and_expired)), Reason::BAD_SIGNATURE);
    EXPECT_EQ(hits(), "0");
    EXPECT_EQ(entries(), "0");
}

// Fleets send an expired password with each new try: its signature is checked once.
TEST_F(CachedLogin, AnExpiredTokenIsKnownAsExpired) {
    const std::string token = Provider::mint(Provider::claims().number("exp", 1'799'999'985));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(log_in(bearer(token)), Reason::TOKEN_EXPIRED);
    EXPECT_EQ(hits(), "2");
    EXPECT_EQ(entries(), "1");
    // The line names whose it is, also from the cache.
    const std::size_t last = log.rfind("authenticate refused reason=TOKEN_EXPIRED");
    ASSERT_NE(last, std::string::npos);
    EXPECT_NE(log.find(R"(username="alice" kid="ec256" jti="id-1")", last), std::string::npos)
        << log.substr(last);
    // That is all that it is good for: with the clock set back it goes through every rule.
    clock.unix_s = 1'799'999'990;
    const auto session = backend->authenticate(bearer(token), {});
    ASSERT_TRUE(session.has_value());
    EXPECT_EQ((*session)->authorize({access::Operation::read, "v", "q", {}}), Decision::allowed);
    EXPECT_EQ(hits(), "2");
}

TEST_F(CachedLogin, AnExpiredTokenIsForgottenWithItsConfiguration) {
    const std::string token = Provider::mint(Provider::claims().number("exp", 1'799'999'000));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(log_in(bearer(token)), Reason::TOKEN_EXPIRED);
    BackendOptions options;
    options.config_json = provider.config(R"(,"audience":"another")");
    ASSERT_TRUE(backend->reload(&options).has_value());
    EXPECT_EQ(log_in(bearer(token)), Reason::WRONG_AUDIENCE);
    EXPECT_EQ(hits(), "1");
    EXPECT_EQ(entries(), "0");
}

// A token of 4096 bytes and more is hashed once, for the cache and for the signature.
TEST_F(CachedLogin, ALargeTokenIsVerifiedAsASmallOne) {
    for (const char *algorithm : {"RS256", "PS256", "ES256", "RS384", "PS512", "ES384", "EdDSA"}) {
        for (const std::size_t size : {100U, 2900U, 3000U, 8000U}) {
            const std::string token =
                Provider::mint(Provider::claims().string("filler", std::string(size, 'x')), algorithm);
            const std::string what = algorithm + (" " + std::to_string(token.size()));
            for (const std::size_t at : {token.size() / 2, token.rfind('.') - 10, token.rfind('.') + 10}) {
                std::string forged = token;
                forged[at] = forged[at] == 'A' ? 'B' : 'A';
                EXPECT_NE(log_in(bearer(forged)), Reason::NONE) << what << " at " << at;
            }
            EXPECT_EQ(log_in(bearer(token)), Reason::NONE) << what;
            EXPECT_EQ(log_in(bearer(token)), Reason::NONE) << what << " again";
        }
    }
    EXPECT_EQ(hits(), "28");
}

TEST_F(CachedLogin, AReloadForgetsWhatTheOldConfigurationAccepted) {
    const std::string token = Provider::mint(Provider::claims());
    EXPECT_EQ(log_in(bearer(token)), Reason::NONE);
    EXPECT_EQ(entries(), "1");
    BackendOptions options;
    options.config_json = provider.config(R"(,"audience":"another")");
    ASSERT_TRUE(backend->reload(&options).has_value());
    EXPECT_EQ(log_in(bearer(token)), Reason::WRONG_AUDIENCE);
    EXPECT_EQ(hits(), "0");
    EXPECT_EQ(entries(), "0") << "it would take a place for nothing";
}

TEST_F(CachedLogin, OffIsOff) {
    configure(provider.config(R"(,"token_cache_size":0)"));
    const std::string token = Provider::mint(Provider::claims());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(log_in(bearer(token)), Reason::NONE);
    EXPECT_EQ(hits(), "0");
}

TEST_F(CachedLogin, AKeyThatLeftTheSetTakesItsTokensAlong) {
    // A real clock and a real provider. An unknown kid causes the fetch that brings the rotated set.
    support::TestIssuer issuer;
    backend->close();
    BackendOptions options;
    options.config_json = R"({"issuer":")" + issuer.issuer() + R"(","audience":"broker","ca_file":")" +
                          issuer.ca_file() + R"(","jwks_min_refresh":1,"scope_prefix":""})";
    options.log = {LogMode::to_callback, collect_log, &log, {}};
    options.startup_wait_ms = 20000;
    options.max_wait_ms = 20000;
    auto created = Backend::create(options);
    ASSERT_TRUE(created.has_value()) << created.error().detail;
    backend = *created;
    const std::string old_token = issuer.mint();
    ASSERT_EQ(log_in(bearer(old_token)), Reason::NONE) << log;
    ASSERT_EQ(log_in(bearer(old_token)), Reason::NONE);
    EXPECT_EQ(hits(), "1");

    issuer.rotate(/*keep_old=*/false);
    const std::string new_token = issuer.mint();
    Reason reason = Reason::KEYS_PENDING;
    for (int i = 0; i < 200 && reason != Reason::NONE; ++i) {
        reason = log_in(bearer(new_token));
        if (reason != Reason::NONE) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ASSERT_EQ(reason, Reason::NONE) << log;
    EXPECT_EQ(log_in(bearer(old_token)), Reason::UNKNOWN_KEY);
    EXPECT_EQ(hits(), "1");
}

}  // namespace tokenward::session
