// One section's keys over time: the start, refreshes, unknown kids, waiting.
#include "section_keys_fixture.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

// ---- start ------------------------------------------------------------------------------------------------

TEST_F(SectionKeysTest, StartAsksForTheDiscoveryDocumentThenForTheKeys) {
    round();
    EXPECT_EQ(transport.request().url, "https://provider.example/realm/.well-known/openid-configuration");
    EXPECT_TRUE(transport.request().keep_connection);
    transport.answer_with(discovery());
    round();
    EXPECT_EQ(transport.request().url, jwks_uri);
    EXPECT_FALSE(transport.request().keep_connection);
    transport.answer_with(key_set({"k1"}));
    round();
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    EXPECT_EQ(log.count(LogLevel::info, "1 key from \"https://provider.example/keys\""), 1) << log.text();
}

TEST_F(SectionKeysTest, AConfiguredJwksUriNeedsNoDiscovery) {
    config::Section section = section_of(issuer);
    section.keys.jwks_uri = "https://keys.example/jwks";
    use(section);
    round();
    EXPECT_EQ(transport.request().url, "https://keys.example/jwks");
}

TEST_F(SectionKeysTest, DiscoveryIsNotRepeatedAtARefresh) {
    begin_with(key_set({"k1"}));
    until_due();
    round();
    EXPECT_EQ(transport.request().url, jwks_uri);
}

TEST_F(SectionKeysTest, DiscoveryIsRepeatedAfterADay) {
    begin_with(key_set({"k1"}));
    clock.advance_s(86'400);
    round();
    EXPECT_NE(transport.request().url, jwks_uri);
}

// ---- an address that moves --------------------------------------------------------------------------------

constexpr const char *moved = "https://provider.example/moved";
constexpr const char *discovery_address = "https://provider.example/realm/.well-known/openid-configuration";

TEST_F(SectionKeysTest, AFetchThatFailsAsksDiscoveryForTheAddressMayHaveMoved) {
    begin_with(key_set({"k1"}), "\"v1\"");
    until_due();
    serve(FetchResult::http_status);
    EXPECT_EQ(transport.request().url, discovery_address);
    EXPECT_EQ(transport.request().etag, "");
    transport.answer_with(discovery(issuer, moved));
    round();
    EXPECT_EQ(transport.request().url, moved);
    EXPECT_EQ(transport.request().etag, "") << "the ETag was the old address's";
    transport.answer_with(key_set({"k2"}));
    round();
    EXPECT_EQ(find_reason("k2"), Reason::NONE);
    EXPECT_EQ(keys->status().jwks_uri, moved);
    EXPECT_EQ(fetches(FetchResult::ok), 2U) << "all of it is one fetch";
    EXPECT_EQ(fetches(FetchResult::http_status), 0U);
}

TEST_F(SectionKeysTest, AFetchForAnUnknownKidThatChangesNothingAsksDiscoveryToo) {
    begin_with(key_set({"k1"}), "\"v1\"");
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(FetchResult::not_modified);
    EXPECT_EQ(transport.request().url, discovery_address);
    transport.answer_with(discovery(issuer, moved));
    round();
    EXPECT_EQ(transport.request().url, moved);
    transport.answer_with(key_set({"k1", "k2"}));
    round();
    EXPECT_EQ(find_reason("k2"), Reason::NONE);
}

TEST_F(SectionKeysTest, AFetchForAnUnknownKidThatBringsAnotherSetAsksNothingMore) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(key_set({"k1", "k3"}));
    EXPECT_TRUE(transport.running.empty());
    EXPECT_EQ(find_reason("k2"), Reason::UNKNOWN_KEY);
}

TEST_F(SectionKeysTest, AFetchForKeysThatAreTooOldThatConfirmsThemAsksNothingMore) {
    config::Section section = section_of(issuer);
    section.keys.jwks_max_stale_s = 7200;
    use(section);
    begin_with(key_set({"k1"}));
    clock.advance_s(7201);
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_UNAVAILABLE);
    serve(key_set({"k1"}));
    EXPECT_TRUE(transport.running.empty());
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

TEST_F(SectionKeysTest, ARefreshThatChangesNothingAsksNothingMore) {
    begin_with(key_set({"k1"}));
    until_due();
    serve(key_set({"k1"}));
    EXPECT_TRUE(transport.running.empty());
}

TEST_F(SectionKeysTest, AConfiguredAddressIsNotDiscovered) {
    config::Section section = section_of(issuer);
    section.keys.jwks_uri = jwks_uri;
    use(section);
    serve(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(key_set({"k1"}));
    EXPECT_TRUE(transport.running.empty());
    EXPECT_EQ(find_reason("k2"), Reason::UNKNOWN_KEY);
}

TEST_F(SectionKeysTest, WhereDiscoveryFailsAnUnchangedSetIsNoEvidence) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(key_set({"k1"}));
    transport.answer_with(FetchResult::http_status);
    round();
    EXPECT_TRUE(transport.running.empty());
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING) << "the keys may be somewhere else by now";
    EXPECT_EQ(keys->status().age_s, 0) << "the provider stands by the set";
    EXPECT_EQ(log.count(LogLevel::warning, "; going on with \"https://provider.example/keys\""), 1)
        << log.text();
}

TEST_F(SectionKeysTest, ANewAddressThatDoesNotServeYetDoesNotSpoilTheOldOne) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(key_set({"k1"}));
    transport.answer_with(discovery(issuer, moved));
    round();
    transport.answer_with(FetchResult::http_status);
    round();
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    EXPECT_EQ(keys->status().jwks_uri, jwks_uri);
    EXPECT_EQ(keys->status().last_error, "");
}

TEST_F(SectionKeysTest, AFailingDiscoveryDoesNotKeepTheKnownAddressFromServing) {
    begin_with(key_set({"k1"}));
    clock.advance_s(86'400);
    serve(FetchResult::http_status);
    EXPECT_EQ(transport.request().url, jwks_uri);
    transport.answer_with(key_set({"k2"}));
    round();
    EXPECT_EQ(find_reason("k2"), Reason::NONE);
}

TEST_F(SectionKeysTest, AnAddressThatUsesUpTheTimeIsNotAskedFirstTheNextTime) {
    begin_with(key_set({"k1"}));
    until_due();
    round();
    EXPECT_EQ(transport.request().timeout_ms, 5'000);
    clock.advance_s(5);
    serve(FetchResult::timeout);
    EXPECT_TRUE(transport.running.empty()) << "no time is left for discovery";
    until_due();
    serve(discovery(issuer, moved));
    EXPECT_EQ(transport.request().url, moved);
    clock.advance_s(5);
    serve(FetchResult::timeout);
    until_due();
    round();
    EXPECT_EQ(transport.request().url, jwks_uri) << "else a discovery that hangs would keep the keys away";
}

TEST_F(SectionKeysTest, AFetchHasOneDeadlineForAllItsRequests) {
    config::Section section = section_of(issuer);
    section.keys.jwks_timeout_s = 8;
    use(section);
    round();
    EXPECT_EQ(transport.request().timeout_ms, 8'000);
    clock.advance_s(3);
    transport.answer_with(discovery());
    round();
    EXPECT_EQ(transport.request().timeout_ms, 5'000);
}

TEST_F(SectionKeysTest, AFetchWhoseAnswerWasLostEndsToo) {
    round();
    transport.running.clear();
    clock.advance_s(5);
    round();
    EXPECT_EQ(keys->status().last_error, "");
    clock.advance_s(1);
    round();
    EXPECT_NE(keys->status().last_error, "");
    EXPECT_EQ(fetches(FetchResult::timeout), 1U);
    until_due();
    round();
    EXPECT_EQ(transport.running.size(), 1U);
}

struct BadDiscovery {
    const char *name;
    std::string document;
    const char *said;
};

class BadDiscoveryTest : public SectionKeysTest, public testing::WithParamInterface<BadDiscovery> {};

TEST_P(BadDiscoveryTest, IsRefusedWithWhatIsWrong) {
    serve(GetParam().document);
    EXPECT_TRUE(transport.running.empty()) << "its jwks_uri must not be asked";
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_PENDING);
    EXPECT_EQ(fetches(FetchResult::bad_document), 1U);
    EXPECT_NE(keys->status().last_error.find(GetParam().said), std::string::npos) << keys->status().last_error;
    EXPECT_EQ(log.count(LogLevel::warning, GetParam().said), 1) << log.text();
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadDiscoveryTest,
    testing::Values(
        BadDiscovery{"garbage", "<html>", "is HTML, not JSON"}, BadDiscovery{"empty", "", "isn't strict JSON"},
        BadDiscovery{"an_array", "[]", "isn't a JSON object"},
        BadDiscovery{"duplicate_member", R"({"issuer":"a","issuer":"b"})", "isn't strict JSON"},
        BadDiscovery{"no_issuer", R"({"jwks_uri":"https://a/"})", "has no issuer"},
        BadDiscovery{"issuer_a_number", R"({"issuer":1,"jwks_uri":"https://a/"})", "has no issuer"},
        BadDiscovery{"another_issuer", discovery("https://evil.example"),
                     "is of issuer \"https://evil.example\""},
        BadDiscovery{"issuer_in_other_case", discovery("https://PROVIDER.example/realm"), "is of issuer"},
        BadDiscovery{"issuer_with_two_slashes", discovery("https://provider.example/realm//"), "is of issuer"},
        BadDiscovery{"no_jwks_uri", support::JsonObject().string("issuer", issuer).json(), "has no jwks_uri"},
        BadDiscovery{"http_jwks_uri", discovery(issuer, "http://provider.example/keys"),
                     "isn't an https address"},
        BadDiscovery{"file_jwks_uri", discovery(issuer, "file:///etc/passwd"), "isn't an https address"},
        BadDiscovery{"user_in_jwks_uri", discovery(issuer, "https://u:p@provider.example/"),
                     "isn't an https address"},
        BadDiscovery{"space_in_jwks_uri", discovery(issuer, "https://a/ b"), "isn't an https address"},
        BadDiscovery{"newline_in_jwks_uri", discovery(issuer, "https://a/\r\nX: y"), "isn't an https address"},
        BadDiscovery{"no_host", discovery(issuer, "https:///keys"), "isn't an https address"},
        BadDiscovery{"one_slash", discovery(issuer, "https:/provider.example/keys"), "isn't an https address"},
        BadDiscovery{"only_a_port", discovery(issuer, "https://:443/keys"), "isn't an https address"},
        BadDiscovery{"empty_user", discovery(issuer, "https://@provider.example/"), "isn't an https address"},
        BadDiscovery{"too_long", discovery(issuer, "https://provider.example/" + std::string(2048, 'k')),
                     "isn't an https address"}),
    [](const auto &info) { return info.param.name; });

TEST_F(SectionKeysTest, OneTrailingSlashOfTheIssuerIsIgnored) {
    serve(discovery(std::string(issuer) + "/"));
    EXPECT_EQ(transport.request().url, jwks_uri);
}

TEST_F(SectionKeysTest, TheEnvironmentsProxyIsUsedWithItsExceptions) {
    round();
    EXPECT_EQ(transport.request().proxy, "http://proxy.example:3128");
    EXPECT_EQ(transport.request().no_proxy, "internal.example");
}

TEST_F(SectionKeysTest, TheProxyOptionWinsOverTheEnvironment) {
    for (const char *proxy : {"", "http://other.example:80"}) {
        config::Section section = section_of(issuer);
        section.keys.proxy = proxy;
        use(section);
        round();
        EXPECT_EQ(transport.request().proxy, proxy);
        EXPECT_EQ(transport.request().no_proxy, "");
    }
}

// ---- refresh ----------------------------------------------------------------------------------------------

TEST_F(SectionKeysTest, ARefreshIsConditionalAnd304ConfirmsTheSet) {
    begin_with(key_set({"k1"}), "\"v1\"");
    until_due();
    round();
    EXPECT_EQ(transport.request().etag, "\"v1\"");
    transport.answer_with(FetchResult::not_modified);
    round();
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    EXPECT_EQ(keys->status().age_s, 0);
    EXPECT_EQ(fetches(FetchResult::not_modified), 1U);
}

TEST_F(SectionKeysTest, A304ThatNobodyAskedForIsAFailure) {
    serve(discovery());
    transport.answer_with(FetchResult::not_modified);
    round();
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_PENDING);
    EXPECT_EQ(fetches(FetchResult::http_status), 1U);
}

TEST_F(SectionKeysTest, AnAbsurdEtagIsNotSentBack) {
    begin_with(key_set({"k1"}), std::string(5000, 'x'));
    until_due();
    round();
    EXPECT_EQ(transport.request().etag, "");
}

TEST_F(SectionKeysTest, WhileARefreshRunsTheOldKeysServe) {
    begin_with(key_set({"k1"}));
    until_due();
    round();
    ASSERT_EQ(transport.running.size(), 1U);
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

TEST_F(SectionKeysTest, AKeyThatLeavesTheSetIsNoLongerGoodAndOneThatStaysIs) {
    begin_with(key_set({"k1", "k2"}));
    const KeyRef leaves = *keys->find(eddsa, "k1", "", 0);
    const KeyRef stays = *keys->find(eddsa, "k2", "", 0);
    until_due();
    serve(key_set({"k2", "k3"}));
    EXPECT_FALSE(keys->still_good(*leaves));
    EXPECT_TRUE(keys->still_good(*stays));
    EXPECT_EQ(log.count(LogLevel::info, "2 keys from"), 2) << log.text();
}

TEST_F(SectionKeysTest, AReusedKidIsAnotherKey) {
    begin_with(key_set({"k1"}, 0));
    const KeyRef old = *keys->find(eddsa, "k1", "", 0);
    until_due();
    serve(key_set({"k1"}, 1));
    EXPECT_FALSE(keys->still_good(*old));
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

TEST_F(SectionKeysTest, AShorterMaxStaleOfAReloadCountsForTheKeysThatAreThere) {
    begin_with(key_set({"k1"}));
    config::Section section = section_of(issuer);
    section.keys.jwks_max_stale_s = 60;
    keys->apply(input_of(section));
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    clock.advance_s(61);
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_UNAVAILABLE);
}

TEST_F(SectionKeysTest, AReloadFetches) {
    begin_with(key_set({"k1"}));
    const KeyRef withdrawn = *keys->find(eddsa, "k1", "", 0);
    clock.advance_s(1);
    keys->apply(input_of(section_of(issuer)));
    serve(key_set({"k2"}));
    EXPECT_FALSE(keys->still_good(*withdrawn));
}

TEST_F(SectionKeysTest, AProviderThatWantsToBeAskedOftenIsAskedOverAKeptConnection) {
    serve(discovery());
    HttpResponse response;
    response.result = FetchResult::ok;
    response.body = key_set({"k1"});
    response.lifetime_s = 15;
    transport.answer(response);
    round();
    until_due();
    round();
    EXPECT_TRUE(transport.request().keep_connection);
}

// ---- unknown kid, bad signature ---------------------------------------------------------------------------

TEST_F(SectionKeysTest, BeforeTheFirstKeysACallerIsToldToTryAgain) {
    const Result<KeyRef> found = keys->find(eddsa, "k1", "", 0);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().reason, Reason::KEYS_PENDING);
    EXPECT_GE(found.error().retry_after_ms, 20);
    EXPECT_LE(found.error().retry_after_ms, 1000);
}

TEST_F(SectionKeysTest, AnUnknownKidIsFetchedAtOnce) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(key_set({"k1", "k2"}));
    EXPECT_EQ(find_reason("k2"), Reason::NONE);
}

TEST_F(SectionKeysTest, ManyUnknownKidsAreFetchedThreeTimesThenOncePerMinRefresh) {
    begin_with(key_set({"k1"}));
    int made_up = 0;
    const auto ask_for_two_minutes = [&] {
        for (int i = 0; i < 1200; ++i) {
            EXPECT_EQ(find_reason("made-up-" + std::to_string(made_up++)), Reason::NEW_KEY_PENDING);
            round();
            while (!transport.running.empty()) {
                if (transport.request().url == jwks_uri) {
                    transport.answer_with(key_set({"k1"}));
                } else {
                    transport.answer_with(discovery());
                }
                round();
            }
            clock.advance_ms(100);
        }
    };
    const int before = transport.started;
    ask_for_two_minutes();
    EXPECT_LE(transport.started - before, (3 + 24) * 2) << "the keys, and whether they have moved";
    EXPECT_GE(transport.started - before, 24 * 2);
}

TEST_F(SectionKeysTest, AnUnknownKidIsRefusedAfterAFetchThatBeganAfterItsFirstQuestion) {
    begin_with(key_set({"k1"}));
    until_due();
    round();
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    transport.answer_with(key_set({"k1"}));
    round();
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING) << "that fetch had begun already";
    serve_fruitless(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::UNKNOWN_KEY);
    EXPECT_EQ(find_reason("k3"), Reason::NEW_KEY_PENDING) << "another kid";
    EXPECT_EQ(keys->find(jose::Algorithm::ES256, "k2", "", 0).error().reason, Reason::NEW_KEY_PENDING)
        << "another algorithm";
    clock.advance_s(4);
    EXPECT_EQ(find_reason("k2"), Reason::UNKNOWN_KEY);
    clock.advance_s(1);
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING) << "it may have been published since";
}

TEST_F(SectionKeysTest, AFailedFetchRefusesNoUnknownKid) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    fail();
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
}

TEST_F(SectionKeysTest, ATokenThatMustTryAgainSaysWhatFailedAndWhatToChange) {
    HttpResponse response;
    response.result = FetchResult::tls_error;
    response.error = "the certificate isn't accepted";
    response.hint = "set ca_file";
    round();
    transport.answer(response);
    round();
    const Result<KeyRef> found = keys->find(eddsa, "k1", "", 0);
    EXPECT_EQ(found.error().reason, Reason::KEYS_PENDING);
    EXPECT_EQ(found.error().detail,
              "there are no keys yet; the last fetch failed: the certificate isn't accepted");
    EXPECT_EQ(found.error().hint, "set ca_file");
    until_due();
    begin_with(key_set({"k1"}));
    EXPECT_EQ(keys->find(eddsa, "k2", "", 0).error().hint, "") << "the reason's own";
}

TEST_F(SectionKeysTest, A304RefusesAnUnknownKid) {
    begin_with(key_set({"k1"}), "\"v1\"");
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve(FetchResult::not_modified);
    transport.answer_with(discovery());
    round();
    EXPECT_EQ(find_reason("k2"), Reason::UNKNOWN_KEY);
}

TEST_F(SectionKeysTest, AForgottenKidIsAskedToTryAgain) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    serve_fruitless(key_set({"k1"}));
    EXPECT_EQ(find_reason("k2"), Reason::UNKNOWN_KEY);
    for (std::size_t i = 0; i < UnknownKeys::capacity * 8; ++i) {
        ASSERT_EQ(find_reason("made-up-" + std::to_string(i)), Reason::NEW_KEY_PENDING);
    }
    EXPECT_EQ(find_reason("k2"), Reason::NEW_KEY_PENDING);
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

TEST_F(SectionKeysTest, NoKeyIsEvictedByMadeUpKids) {
    begin_with(key_set({"k1"}));
    for (int i = 0; i < 1000; ++i) {
        clock.advance_s(1);
        EXPECT_EQ(find_reason("made-up-" + std::to_string(i)), Reason::NEW_KEY_PENDING);
        round();
        while (!transport.running.empty()) {
            transport.answer_with(transport.request().url == jwks_uri ? key_set({"k1"}) : discovery());
            round();
        }
        EXPECT_EQ(find_reason("k1"), Reason::NONE);
    }
    EXPECT_EQ(keys->status().keys.size(), 1U);
}

TEST_F(SectionKeysTest, BadSignaturesAskForFetchesWithinTheBudget) {
    begin_with(key_set({"k1"}));
    for (int i = 0; i < 100; ++i) {
        keys->report_bad_signature();
        round();
        if (transport.running.empty()) continue;
        transport.answer_with(key_set({"k1"}));
        round();
        transport.answer_with(discovery());
        round();
    }
    EXPECT_EQ(transport.started, 2 + 3 * 2);
    clock.advance_s(5);
    keys->report_bad_signature();
    serve(key_set({"k1"}, 1));
    EXPECT_EQ(transport.started, 2 + 3 * 2 + 1);
}

TEST_F(SectionKeysTest, AKnownKidOfAnotherAlgorithmIsRefusedAndAsksForAFetch) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(keys->find(jose::Algorithm::RS256, "k1", "", 0).error().reason, Reason::ALGORITHM_MISMATCH);
    round();
    EXPECT_EQ(transport.running.size(), 1U);
}

TEST_F(SectionKeysTest, ATokenWithoutKidWaitsForAKeyOfItsKind) {
    begin_with(key_set({"k1"}));
    EXPECT_TRUE(keys->find(eddsa, std::nullopt, "", 0)) << "the only key that fits";
    EXPECT_EQ(keys->find(jose::Algorithm::RS256, std::nullopt, "", 0).error().reason, Reason::NEW_KEY_PENDING);
    serve_fruitless(key_set({"k1"}));
    EXPECT_EQ(keys->find(jose::Algorithm::RS256, std::nullopt, "", 0).error().reason, Reason::NO_KEY_ID);
}

TEST_F(SectionKeysTest, ATokenWithoutKidThatSeveralKeysFitIsRefusedAtOnce) {
    begin_with(key_set({"k1", "k2"}));
    EXPECT_EQ(keys->find(eddsa, std::nullopt, "", 0).error().reason, Reason::NO_KEY_ID);
    round();
    EXPECT_TRUE(transport.running.empty());
    EXPECT_TRUE(keys->find(eddsa, std::nullopt, "k2", 0)) << "default_key";
}

// ---- waiting ----------------------------------------------------------------------------------------------

TEST_F(SectionKeysTest, OneFetchAnswersAllWaitersAnd64WaitAtMost) {
    constexpr int callers = 70;
    constexpr int turned_away = callers - KeyWaiters::max_waiting;
    std::atomic<int> pending{0};
    std::atomic<int> found{0};
    std::vector<std::thread> threads;
    threads.reserve(callers);
    for (int i = 0; i < callers; ++i) {
        threads.emplace_back([&] {
            const Result<KeyRef> key = keys->find(eddsa, "k1", "", 60'000);
            if (key) {
                ++found;
            } else if (key.error().reason == Reason::KEYS_PENDING && key.error().retry_after_ms >= 20) {
                ++pending;
            }
        });
    }
    while (pending.load() < turned_away) std::this_thread::yield();
    begin_with(key_set({"k1"}));
    for (std::thread &thread : threads) thread.join();
    EXPECT_EQ(pending.load(), turned_away);
    EXPECT_EQ(found.load(), KeyWaiters::max_waiting);
    EXPECT_EQ(transport.started, 2) << "discovery and keys, once";
}

TEST_F(SectionKeysTest, AWaiterGivesUpAtTheEndOfItsTime) {
    EXPECT_EQ(keys->find(eddsa, "k1", "", 30).error().reason, Reason::KEYS_PENDING);
    EXPECT_EQ(waiters->waiting, 0);
}

TEST_F(SectionKeysTest, AWaiterWhoseKidDoesNotComeIsRefused) {
    begin_with(key_set({"k1"}));
    Reason reason = Reason::NONE;
    std::thread caller([&] { reason = keys->find(eddsa, "k2", "", 60'000).error().reason; });
    while (keys->next_fetch_at() > clock.monotonic_ms()) std::this_thread::yield();
    serve_fruitless(key_set({"k1"}));
    caller.join();
    EXPECT_EQ(reason, Reason::UNKNOWN_KEY);
}

TEST_F(SectionKeysTest, AWaiterWaitsForAFetchThatBeginsInItsTime) {
    begin_with(key_set({"k1"}));
    use_up_the_burst();
    std::atomic<bool> back{false};
    std::thread caller([&] {
        EXPECT_TRUE(keys->find(eddsa, "k2", "", 60'000));
        back = true;
    });
    for (int waiting = 0; waiting == 0 && !back;) {
        const std::lock_guard lock(waiters->mutex);
        waiting = waiters->waiting;
    }
    clock.advance_s(5);
    serve(key_set({"k1", "k2"}));
    caller.join();
}

TEST_F(SectionKeysTest, NobodyWaitsWhenNoFetchBeginsInTime) {
    begin_with(key_set({"k1"}));
    use_up_the_burst();
    std::atomic<bool> back{false};
    std::thread caller([&] {
        EXPECT_EQ(keys->find(eddsa, "k2", "", 4'999).error().reason, Reason::NEW_KEY_PENDING);
        back = true;
    });
    bool waited = false;
    while (!back) {
        const std::lock_guard lock(waiters->mutex);
        waited = waited || waiters->waiting != 0;
    }
    caller.join();
    EXPECT_FALSE(waited);
}

TEST_F(SectionKeysTest, WaitersLeaveWhenTheSectionIsDropped) {
    Reason reason = Reason::NONE;
    std::thread caller([&] { reason = keys->find(eddsa, "k1", "", 60'000).error().reason; });
    for (int waiting = 0; waiting == 0;) {
        const std::lock_guard lock(waiters->mutex);
        waiting = waiters->waiting;
    }
    keys->close();
    caller.join();
    EXPECT_EQ(reason, Reason::KEYS_PENDING);
}

TEST_F(SectionKeysTest, DiscoveryUriTakesThePlaceOfTheWellKnownAddress) {
    config::Section section = section_of(issuer);
    section.keys.discovery_uri = "https://login.example/d?appid=x";
    use(section);
    round();
    ASSERT_EQ(transport.running.size(), 1U);
    EXPECT_EQ(transport.request().url, "https://login.example/d?appid=x");
    transport.answer_with(discovery());
    round();
    EXPECT_EQ(transport.request().url, jwks_uri);
    transport.answer_with(key_set({"k1"}));
    round();
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

TEST_F(SectionKeysTest, DiscoverysIssuerMayBeAnAlias) {
    config::Section section = section_of(issuer);
    section.tokens.issuer_aliases = {"https://inside.example"};
    use(section);
    serve(discovery("https://inside.example/"));
    transport.answer_with(key_set({"k1"}));
    round();
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

/// Keys of a file beside those that are fetched.
class KeysBeside : public SectionKeysTest {
  protected:
    KeysBeside() {
        section_.keys.jwks_file = "/keys.pem";
        section_.keys.jwks_file_beside = true;
        use_file({"own"});
    }
    SectionInput input(const std::vector<std::string> &kids) const {
        SectionInput out = input_of(section_);
        jose::KeySet::Notes notes;
        out.file_keys = *jose::KeySet::parse(key_set(kids, 1), notes);
        return out;
    }
    void use_file(const std::vector<std::string> &kids) {
        keys = std::make_shared<SectionKeys>(clock, waiters, input(kids), [] { return 0.5; });
        keys->start();
    }

    config::Section section_ = section_of(issuer);
};

TEST_F(KeysBeside, BothServe) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    EXPECT_EQ(find_reason("own"), Reason::NONE);
    EXPECT_EQ(keys->status().keys.size(), 2U);
    EXPECT_FALSE(keys->status().static_set);
    // A rotation at the provider changes nothing of the file's.
    until_due();
    serve(key_set({"k2"}));
    EXPECT_EQ(find_reason("k2"), Reason::NONE);
    EXPECT_EQ(find_reason("own"), Reason::NONE);
    EXPECT_EQ(keys->status().keys.size(), 2U);
}

TEST_F(KeysBeside, TheFilesServeWhileTheProviderIsDown) {
    EXPECT_EQ(find_reason("own"), Reason::NONE) << "before the first fetch";
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_PENDING);
    serve(FetchResult::network_error);
    EXPECT_EQ(find_reason("own"), Reason::NONE);
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_PENDING);
    EXPECT_TRUE(keys->status().stale);

    clock.advance_s(60);
    begin_with(key_set({"k1"}));
    const KeyRef own = *keys->find(eddsa, "own", "", 0);
    const KeyRef fetched = *keys->find(eddsa, "k1", "", 0);
    clock.advance_s(section_.keys.jwks_max_stale_s + 1);
    EXPECT_EQ(find_reason("own"), Reason::NONE) << "when the fetched ones are too old";
    EXPECT_EQ(find_reason("k1"), Reason::KEYS_UNAVAILABLE);
    EXPECT_TRUE(keys->still_good(*own));
    EXPECT_FALSE(keys->still_good(*fetched));
    EXPECT_TRUE(keys->status().stale);
}

TEST_F(KeysBeside, AnUnknownKidIsFetchedAndRefusedAsEver) {
    begin_with(key_set({"k1"}));
    EXPECT_EQ(find_reason("k9"), Reason::NEW_KEY_PENDING);
    serve_fruitless(key_set({"k1"}));
    EXPECT_EQ(find_reason("k9"), Reason::UNKNOWN_KEY);
}

TEST_F(KeysBeside, OneKidOfTwoKeysIsRefused) {
    begin_with(key_set({"own", "k1"}));
    EXPECT_EQ(find_reason("own"), Reason::AMBIGUOUS_KEY);
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
}

TEST_F(KeysBeside, AnEmptiedSetLeavesTheFilesKeys) {
    begin_with(key_set({"k1"}));
    for (int i = 0; i < 2; ++i) {
        until_due();
        serve_fruitless(support::jwks({}));
    }
    EXPECT_EQ(find_reason("own"), Reason::NONE);
    EXPECT_NE(find_reason("k1"), Reason::NONE);
    EXPECT_TRUE(keys->status().stale);
}

TEST_F(KeysBeside, AReloadReadsTheFileAgain) {
    begin_with(key_set({"k1"}));
    const KeyRef own = *keys->find(eddsa, "own", "", 0);
    ASSERT_TRUE(keys->serves(input_of(section_)));
    keys->apply(input({"new"}));
    EXPECT_EQ(find_reason("new"), Reason::NONE);
    EXPECT_EQ(find_reason("k1"), Reason::NONE);
    EXPECT_FALSE(keys->still_good(*own));
    // Another kind of source is another provider's.
    config::Section alone = section_;
    alone.keys.jwks_file_beside = false;
    EXPECT_FALSE(keys->serves(input_of(alone)));
    config::Section discovered = section_;
    discovered.keys.discovery_uri = "https://elsewhere.example/d";
    EXPECT_FALSE(keys->serves(input_of(discovered)));
    config::Section renamed = section_;
    renamed.name = "other";
    renamed.tokens.issuer_aliases = {"https://inside.example"};
    EXPECT_TRUE(keys->serves(input_of(renamed)));
}

TEST_F(SectionKeysTest, AFileAloneSaysHowToNameItsKeys) {
    config::Section section = section_of(issuer);
    section.keys.jwks_file = "/keys.pem";
    SectionInput input = input_of(section);
    jose::KeySet::Notes notes;
    input.file_keys = *jose::KeySet::parse(support::jwks({support::TestKey::shared("EdDSA").jwk("")}), notes);
    keys = std::make_shared<SectionKeys>(clock, waiters, std::move(input), [] { return 0.5; });
    EXPECT_TRUE(keys->find(eddsa, std::nullopt, "", 0)) << "the only key that fits";
    const auto named = keys->find(eddsa, "k7", "", 0);
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().reason, Reason::UNKNOWN_KEY);
    EXPECT_NE(named.error().hint.find("'kid: k7'"), std::string::npos) << named.error().hint;
}

}  // namespace
}  // namespace tokenward::keys
