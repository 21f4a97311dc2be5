// One section's keys while the provider fails, revokes them all, or is away over a restart.
#include "keys/cache_file.hpp"
#include "section_keys_fixture.hpp"
#include "support/test_issuer.hpp"

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

// ---- a sick provider --------------------------------------------------------------------------------------

struct Sick {
    const char *name;
    FetchResult result;
    std::string body;
};

class SickProviderTest : public SectionKeysTest, public testing::WithParamInterface<Sick> {
  protected:
    void answer_sickly() {
        if (GetParam().result == FetchResult::bad_document) {
            transport.answer_with(GetParam().body);
        } else {
            transport.answer_with(GetParam().result);
        }
    }
};

TEST_P(SickProviderTest, TheLastGoodSetStaysUntilMaxStaleAndComesBack) {
    begin_with(key_set({"k1"}));
    const KeyRef key = *keys->find(eddsa, "k1", "", 0);
    const std::int64_t begin = clock.monotonic_ms();
    while (clock.monotonic_ms() - begin < 86'400'000) {
        EXPECT_EQ(find_reason("k1"), Reason::NONE);
        EXPECT_TRUE(keys->still_good(*key));
        until_due();
        round();
        while (!transport.running.empty()) {
            answer_sickly();
            round();
        }
    }
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_UNAVAILABLE);
    EXPECT_FALSE(keys->still_good(*key));
    EXPECT_TRUE(keys->status().stale);
    EXPECT_FALSE(keys->status().last_error.empty());
    EXPECT_GE(fetches(GetParam().result), 86'400U / 300U) << "back-off ends at five minutes";

    EXPECT_EQ(keys->next_fetch_at(), clock.monotonic_ms()) << "the question made a fetch due";
    round();
    if (transport.request().url != jwks_uri) {
        transport.answer_with(discovery());
        round();
    }
    transport.answer_with(key_set({"k1"}));
    round();
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    EXPECT_TRUE(keys->status().last_error.empty());
}

TEST_F(SectionKeysTest, AnotherHostThatDiscoveryNamesIsALineOnceAndMustBePublic) {
    const std::string other = "https://keys.example/k";
    round();
    EXPECT_FALSE(transport.request().public_only) << "the issuer is the operator's word";
    transport.answer_with(discovery(issuer, other));
    round();
    EXPECT_EQ(transport.request().url, other);
    EXPECT_TRUE(transport.request().public_only);
    transport.answer_with(key_set({"k1"}));
    round();
    const char *line = "discovery names another host for them, \"keys.example\"";
    EXPECT_EQ(log.count(LogLevel::info, line), 1) << log.text();
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(key_set({"k1"}));
    transport.answer_with(discovery(issuer, other));
    round();
    EXPECT_EQ(log.count(LogLevel::info, line), 1) << log.text();
}

TEST_F(SectionKeysTest, TheIssuersOwnHostMayBeAnywhereAndSoMayWhatTheOperatorSets) {
    serve(discovery());
    EXPECT_EQ(transport.request().url, jwks_uri);
    EXPECT_FALSE(transport.request().public_only);
    transport.running.clear();
    config::Section section = section_of(issuer);
    section.keys.jwks_uri = "https://10.0.0.1/keys";
    use(section);
    round();
    EXPECT_EQ(transport.request().url, "https://10.0.0.1/keys");
    EXPECT_FALSE(transport.request().public_only);
    EXPECT_EQ(log.count(LogLevel::info, "another host"), 0) << log.text();
}

/// A set with one good key and many that are broken.
std::string set_with_broken_keys(int count, const std::string &mark) {
    std::string set = key_set({"k1"});
    set.resize(set.rfind(']'));
    for (int i = 0; i < count; ++i) set += R"(,{"kty":"RSA","kid":")" + mark + std::to_string(i) + R"("})";
    return set + "]}";
}

TEST_F(SectionKeysTest, ManyBrokenKeysAreAFewLines) {
    begin_with(set_with_broken_keys(900, "a"));
    EXPECT_EQ(log.count(LogLevel::warning, "is not usable"), 8) << log.text();
    EXPECT_EQ(log.count(LogLevel::warning, "and 892 more such notes on keys"), 1) << log.text();
    EXPECT_EQ(log.count(LogLevel::debug, "is not usable"), 8);
}

TEST_F(SectionKeysTest, BrokenKeysThatAreNewEachTimeAreWarningsLessAndLessOften) {
    begin_with(set_with_broken_keys(1, "a0-"));
    for (int i = 1; i < 40; ++i) {
        until_due();
        round();
        if (transport.request().url != jwks_uri) serve(discovery());  // now and then it is asked first
        serve(set_with_broken_keys(1, "a" + std::to_string(i) + "-"));
    }
    EXPECT_EQ(log.count(LogLevel::debug, "is not usable"), 40) << log.text();
    EXPECT_EQ(log.count(LogLevel::warning, "is not usable"), 6) << "the 1st, 2nd, 4th, 8th, 16th, 32nd";
}

TEST_P(SickProviderTest, TheLogSaysWhatWhereWhyAndWhenNext) {
    begin_with(key_set({"k1"}));
    until_due();
    for (int i = 0; i < 2; ++i) {
        round();
        answer_sickly();
    }
    round();
    EXPECT_EQ(log.count(LogLevel::warning,
                        "\"https://provider.example/realm\": fetching "
                        "\"https://provider.example/keys\" failed (" +
                            std::string(fetch_result_name(GetParam().result)) + "): "),
              1)
        << log.text();
    EXPECT_EQ(log.count(LogLevel::warning, "; the key it has stays; next try in 0 s"), 1) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Rows, SickProviderTest,
                         testing::Values(Sick{"status_500", FetchResult::http_status, {}},
                                         Sick{"slow", FetchResult::timeout, {}},
                                         Sick{"gone", FetchResult::network_error, {}},
                                         Sick{"certificate", FetchResult::tls_error, {}},
                                         Sick{"too_large", FetchResult::too_large, {}},
                                         Sick{"garbage", FetchResult::bad_document, "<html>"},
                                         Sick{"no_keys_member", FetchResult::bad_document, "{}"},
                                         Sick{"only_unusable_keys", FetchResult::bad_document,
                                              support::TestIssuer::unusable_jwks()}),
                         [](const auto &info) { return info.param.name; });

TEST_F(SectionKeysTest, AHangingProviderDoesNotHoldUpAnotherSections) {
    const auto other = std::make_shared<SectionKeys>(
        clock, waiters, input_of(section_of("https://other.example")), [] { return 0.5; });
    other->start();
    fetcher.round({keys, other}, 0);
    ASSERT_EQ(transport.running.size(), 2U);
    transport.running.erase(transport.running.begin());  // it never answers
    transport.answer_with(discovery("https://other.example"));
    fetcher.round({keys, other}, 0);
    transport.answer_with(key_set({"k1"}));
    fetcher.round({keys, other}, 0);
    EXPECT_TRUE(other->find(eddsa, "k1", "", 0));
}

TEST_F(SectionKeysTest, TheSameFailureAgainAndAgainIsAWarningLessAndLessOften) {
    begin_with(key_set({"k1"}));
    for (int i = 0; i < 20; ++i) {
        until_due();
        fail();
    }
    EXPECT_EQ(log.count(LogLevel::warning, "failed (http_status)"), 5) << "1, 2, 4, 8, 16: " << log.text();
    EXPECT_EQ(log.count(LogLevel::debug, "failed (http_status)"), 20);
    EXPECT_EQ(log.count(LogLevel::warning, "16 times so far"), 1);
    until_due();
    serve(key_set({"k1"}));
    EXPECT_EQ(log.count(LogLevel::info, "unchanged"), 1) << log.text();
    until_due();
    fail();
    EXPECT_EQ(log.count(LogLevel::warning, "failed (http_status)"), 6);
}

TEST_F(SectionKeysTest, AFetchOfADroppedSectionIsGivenUp) {
    round();
    ASSERT_EQ(transport.running.size(), 1U);
    fetcher.round({}, 0);
    EXPECT_TRUE(transport.running.empty());
}

TEST_F(SectionKeysTest, TheThreadSleepsUntilTheNextFetch) {
    begin_with(key_set({"k1"}));
    fetcher.round({keys}, 60'000);
    EXPECT_EQ(transport.last_timeout_ms, 60'000);
    clock.advance_s(keys->status().next_fetch_in_s - 5);
    fetcher.round({keys}, 60'000);
    EXPECT_LE(transport.last_timeout_ms, 6'000);
    EXPECT_GE(transport.last_timeout_ms, 5'000);
}

TEST_F(SectionKeysTest, ABrokenKeyIsAWarningOncePerContent) {
    const std::string broken =
        R"({"keys":[{"kty":"EC","kid":"bad","crv":"P-256","x":"AA","y":"AA"},)" + key_set({"k1"}).substr(9);
    begin_with(broken);
    const int said = log.count(LogLevel::warning, "bad");
    EXPECT_EQ(said, 1) << log.text();
    for (int i = 0; i < 3; ++i) {
        until_due();
        serve(broken);
    }
    EXPECT_EQ(log.count(LogLevel::warning, "bad"), said) << log.text();
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

// ---- revocation -------------------------------------------------------------------------------------------

TEST_F(SectionKeysTest, AnEmptySetTwiceRevokesAllKeys) {
    begin_with(key_set({"k1"}));
    const KeyRef key = *keys->find(eddsa, "k1", "", 0);
    until_due();
    serve_fruitless(R"({"keys":[]})");
    EXPECT_EQ(find_reason("k1"), Reason::NONE) << "one may be an accident";
    EXPECT_EQ(log.count(LogLevel::warning, "is empty"), 1) << log.text();
    until_due();
    serve_fruitless(R"({"keys":[]})");
    EXPECT_FALSE(keys->still_good(*key));
    EXPECT_EQ(find_reason("k1"), Reason::NEW_KEY_PENDING) << "as each kid that is unknown for the first time";
    EXPECT_EQ(log.count(LogLevel::warning, "all keys are dropped"), 1) << log.text();
    EXPECT_EQ(fetches(FetchResult::empty), 2U);

    serve_fruitless(R"({"keys":[]})");
    EXPECT_EQ(find_reason("k1"), Reason::UNKNOWN_KEY);
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(key_set({"k2"}));
    EXPECT_EQ(find_reason("k2"), Reason::NONE);
}

TEST_F(SectionKeysTest, AnEmptySetAtTheStartIsNotASet) {
    begin_with(R"({"keys":[]})");
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_PENDING);
    until_due();
    serve(key_set({"k1"}));
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

// ---- cache file -------------------------------------------------------------------------------------------

class CacheTest : public SectionKeysTest {
  protected:
    CacheTest() {
        section.keys.jwks_cache_file = directory.path() + "/cache.json";
        use(section);
    }
    std::string file() const {
        std::ifstream in(section.keys.jwks_cache_file);
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }
    Result<std::optional<CachedKeys>> read() const {
        return read_cache_file(section.keys.jwks_cache_file, {issuer, "", 86'400, clock.unix_seconds()});
    }

    support::TemporaryDirectory directory;
    config::Section section = section_of(issuer);
};

TEST_F(CacheTest, EveryChangeIsWrittenWithMode0600) {
    begin_with(key_set({"k1"}));
    EXPECT_NE(file().find("\"k1\""), std::string::npos);
    struct stat status {};
    ASSERT_EQ(::stat(section.keys.jwks_cache_file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    until_due();
    serve(key_set({"k2"}));
    EXPECT_EQ(file().find("\"k1\""), std::string::npos);
    const auto cached = read();
    ASSERT_TRUE(cached && *cached) << file();
    EXPECT_EQ((*cached)->jwks_uri, jwks_uri);
    EXPECT_TRUE((*cached)->discovered);
    EXPECT_EQ((*cached)->fetched_at, clock.unix_seconds());
}

TEST_F(CacheTest, AConfirmationMakesTheFileYounger) {
    begin_with(key_set({"k1"}), "\"v1\"");
    until_due();
    serve(FetchResult::not_modified);
    const auto cached = read();
    ASSERT_TRUE(cached && *cached);
    EXPECT_EQ((*cached)->fetched_at, clock.unix_seconds());
}

TEST_F(CacheTest, ConfirmationsWithinAMinuteAreNotWritten) {
    section.keys.jwks_cache_ttl_s = 0;
    use(section);
    begin_with(key_set({"k1"}));
    const std::string first = file();
    until_due();
    serve(key_set({"k1"}));
    EXPECT_EQ(file(), first);
}

TEST_F(CacheTest, ARevocationIsWrittenTooSoThatARestartDoesNotUndoIt) {
    begin_with(key_set({"k1"}));
    for (int i = 0; i < 2; ++i) {
        until_due();
        serve_fruitless(R"({"keys":[]})");
    }
    EXPECT_EQ(file().find("\"k1\""), std::string::npos);
}

TEST_F(CacheTest, AFileThatCannotBeRewrittenIsSaidOnceAndDoesNotStop) {
    section.keys.jwks_cache_file = directory.path() + "/no-such-folder/cache.json";
    use(section);
    begin_with(key_set({"k1"}));
    until_due();
    serve(key_set({"k2"}));
    EXPECT_EQ(find_reason("k2"), Reason::NONE);
    EXPECT_EQ(log.count(LogLevel::warning, "no-such-folder"), 1) << log.text();
}

TEST_F(CacheTest, AFileThatCannotBeRewrittenAfterAChangeIsRemovedForItsKeysMayBeRevoked) {
    // The longest name there is: no temporary file can stand beside it.
    section.keys.jwks_cache_file = directory.path() + "/" + std::string(255, 'c');
    std::ofstream(section.keys.jwks_cache_file) << "an older set";
    use(section);
    begin_with(key_set({"k1"}));
    EXPECT_EQ(::access(section.keys.jwks_cache_file.c_str(), F_OK), -1);
    EXPECT_EQ(log.count(LogLevel::warning, "no temporary file beside it"), 1) << log.text();
}

TEST_F(CacheTest, RestoredKeysServeUntilTheProviderIsBack) {
    jose::KeySet::Notes notes;
    keys->restore(*jose::KeySet::parse(key_set({"k1"}), notes), jwks_uri, 3600);
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    EXPECT_EQ(keys->status().age_s, 3600);
    serve(FetchResult::network_error);
    EXPECT_EQ(transport.request().url, jwks_uri) << "it may be another host's";
    transport.answer_with(FetchResult::network_error);
    round();
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING) << "nothing says that the provider doesn't have it";
    clock.advance_s(86'400 - 3600 + 1);
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_UNAVAILABLE) << "the time before the restart counts";
}

}  // namespace
}  // namespace tokenward::keys
