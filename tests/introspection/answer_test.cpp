// What a provider may answer (RFC 7662 section 2.2), and how long it is remembered.
#include "introspection/answer.hpp"

#include "introspection/answers.hpp"
#include "introspection/client_rates.hpp"
#include "introspection/endpoint.hpp"
#include "introspection/rate.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace tokenward::introspection {
namespace {

jose::Sha256Digest digest_of(unsigned char byte) {
    jose::Sha256Digest digest{};
    digest.fill(byte);
    return digest;
}

AnswerRef answer_of(std::size_t bytes, std::int64_t good_until) {
    auto answer = std::make_shared<Answer>();
    answer->kind = Answer::Kind::active;
    answer->content.assign(bytes, 'x');
    answer->good_until = good_until;
    return answer;
}

}  // namespace

TEST(IntrospectionAnswer, OnlyABooleanTrueIsActive) {
    struct Row {
        const char *body;
        const char *outcome;  ///< "active", "inactive" or what the message says
    };
    const Row rows[] = {
        {R"({"active":true,"sub":"alice"})", "active"},
        {R"({"active":false})", "inactive"},
        {R"({"active":false,"sub":"alice","scope":"x"})", "inactive"},
        {R"({"active":"true"})", "no active"},
        {R"({"active":1})", "no active"},
        {R"({"active":null})", "no active"},
        {R"({"sub":"alice"})", "no active"},
        {R"([{"active":true}])", "isn't a JSON object"},
        {R"({"active":true,"active":false})", "isn't strict JSON"},
        {R"({"active":true}x)", "isn't strict JSON"},
        {"true", "isn't a JSON object"},
        {"", "isn't strict JSON"},
        {"<html><body>Login</body></html>", "HTML"},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.body);
        const auto answer = read_answer(row.body);
        const std::string outcome = !answer                                   ? answer.error().detail
                                    : answer->kind == Answer::Kind::active ? "active"
                                                                              : "inactive";
        EXPECT_NE(outcome.find(row.outcome), std::string::npos) << outcome;
        if (!answer) {
            EXPECT_EQ(answer.error().reason, Reason::INTROSPECTION_FAILED);
        }
    }
    const std::string long_one = R"({"active":true,"x":")" + std::string(largest_answer, 'x') + "\"}";
    EXPECT_NE(read_answer(long_one).error().detail.find("65536 are allowed"), std::string::npos);
}

TEST(IntrospectionAnswer, AClientsTokenIsABearersAndEndsWhenTheProviderSays) {
    struct Row {
        const char *members;
        std::int64_t lifetime_s;  ///< -1: it is no answer
    };
    const Row rows[] = {
        {R"("token_type":"Bearer","expires_in":300)", 300},
        {R"("token_type":"bearer","expires_in":"300")", 300},
        {R"("token_type":"BEARER")", 0},
        {R"("token_type":"Bearer","expires_in":null)", 0},
        {R"("token_type":"Bearer","expires_in":"soon")", 0},
        {R"("token_type":"Bearer","expires_in":-5)", 0},
        {R"("token_type":"Bearer","expires_in":1e30)", 0},
        {R"("token_type":"Bearer","expires_in":999999999)", 86400},
        {R"("token_type":"Bearer","expires_in":"99999999999999999999")", 0},
        {R"("token_type":"mac","expires_in":300)", -1},
        {R"("token_type":["Bearer"],"expires_in":300)", -1},
        {R"("expires_in":300)", -1},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.members);
        const auto answer = read_token_answer(R"({"access_token":"x.y.z",)" + std::string(row.members) + "}");
        ASSERT_EQ(answer.has_value(), row.lifetime_s >= 0);
        if (!answer) continue;
        EXPECT_EQ(answer->kind, Answer::Kind::active);
        EXPECT_EQ(answer->content, "x.y.z");
        EXPECT_EQ(answer->lifetime_s, row.lifetime_s);
    }
    const std::string long_one =
        R"({"token_type":"Bearer","access_token":")" + std::string(largest_answer, 'x') + "\"}";
    EXPECT_NE(read_token_answer(long_one).error().detail.find("65536 are allowed"), std::string::npos);
}

TEST(IntrospectionAnswer, ANoToAClientNeverShowsItsSecret) {
    const std::pair<const char *, const char *> rows[] = {
        {R"({"error":"invalid_client"})", R"(the provider says "invalid_client")"},
        {R"({"error":"invalid_client","error_description":"no such client"})",
         R"(the provider says "invalid_client": "no such client")"},
        {R"({"error":"invalid_client","error_description":"s3cret is wrong"})",
         R"(the provider says "invalid_client")"},
        {R"({"error":"invalid_client","error_description":"s3\u0063ret is wrong"})",
         R"(the provider says "invalid_client")"},
        {R"({"error":"no s3cret","error_description":"x"})", R"(the provider says no: "x")"},
        {R"({"error":""})", nullptr},
        {R"({"error":7})", nullptr},
        {R"({"message":"x"})", nullptr},
        {"<html>", nullptr},
        {"", nullptr},
    };
    for (const auto &[body, said] : rows) {
        SCOPED_TRACE(body);
        const auto answer = read_token_error(body, "s3cret");
        ASSERT_EQ(answer.has_value(), said != nullptr);
        if (!answer) continue;
        EXPECT_EQ(answer->kind, Answer::Kind::inactive);
        EXPECT_EQ(answer->problem, said);
    }
}

TEST(IntrospectionRate, OfEachClientIsItsOwn) {
    ClientRates rates;
    const auto taken = [&rates](const std::string &id, std::int64_t now) {
        int count = 0;
        while (rates.take(id, now)) ++count;
        return count;
    };
    EXPECT_EQ(taken("a", 1000), 4);
    EXPECT_EQ(taken("b", 1000), 4);
    EXPECT_EQ(taken("a", 2000), 2);
    EXPECT_EQ(taken("a", 100'000), 4);
    // One that hasn't been tried for a while makes room.
    for (std::size_t i = 2; i < ClientRates::most_clients; ++i)
        ASSERT_TRUE(rates.take(std::to_string(i), 100'000));
    EXPECT_TRUE(rates.take("one", 100'000)) << "b's place";
    EXPECT_FALSE(rates.take("one more", 100'000));
    EXPECT_TRUE(rates.take("one more", 101'000));
}

TEST(IntrospectionAnswers, CountUntilTheirEndAndAreBounded) {
    Answers answers(3, 4096);
    answers.put(digest_of(1), answer_of(10, 100));
    EXPECT_NE(answers.find(digest_of(1), 99), nullptr);
    EXPECT_EQ(answers.find(digest_of(1), 100), nullptr);
    EXPECT_EQ(answers.size(), 0U);
    for (unsigned char i = 1; i <= 3; ++i) answers.put(digest_of(i), answer_of(10, 1000));
    EXPECT_NE(answers.find(digest_of(1), 0), nullptr);  // now 2 is the least recently used
    answers.put(digest_of(4), answer_of(10, 1000));
    EXPECT_EQ(answers.find(digest_of(2), 0), nullptr);
    EXPECT_NE(answers.find(digest_of(1), 0), nullptr);
    answers.put(digest_of(5), answer_of(4000, 1000));  // in bytes
    EXPECT_EQ(answers.size(), 1U);
    EXPECT_NE(answers.find(digest_of(5), 0), nullptr);
    answers.put(digest_of(5), answer_of(1, 1000));
    EXPECT_EQ(answers.find(digest_of(5), 0)->content.size(), 1U);
}

TEST(IntrospectionRate, GivesABurstAndThenSoManyASecond) {
    Rate rate(5);
    int taken = 0;
    for (int i = 0; i < 100; ++i) taken += rate.take(1'000'000) ? 1 : 0;
    EXPECT_EQ(taken, 10);
    for (int ms = 1; ms <= 2000; ++ms) taken += rate.take(1'000'000 + ms) ? 1 : 0;
    EXPECT_EQ(taken, 20);
    taken = 0;
    for (int i = 0; i < 100; ++i) taken += rate.take(90'000'000) ? 1 : 0;
    EXPECT_EQ(taken, 10);
}

TEST(IntrospectionEndpoint, IsOnTheProvidersOwnHost) {
    const keys::ProviderNames provider{"https://id.example/realm", {}, "https://id.example/realm/.well-known/x"};
    const auto read = [&](const std::string &members) {
        return read_endpoint(R"({"issuer":"https://id.example/realm")" + members + "}", provider, Purpose::introspection);
    };
    const auto good = read(R"(,"introspection_endpoint":"https://id.example:8443/i",)"
                           R"("token_endpoint_auth_methods_supported":["client_secret_post",7])");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->url, "https://id.example:8443/i");
    EXPECT_EQ(good->auth_methods, std::vector<std::string>{"client_secret_post"});
    const auto own = read(R"(,"introspection_endpoint":"https://id.example/i","introspection_endpoint_auth_methods_supported":)"
                          R"(["client_secret_basic"],"token_endpoint_auth_methods_supported":["client_secret_post"])");
    ASSERT_TRUE(own);
    EXPECT_EQ(own->auth_methods, std::vector<std::string>{"client_secret_basic"});
    const std::pair<const char *, const char *> rows[] = {
        {"", "has no introspection_endpoint"},
        {R"(,"introspection_endpoint":7)", "has no introspection_endpoint"},
        {R"(,"introspection_endpoint":"http://id.example/i")", "isn't an https address"},
        {R"(,"introspection_endpoint":"https://other.example/i")", "is on another host"},
    };
    for (const auto &[members, said] : rows) {
        const auto bad = read(members);
        ASSERT_FALSE(bad) << members;
        EXPECT_NE(bad.error().detail.find(said), std::string::npos) << bad.error().detail;
        EXPECT_NE(bad.error().hint.find("introspection_uri"), std::string::npos);
    }
    EXPECT_FALSE(read_endpoint(R"({"issuer":"https://evil.example","introspection_endpoint":"https://id.example/i"})", provider, Purpose::introspection));
}

}  // namespace tokenward::introspection
