// A C++ host that uses nothing but the header.
#include "loaded_library.hpp"
#include "static_provider.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <ctime>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::support {
namespace {

void collect(void *user, std::int32_t, const char *message, std::size_t size) {
    static_cast<std::string *>(user)->append(message, size).append("\n");
}

class Host : public testing::Test {
  protected:
    void SetUp() override { start(); }
    void TearDown() override {
        tw.session_release(session);
        tw.destroy(backend);
    }

    void start(const std::string &json = "") {
        tw.destroy(backend);
        const tokenward_string file = text(config_file);
        auto options = options_with_log(file, collect, &log);
        options.config_json = text(json);
        ASSERT_EQ(tw.create(&options, &backend, &error), TOKENWARD_OK) << error.message;
    }

    std::int32_t authenticate(const tokenward_credentials &credentials) {
        tw.session_release(session);
        return tw.authenticate(backend, &credentials, nullptr, &session, &error);
    }
    std::string reason() const { return tw.reason_name(error.reason); }
    std::string username() const { return lent(tw.session_username, session); }

    LoadedLibrary tw;
    StaticProvider provider;
    std::string config_file = provider.config_file();
    std::string log;
    tokenward_backend *backend = nullptr;
    tokenward_session *session = nullptr;
    tokenward_error error = cleared<tokenward_error>();
};

}  // namespace

TEST_F(Host, VersionsAndReasons) {
    EXPECT_EQ(tw.abi_version(), TOKENWARD_ABI_VERSION);
    EXPECT_STREQ(tw.version(), TOKENWARD_PROJECT_VERSION);
    EXPECT_STREQ(tw.reason_name(0), "NONE");
    EXPECT_STREQ(tw.reason_name(402), "TOKEN_EXPIRED");
    EXPECT_STREQ(tw.reason_name(-5), "UNKNOWN");
}

TEST_F(Host, EveryKindOfCredentials) {
    const std::string token = StaticProvider::token("read:*/*");
    const std::string plain = std::string("\0alice\0", 7) + token;
    const std::string oauthbearer =
        "n,,\x01"
        "auth=Bearer " +
        token + "\x01\x01";
    struct Row {
        const char *what;
        std::int32_t kind;
        std::string data, username, password;
        std::int32_t result;
    };
    const Row rows[] = {
        {"PLAIN", TOKENWARD_SASL_PLAIN, plain, "", "", TOKENWARD_OK},
        {"OAUTHBEARER", TOKENWARD_SASL_OAUTHBEARER, oauthbearer, "", "", TOKENWARD_OK},
        {"username and password", TOKENWARD_USERNAME_PASSWORD, "", "x", token, TOKENWARD_OK},
        {"Authorization", TOKENWARD_HTTP_AUTHORIZATION, "Bearer " + token, "", "", TOKENWARD_OK},
        {"bare token", TOKENWARD_BEARER_TOKEN, token, "", "", TOKENWARD_OK},
        {"another password", TOKENWARD_USERNAME_PASSWORD, "", "x", "secret", TOKENWARD_NOT_A_TOKEN},
        {"opaque", TOKENWARD_HTTP_AUTHORIZATION, "Bearer abc", "", "", TOKENWARD_REFUSED},
        {"nonsense", TOKENWARD_SASL_PLAIN, "x", "", "", TOKENWARD_REFUSED},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.what);
        auto credentials = cleared<tokenward_credentials>();
        credentials.kind = row.kind;
        credentials.data = text(row.data);
        credentials.username = text(row.username);
        credentials.password = text(row.password);
        EXPECT_EQ(authenticate(credentials), row.result) << error.message;
        EXPECT_EQ(session != nullptr, row.result == TOKENWARD_OK);
        EXPECT_EQ(username(), row.result == TOKENWARD_OK ? "alice" : "");
    }
}

TEST_F(Host, ASessionTellsWhoItIsAndDecides) {
    ASSERT_EQ(authenticate(bearer(
                  StaticProvider::token("read:%2F/q* write:v/ex/rk.* tag:monitoring tag:administrator"))),
              TOKENWARD_OK);
    EXPECT_EQ(lent(tw.session_issuer, session), "https://id.example");
    std::int64_t expires_at = 0;
    ASSERT_EQ(tw.session_expires_at(session, &expires_at), TOKENWARD_OK);
    EXPECT_NEAR(static_cast<double>(expires_at), static_cast<double>(std::time(nullptr) + 310), 5);
    std::int64_t issued_at = 0;
    ASSERT_EQ(tw.session_issued_at(session, &issued_at), TOKENWARD_OK);
    EXPECT_EQ(expires_at - issued_at, 310);  // StaticProvider's 300 seconds and clock_skew
    EXPECT_EQ(whole([&](char *b, std::size_t n, std::size_t *l) { return tw.session_tags(session, b, n, l); }),
              "administrator,monitoring");

    const auto ask = [&](std::int32_t operation, const char *vhost, const char *resource,
                         const char *key = nullptr) {
        const auto asked =
            key != nullptr ? request(operation, vhost, resource, key) : request(operation, vhost, resource);
        return tw.authorize(session, &asked);
    };
    EXPECT_EQ(ask(TOKENWARD_READ, "/", "q1"), TOKENWARD_ALLOWED);
    EXPECT_EQ(ask(TOKENWARD_WRITE, "/", "q1"), TOKENWARD_DENIED);
    EXPECT_EQ(ask(TOKENWARD_READ, "v", "q1"), TOKENWARD_DENIED);
    EXPECT_EQ(ask(TOKENWARD_WRITE, "v", "ex"), TOKENWARD_ALLOWED);
    EXPECT_EQ(ask(TOKENWARD_WRITE, "v", "ex", "rk.1"), TOKENWARD_ALLOWED);
    EXPECT_EQ(ask(TOKENWARD_WRITE, "v", "ex", ""), TOKENWARD_DENIED)
        << "the empty routing key is a routing key";
    EXPECT_EQ(ask(TOKENWARD_READ, "/", "q1", "rk"), TOKENWARD_DENIED) << "two parts grant no routing key";
    EXPECT_EQ(tw.session_can_access_vhost(session, "v", 1), TOKENWARD_ALLOWED);
    EXPECT_EQ(tw.session_can_access_vhost(session, "w", 1), TOKENWARD_DENIED);
}

TEST_F(Host, OnlyABoundIdentifierStandsInScopes) {
    start(R"({"oauth":{"expand_connection":true}})");
    const std::string token = StaticProvider::token("write:v/dev-{mqtt:client_id}");
    auto context = cleared<tokenward_context>();
    context.client_id = text("a");
    const auto asked = request(TOKENWARD_WRITE, "v", "dev-a");
    const auto credentials = bearer(token);
    for (const bool bound : {false, true, false}) {
        context.flags = bound ? TOKENWARD_CLIENT_ID_BOUND : 0;
        tw.session_release(session);
        ASSERT_EQ(tw.authenticate(backend, &credentials, &context, &session, &error), TOKENWARD_OK);
        EXPECT_EQ(tw.authorize(session, &asked), bound ? TOKENWARD_ALLOWED : TOKENWARD_DENIED);
    }
    context.flags = TOKENWARD_CLIENT_ID_BOUND;
    ASSERT_EQ(tw.session_refresh(session, &credentials, &context, &error), TOKENWARD_OK);
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ALLOWED);
    ASSERT_EQ(tw.session_refresh(session, &credentials, nullptr, &error), TOKENWARD_OK);
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_DENIED) << "no context, no promise";
}

TEST_F(Host, AnEmptyRoutingKeyThatALanguageTurnsIntoNullIsStillAKey) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("write:%2F/ex/rk.*"))), TOKENWARD_OK);
    auto asked = request(TOKENWARD_WRITE, "/", "ex");
    asked.flags = TOKENWARD_ROUTING_KEY;
    asked.routing_key = {nullptr, 0};
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_DENIED);
    asked.routing_key = text("");
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_DENIED);
    asked.flags = 0;
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ALLOWED) << "no key: the wider question";
    asked.routing_key = text("other");
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ERROR) << "a key without the flag";
}

TEST_F(Host, AnMqttTopicOrFilterCanBeTheRoutingKey) {
    ASSERT_EQ(
        authenticate(bearer(StaticProvider::token("read:%2F/amq.topic/a.* read:%2F/amq.topic/k.%2A "
                                                  "write:%2F/amq.topic/a.b read:%2F/amq.topic/%24SYS.*"))),
        TOKENWARD_OK);
    const auto ask = [&](std::int32_t operation, std::uint32_t flag, const char *key) {
        auto asked = request(operation, "/", "amq.topic", key);
        asked.flags |= flag;
        return tw.authorize(session, &asked);
    };
    EXPECT_EQ(ask(TOKENWARD_WRITE, TOKENWARD_MQTT_TOPIC, "a/b"), TOKENWARD_ALLOWED);
    EXPECT_EQ(ask(TOKENWARD_WRITE, TOKENWARD_MQTT_TOPIC, "a/c"), TOKENWARD_DENIED);
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_FILTER, "a/+/c"), TOKENWARD_ALLOWED);
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_FILTER, "a/#"), TOKENWARD_DENIED) << "it matches the topic a";
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_FILTER, "+/b"), TOKENWARD_DENIED);
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_FILTER, "k/*"), TOKENWARD_DENIED)
        << "the broker binds k.*, which is a wildcard there, and the scope is the literal k.*";
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_FILTER, "a/*"), TOKENWARD_ALLOWED);
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_TOPIC, "k/*"), TOKENWARD_ALLOWED)
        << "a topic has no wildcards";
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_FILTER, "a/b#"), TOKENWARD_DENIED) << "not well-formed";
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_TOPIC, "$SYS/x"), TOKENWARD_ALLOWED);
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_FILTER, "#"), TOKENWARD_DENIED);
    EXPECT_EQ(ask(TOKENWARD_WRITE, TOKENWARD_MQTT_TOPIC, ("a/" + std::string(9000, 'b')).c_str()),
              TOKENWARD_DENIED);
    EXPECT_EQ(ask(TOKENWARD_READ, TOKENWARD_MQTT_TOPIC, ("a/" + std::string(8190, 'b')).c_str()),
              TOKENWARD_ALLOWED);
}

TEST_F(Host, ALiteralDollarIsNeededInARoutingKeyToo) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:*/*/*"))), TOKENWARD_OK);
    auto asked = request(TOKENWARD_READ, "/", "amq.topic", "$SYS/x");
    asked.flags |= TOKENWARD_MQTT_TOPIC;
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_DENIED);
    asked.routing_key = text("SYS/x");
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ALLOWED);
}

TEST_F(Host, ADenialIsOneLineWithTheScopeThatWouldGrantIt) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/orders"))), TOKENWARD_OK);
    auto context = cleared<tokenward_context>();
    context.protocol = text("amqp");
    context.peer = text("192.0.2.1:5672");
    context.connection_name = text("shop");
    const auto asked = request(TOKENWARD_WRITE, "v", "or/ders", "k1");
    log.clear();
    EXPECT_EQ(tw.report_denial(session, &asked, &context), TOKENWARD_OK);
    for (const char *part : {"authorize denied reason=NO_MATCHING_SCOPE", R"(username="alice")",
                             R"(protocol="amqp")", R"(peer="192.0.2.1:5672")", R"(connection_name="shop")",
                             R"(operation=write vhost="v")", R"(resource="or/ders" routing_key="k1")",
                             R"(it needs "write:v/or%2Fders/k1")", R"(nearest is "read:v/orders")"}) {
        EXPECT_NE(log.find(part), std::string::npos) << part << " isn't in " << log;
    }
    log.clear();
    const auto granted = request(TOKENWARD_READ, "v", "orders");
    EXPECT_EQ(tw.report_denial(session, &granted, nullptr), TOKENWARD_OK);
    EXPECT_EQ(log, "") << "allowed by now";
}

TEST_F(Host, ATokenAsANameIsCutInADenialToo) {
    const std::string token = StaticProvider::token("read:v/a");
    ASSERT_EQ(authenticate(bearer(token)), TOKENWARD_OK);
    log.clear();
    for (const auto &asked : {request(TOKENWARD_WRITE, "v", token), request(TOKENWARD_WRITE, "v", "x", token),
                              request(TOKENWARD_WRITE, token, "x")}) {
        EXPECT_EQ(tw.report_denial(session, &asked, nullptr), TOKENWARD_OK);
    }
    EXPECT_NE(log.find("authorize denied"), std::string::npos);
    EXPECT_EQ(log.find(token.substr(0, 65)), std::string::npos) << log;
    EXPECT_EQ(log.find(token.substr(token.size() - 40)), std::string::npos) << log;
}

TEST_F(Host, AKeyThatDoesntMatchIsntAMissingThirdPart) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("write:v/ex/rk.* write:v/two"))), TOKENWARD_OK);
    const auto reason_of = [&](const tokenward_request &asked) {
        return whole([&](char *b, std::size_t n, std::size_t *l) {
            return tw.explain(session, &asked, b, n, l, nullptr);
        });
    };
    const std::string other = reason_of(request(TOKENWARD_WRITE, "v", "ex", "other"));
    EXPECT_NE(other.find(R"("reason":"NO_MATCHING_SCOPE")"), std::string::npos) << other;
    const std::string two = reason_of(request(TOKENWARD_WRITE, "v", "two", "k"));
    EXPECT_NE(two.find(R"("reason":"ROUTING_KEY_SCOPE_NEEDED")"), std::string::npos) << two;
}

TEST_F(Host, ADeniedVhostIsALineThatNamesAScopeForIt) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_OK);
    const auto asked = request(TOKENWARD_READ, "w", "");
    log.clear();
    EXPECT_EQ(tw.report_denial(session, &asked, nullptr), TOKENWARD_OK);
    EXPECT_NE(log.find(R"(reason=NO_VHOST_ACCESS)"), std::string::npos) << log;
    EXPECT_NE(log.find(R"(as "read:w/*")"), std::string::npos) << log;
}

TEST_F(Host, WithoutAChainAPasswordIsARefusalInTheLog) {
    auto credentials = cleared<tokenward_credentials>();
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.password = text("hunter2");
    auto context = cleared<tokenward_context>();
    log.clear();
    EXPECT_EQ(tw.authenticate(backend, &credentials, &context, &session, &error), TOKENWARD_NOT_A_TOKEN);
    EXPECT_EQ(log, "");
    context.flags = TOKENWARD_LAST_BACKEND;
    EXPECT_EQ(tw.authenticate(backend, &credentials, &context, &session, &error), TOKENWARD_NOT_A_TOKEN);
    EXPECT_NE(log.find("reason=NOT_A_TOKEN"), std::string::npos) << log;
    EXPECT_EQ(log.find("hunter2"), std::string::npos);
}

TEST_F(Host, DenialsOfOneClientAreTwoLinesASecondAndTheRestIsCounted) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_OK);
    auto context = cleared<tokenward_context>();
    const auto asked = request(TOKENWARD_WRITE, "v", "a");
    log.clear();
    context.peer = text("192.0.2.7:1000");
    for (int i = 0; i < 50; ++i) EXPECT_EQ(tw.report_denial(session, &asked, &context), TOKENWARD_OK);
    // A second may end while this runs.
    EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 4) << log;
    std::string all = log;
    for (int i = 0; i < 300 && all.find("left out") == std::string::npos; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        tw.report_denial(session, &asked, &context);
        all = log;
    }
    EXPECT_NE(all.find("more lines of this reason were left out, about "), std::string::npos) << all;
    EXPECT_NE(all.find(R"( of them from "192.0.2.7"])"), std::string::npos) << all;
}

TEST_F(Host, TheLastRightsAnswerPastTheEnd) {
    ASSERT_NO_FATAL_FAILURE(start(R"({"clock_skew": 0})"));
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("write:v/a", 1))), TOKENWARD_OK) << error.message;
    auto asked = request(TOKENWARD_WRITE, "v", "a");
    while (tw.authorize(session, &asked) == TOKENWARD_ALLOWED)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_EXPIRED);
    asked.flags = TOKENWARD_PAST_END;
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ALLOWED);
    asked.operation = TOKENWARD_READ;
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_DENIED);
}

TEST_F(Host, AMessageIsNeverEmpty) {
    const auto refused = [&](std::int32_t kind, const char *data, const char *password) {
        auto credentials = cleared<tokenward_credentials>();
        credentials.kind = kind;
        credentials.data = text(data);
        credentials.password = text(password);
        EXPECT_NE(authenticate(credentials), TOKENWARD_OK);
        EXPECT_STRNE(error.message, "") << reason();
        return reason();
    };
    EXPECT_EQ(refused(TOKENWARD_USERNAME_PASSWORD, "", "secret"), "NOT_A_TOKEN");
    EXPECT_EQ(refused(TOKENWARD_HTTP_AUTHORIZATION, "Bearer abc", ""), "OPAQUE_TOKEN");
    EXPECT_EQ(refused(TOKENWARD_BEARER_TOKEN, "", ""), "EMPTY_TOKEN");
    EXPECT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_OK);
    EXPECT_STREQ(error.message, "");
    EXPECT_EQ(error.reason, TOKENWARD_REASON_NONE);
}

TEST_F(Host, ConfigCheckReadsTheFilesThatCreateReads) {
    const auto both = [&](const std::string &line) {
        provider.write("checked.ini",
                       "[oauth]\nissuer = https://id.example\naudience = a\nscope_prefix =\n" + line);
        const std::string path = provider.path("checked.ini");
        const tokenward_string file = text(path);
        const auto options = options_with_log(file, collect, &log);
        std::size_t length = 0;
        EXPECT_EQ(tw.config_check(&options, nullptr, 0, &length, &error), TOKENWARD_ERROR) << line;
        const std::string checked = reason() + " " + error.message;
        tokenward_backend *other = nullptr;
        EXPECT_EQ(tw.create(&options, &other, &error), TOKENWARD_ERROR) << line;
        tw.destroy(other);
        EXPECT_EQ(checked, reason() + " " + error.message);
    };
    both("jwks_file = /nonexistent/jwks.json\n");
    provider.write("no_keys.json", R"({"keys":[]})");
    both("jwks_file = " + provider.path("no_keys.json") + "\n");
    both("ca_file = " + provider.path("no_keys.json") + "\n");
}

TEST_F(Host, BrokenJsonGetsAHintAboutJson) {
    auto options = cleared<tokenward_options>();
    options.config_json = text("{\"issuer\": }");
    tokenward_backend *other = nullptr;
    EXPECT_EQ(tw.create(&options, &other, &error), TOKENWARD_ERROR);
    EXPECT_EQ(reason(), "CONFIG_SYNTAX");
    EXPECT_EQ(std::string(error.hint).find("[section]"), std::string::npos) << error.hint;
    EXPECT_NE(std::string(error.hint).find("JSON"), std::string::npos) << error.hint;
}

TEST_F(Host, ExplainNamesTheDecidingScopeOrTheNearestMiss) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/q* write:v/ex"))), TOKENWARD_OK);
    const auto explain = [&](const tokenward_request &asked) {
        return whole([&](char *b, std::size_t n, std::size_t *l) {
            return tw.explain(session, &asked, b, n, l, nullptr);
        });
    };
    const std::string yes = explain(request(TOKENWARD_READ, "v", "q1"));
    EXPECT_NE(yes.find(R"("verdict":"allowed")"), std::string::npos) << yes;
    EXPECT_NE(yes.find(R"("scope":"read:v/q*")"), std::string::npos) << yes;
    const std::string no = explain(request(TOKENWARD_WRITE, "v", "q1"));
    EXPECT_NE(no.find(R"("verdict":"denied")"), std::string::npos) << no;
    EXPECT_NE(no.find(R"("reason":"NO_MATCHING_SCOPE")"), std::string::npos) << no;
    EXPECT_NE(no.find(R"("nearest":)"), std::string::npos) << no;
    const std::string vhost = explain(request(TOKENWARD_WRITE, "w", "q1"));
    EXPECT_NE(vhost.find(R"("reason":"NO_VHOST_ACCESS")"), std::string::npos) << vhost;
    const std::string key = explain(request(TOKENWARD_WRITE, "v", "ex", "k"));
    EXPECT_NE(key.find(R"("reason":"ROUTING_KEY_SCOPE_NEEDED")"), std::string::npos) << key;
}

TEST_F(Host, ATokenWithoutScopesIsAcceptedAndSaysSo) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("openid profile"))), TOKENWARD_OK);
    const auto asked = request(TOKENWARD_READ, "v", "q");
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_DENIED);
    EXPECT_NE(whole([&](char *b, std::size_t n, std::size_t *l) {
                  return tw.explain(session, &asked, b, n, l, nullptr);
              }).find(R"("reason":"NO_SCOPE")"),
              std::string::npos);
    EXPECT_NE(log.find("without any rights"), std::string::npos) << log;
}

TEST_F(Host, RefreshSwapsRightsAndKeepsTheIdentity) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/a tag:one"))), TOKENWARD_OK);
    const auto refresh = [&](const std::string &token) {
        const auto credentials = bearer(token);
        return tw.session_refresh(session, &credentials, nullptr, &error);
    };
    const auto a = request(TOKENWARD_READ, "v", "a");
    const auto b = request(TOKENWARD_READ, "v", "b");
    ASSERT_EQ(refresh(StaticProvider::token("read:v/b tag:two", 900)), TOKENWARD_OK) << error.message;
    EXPECT_EQ(tw.authorize(session, &a), TOKENWARD_DENIED) << "narrowed at once";
    EXPECT_EQ(tw.authorize(session, &b), TOKENWARD_ALLOWED);
    EXPECT_EQ(whole([&](char *p, std::size_t n, std::size_t *l) { return tw.session_tags(session, p, n, l); }),
              "two");

    auto mallory = StaticProvider::claims("read:v/a");
    mallory.string("sub", "mallory");
    EXPECT_EQ(refresh(StaticProvider::mint(mallory)), TOKENWARD_REFUSED);
    EXPECT_EQ(reason(), "IDENTITY_CHANGED");
    EXPECT_EQ(refresh(StaticProvider::token("read:v/a", -60)), TOKENWARD_REFUSED);
    EXPECT_EQ(reason(), "TOKEN_EXPIRED");
    EXPECT_EQ(tw.authorize(session, &b), TOKENWARD_ALLOWED) << "the old rights stay";
    EXPECT_EQ(username(), "alice");
}

TEST_F(Host, RightsAreWholeWhileTheyAreSwapped) {
    const std::string one = StaticProvider::token("read:v/common read:v/a");
    const std::string two = StaticProvider::token("read:v/common read:v/b");
    ASSERT_EQ(authenticate(bearer(one)), TOKENWARD_OK);
    std::atomic<bool> stop{false};
    std::atomic<int> neither{0};
    std::vector<std::thread> readers;
    readers.reserve(2);
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            const auto a = request(TOKENWARD_READ, "v", "common");
            while (!stop.load()) {
                if (tw.authorize(session, &a) != TOKENWARD_ALLOWED) ++neither;
            }
        });
    }
    for (int i = 0; i < 300; ++i) {
        const auto credentials = bearer(i % 2 == 0 ? one : two);
        ASSERT_EQ(tw.session_refresh(session, &credentials, nullptr, nullptr), TOKENWARD_OK);
    }
    stop = true;
    for (auto &reader : readers) reader.join();
    EXPECT_EQ(neither.load(), 0);
}

TEST_F(Host, SessionsOutliveTheBackend) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_OK);
    tw.destroy(backend);
    backend = nullptr;
    const auto a = request(TOKENWARD_READ, "v", "a");
    EXPECT_EQ(tw.authorize(session, &a), TOKENWARD_ALLOWED);
    EXPECT_EQ(username(), "alice");
    const std::string token = StaticProvider::token("read:v/a");
    const auto credentials = bearer(token);
    EXPECT_EQ(tw.session_refresh(session, &credentials, nullptr, &error), TOKENWARD_ERROR);
    EXPECT_EQ(reason(), "BACKEND_CLOSED");
    log.clear();
    std::thread([&] { tw.session_release(session); }).join();
    session = nullptr;
    EXPECT_EQ(log, "");
}

TEST_F(Host, AnExpiredSessionSaysSo) {
    ASSERT_NO_FATAL_FAILURE(start(R"({"clock_skew": 0})"));
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/a", 1))), TOKENWARD_OK) << error.message;
    const auto a = request(TOKENWARD_READ, "v", "a");
    std::int32_t verdict = TOKENWARD_ALLOWED;
    for (int i = 0; i < 300 && verdict == TOKENWARD_ALLOWED; ++i) {
        verdict = tw.authorize(session, &a);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(verdict, TOKENWARD_EXPIRED);
    EXPECT_EQ(tw.session_can_access_vhost(session, "v", 1), TOKENWARD_EXPIRED);
    const std::string fresh = StaticProvider::token("read:v/a");
    const auto credentials = bearer(fresh);
    EXPECT_EQ(tw.session_refresh(session, &credentials, nullptr, &error), TOKENWARD_OK) << error.message;
    EXPECT_EQ(tw.authorize(session, &a), TOKENWARD_ALLOWED);
}

TEST_F(Host, LogLinesNameTheReasonAndNeverTheToken) {
    auto context = cleared<tokenward_context>();
    context.protocol = text("mqtt");
    context.peer = text("192.0.2.1:1883");
    context.client_id = text("dev\n1");
    context.listener = text("l");
    const std::string token = StaticProvider::token("read:v/a", -100);
    const auto credentials = bearer(token);
    EXPECT_EQ(tw.authenticate(backend, &credentials, &context, &session, &error), TOKENWARD_REFUSED);
    EXPECT_NE(log.find("reason=TOKEN_EXPIRED"), std::string::npos) << log;
    EXPECT_NE(log.find(R"(peer="192.0.2.1:1883")"), std::string::npos) << log;
    EXPECT_NE(log.find(R"(client_id="dev\n1")"), std::string::npos) << log;
    for (const std::string &part : {token.substr(0, 40), token.substr(token.size() - 40)}) {
        EXPECT_EQ(log.find(part), std::string::npos);
        EXPECT_EQ(std::string(error.message).find(part), std::string::npos);
    }
}

TEST_F(Host, ReloadIsAllOrNothing) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_OK);
    provider.write("tokenward.ini", "[oauth]\nissuer = https://id.example\nnonsense = 1\n");
    EXPECT_EQ(tw.reload(backend, nullptr, &error), TOKENWARD_ERROR);
    EXPECT_EQ(reason(), "CONFIG_UNKNOWN_KEY");
    EXPECT_NE(std::string(error.message).find("nonsense"), std::string::npos) << error.message;
    EXPECT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_OK) << "the old one goes on";

    provider.write("tokenward.ini",
                   "[oauth]\nissuer = https://id.example\naudience = another\nscope_prefix =\njwks_file = " +
                       provider.path("jwks.json") + "\n");
    const auto a = request(TOKENWARD_READ, "v", "a");
    EXPECT_EQ(tw.reload(backend, nullptr, &error), TOKENWARD_OK) << error.message;
    EXPECT_EQ(tw.authorize(session, &a), TOKENWARD_ALLOWED) << "live sessions go on";
    EXPECT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_REFUSED);
    EXPECT_EQ(reason(), "WRONG_AUDIENCE");
}

TEST_F(Host, TheLevelIsThatOfTheLastGoodConfigurationUnlessCreateGotOne) {
    const auto reload = [&](const char *json) {
        auto options = cleared<tokenward_options>();
        const tokenward_string file = text(config_file);
        options.config_files = &file;
        options.config_file_count = 1;
        options.config_json = text(json);
        return tw.reload(backend, &options, &error);
    };
    const auto lines_of_a_login = [&] {
        log.clear();
        EXPECT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_OK);
        return std::count(log.begin(), log.end(), '\n');
    };
    EXPECT_EQ(lines_of_a_login(), 1);
    ASSERT_EQ(reload(R"({"log_level": "error"})"), TOKENWARD_OK) << error.message;
    EXPECT_EQ(lines_of_a_login(), 0);
    EXPECT_EQ(reload(R"({"log_level": "info", "jwks_file": "/nonexistent"})"), TOKENWARD_ERROR);
    EXPECT_EQ(lines_of_a_login(), 0) << "all or nothing";
    ASSERT_EQ(reload(R"({"log_level": "info"})"), TOKENWARD_OK) << error.message;
    EXPECT_EQ(lines_of_a_login(), 1);
}

namespace {

/// A host that calls back into the library from its log callback.
struct Reentrant {
    const LoadedLibrary &tw;
    tokenward_backend *backend = nullptr;
    tokenward_session *session = nullptr;
    const tokenward_credentials credentials;
    const tokenward_request asked;
    bool armed = false;
    std::vector<std::string> refused;
    std::vector<std::int32_t> allowed;
    std::string log;

    static void receive(void *user, std::int32_t, const char *message, std::size_t size) {
        auto &self = *static_cast<Reentrant *>(user);
        self.log.append(message, size).append("\n");
        if (!std::exchange(self.armed, false)) return;
        const LoadedLibrary &tw = self.tw;
        auto error = cleared<tokenward_error>();
        const auto refused = [&](std::int32_t result) {
            self.refused.emplace_back(result == TOKENWARD_ERROR ? error.message : "not an error");
        };
        tokenward_session *other = nullptr;
        refused(tw.authenticate(self.backend, &self.credentials, nullptr, &other, &error));
        refused(tw.reload(self.backend, nullptr, &error));
        if (self.session != nullptr) {
            refused(tw.session_refresh(self.session, &self.credentials, nullptr, &error));
            self.allowed.push_back(tw.authorize(self.session, &self.asked));
            EXPECT_EQ(tw.report_denial(self.session, &self.asked, nullptr), TOKENWARD_ERROR);
        }
        tw.destroy(self.backend);
        std::size_t length = 0;
        self.allowed.push_back(tw.status(self.backend, nullptr, 0, &length, &error));
        self.allowed.push_back(tw.metrics(self.backend, nullptr, 0, &length, &error));
    }
};

}  // namespace

// Each of the refused calls would wait for the callback that makes it, or bring another line for ever.
TEST_F(Host, WhatTheLogCallbackMayNotCallIsRefused) {
    const std::string token = StaticProvider::token("read:v/a");
    Reentrant host{tw, nullptr, nullptr, bearer(token), request(TOKENWARD_READ, "v", "a"), false, {}, {}, {}};
    const tokenward_string file = text(config_file);
    const auto options = options_with_log(file, Reentrant::receive, &host);
    ASSERT_EQ(tw.create(&options, &host.backend, &error), TOKENWARD_OK) << error.message;
    const auto expect = [&](std::size_t refused, const char *in) {
        EXPECT_EQ(host.refused,
                  std::vector<std::string>(refused, "called from within the backend's log callback"))
            << in;
        EXPECT_EQ(host.allowed, std::vector<std::int32_t>(refused, TOKENWARD_OK)) << in;
        EXPECT_NE(host.log.find("tokenward_destroy: called from within"), std::string::npos) << host.log;
        host.refused.clear();
        host.allowed.clear();
        host.log.clear();
    };
    tokenward_session *first = nullptr;
    host.armed = true;
    ASSERT_EQ(tw.authenticate(host.backend, &host.credentials, nullptr, &first, &error), TOKENWARD_OK);
    expect(2, "a login");
    host.session = first;
    host.armed = true;
    EXPECT_EQ(tw.reload(host.backend, nullptr, &error), TOKENWARD_OK);
    expect(3, "a reload");
    host.armed = true;  // from the cache: this login holds the configuration
    tokenward_session *second = nullptr;
    EXPECT_EQ(tw.authenticate(host.backend, &host.credentials, nullptr, &second, &error), TOKENWARD_OK);
    tw.session_release(second);
    expect(3, "a login from the cache");
    tw.session_release(first);
    tw.destroy(host.backend);
}

TEST_F(Host, StatusMetricsInspectAndConfigCheck) {
    ASSERT_EQ(authenticate(bearer(StaticProvider::token("read:v/a"))), TOKENWARD_OK);
    const std::string status =
        whole([&](char *b, std::size_t n, std::size_t *l) { return tw.status(backend, b, n, l, nullptr); });
    EXPECT_NE(status.find(R"("issuer":"https://id.example")"), std::string::npos) << status;
    EXPECT_NE(status.find(R"("kid":"k1")"), std::string::npos) << status;
    const std::string metrics =
        whole([&](char *b, std::size_t n, std::size_t *l) { return tw.metrics(backend, b, n, l, nullptr); });
    EXPECT_NE(metrics.find(R"(tokenward_authentications_total{result="ok",reason="NONE"} 1)"),
              std::string::npos)
        << metrics;
    EXPECT_NE(metrics.find("tokenward_sessions 1\n"), std::string::npos) << metrics;

    const std::string token = StaticProvider::token("read:v/a tag:x");
    const std::string inspected = whole([&](char *b, std::size_t n, std::size_t *l) {
        return tw.inspect(nullptr, token.data(), token.size(), b, n, l, &error);
    });
    EXPECT_NE(inspected.find(R"("verified":false)"), std::string::npos) << inspected;
    EXPECT_NE(inspected.find(R"("read:v/a")"), std::string::npos) << inspected;
    EXPECT_NE(inspected.find(R"("sub":"alice")"), std::string::npos) << inspected;

    const tokenward_string file = text(config_file);
    auto options = cleared<tokenward_options>();
    options.config_files = &file;
    options.config_file_count = 1;
    const std::string config = whole(
        [&](char *b, std::size_t n, std::size_t *l) { return tw.config_check(&options, b, n, l, &error); });
    EXPECT_NE(config.find("https://id.example"), std::string::npos) << config;
}

TEST_F(Host, AFailedCallLeavesAnEmptyText) {
    char buffer[64] = "of an earlier call";
    std::size_t length = 18;
    EXPECT_EQ(tw.inspect(backend, "a.b.c", 5, buffer, sizeof buffer, &length, &error), TOKENWARD_REFUSED);
    EXPECT_STREQ(buffer, "");
    EXPECT_EQ(length, 0U);
    buffer[0] = 'x';
    EXPECT_EQ(tw.explain(nullptr, nullptr, buffer, sizeof buffer, &length, &error), TOKENWARD_ERROR);
    EXPECT_STREQ(buffer, "");
}

TEST_F(Host, TextsAreCutAsSnprintfCutsThem) {
    char buffer[8];
    std::size_t length = 0;
    ASSERT_EQ(tw.status(backend, buffer, sizeof buffer, &length, nullptr), TOKENWARD_OK);
    EXPECT_GT(length, sizeof buffer);
    EXPECT_EQ(std::strlen(buffer), sizeof buffer - 1);
}

}  // namespace tokenward::support
