// A partner's section: whatever its issuer signs, its sessions have no more than the section lets them have.
#include "base/json.hpp"
#include "fixture.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

using access::Operation;

constexpr const char *our_issuer = "https://id.example.com/realms/main";
constexpr const char *partner_issuer = "https://login.partner.example";

std::string page() {
    std::ifstream file(std::string(EXAMPLES) + "/../several_providers.md", std::ios::binary);
    EXPECT_TRUE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

class ConfinedSection : public BackendTest {
  protected:
    static const TestKey &key(const std::string &issuer) {
        return TestKey::shared("ES256", issuer == our_issuer ? 0 : 1);
    }
    void SetUp() override {
        provider.write("ours.json", support::jwks({key(our_issuer).jwk("k")}));
        provider.write("partner.json", support::jwks({key(partner_issuer).jwk("k")}));
    }

    /// The configuration on the page, with keys from files. `from` is replaced by `to`.
    BackendOptions options(const std::string &from = "", const std::string &to = "") {
        const std::string text = page();
        const std::size_t begin = text.find("```ini\n") + 7;
        std::string ini = text.substr(begin, text.find("```", begin) - begin);
        const std::size_t partner = ini.find("[oauth.partner]\n");
        EXPECT_NE(partner, std::string::npos);
        ini.insert(partner + 16, "jwks_file = " + provider.path("partner.json") + "\n");
        ini.insert(ini.find("[oauth]\n") + 8, "jwks_file = " + provider.path("ours.json") + "\n");
        if (!from.empty()) {
            EXPECT_NE(ini.find(from), std::string::npos) << from;
            ini.replace(ini.find(from), from.size(), to);
        }
        provider.write("tokenward.ini", ini);
        BackendOptions out = options_with_log("", log);
        out.config_files = {provider.path("tokenward.ini")};
        return out;
    }
    void start(const BackendOptions &options) {
        if (backend) backend->close();
        backend = make_backend(options, clock);
        ASSERT_NE(backend, nullptr);
    }

    static std::string token(const std::string &scope, const std::string &issuer = partner_issuer,
                             JsonObject claims = Provider::claims()) {
        claims.string("iss", issuer)
            .strings("aud", {"broker", "broker.example.com"})
            .string("sub", "admin")
            .string("scope", scope);
        return key(issuer).sign("ES256", support::jws_header("ES256", "k").json(), claims.json());
    }

    bool may(Operation operation, std::string_view vhost, std::string_view resource = "q") const {
        return session->authorize({operation, vhost, resource, {}}) == Decision::allowed;
    }
    std::string tags() const {
        std::string out;
        session->with_tags([&](std::string_view tags) { out = tags; });
        return out;
    }
};

TEST_F(ConfinedSection, ThePageSaysWhatItsConfigurationDoes) {
    start(options());
    struct Row {
        std::string scope;
        std::vector<std::string_view> reads;   ///< these vhosts, of all below
        std::vector<std::string_view> writes;  ///< these
    };
    const Row rows[] = {
        {"broker.read:partner-orders/*", {"partner-orders"}, {}},
        {"broker.read:*/*", {"partner-orders", "shared"}, {}},
        {"broker.write:s*/*", {}, {"shared"}},
        {"broker.read:sales/*", {}, {}},
        {"broker.configure:partner-orders/*", {}, {}},
        {"broker.tag:administrator", {}, {}},
    };
    const std::string text = page();
    for (const Row &row : rows) {
        SCOPED_TRACE(row.scope);
        EXPECT_NE(text.find("| `" + row.scope + "` |"), std::string::npos) << "the page has another table";
        EXPECT_REASON(log_in(token(row.scope)), NONE);
        EXPECT_EQ(session->username(), "partner:admin");
        EXPECT_EQ(tags(), "");
        for (const std::string_view vhost : {"/", "sales", "shared", "partner-orders"}) {
            const auto listed = [&](const std::vector<std::string_view> &vhosts) {
                return std::find(vhosts.begin(), vhosts.end(), vhost) != vhosts.end();
            };
            EXPECT_EQ(may(Operation::read, vhost), listed(row.reads)) << vhost;
            EXPECT_EQ(may(Operation::write, vhost), listed(row.writes)) << vhost;
            EXPECT_FALSE(may(Operation::configure, vhost)) << vhost;
            EXPECT_EQ(session->can_access_vhost(vhost) == Decision::allowed,
                      listed(row.reads) || listed(row.writes))
                << vhost;
        }
    }
    // Our own provider's tokens have what they say.
    EXPECT_REASON(log_in(token("broker.configure:*/* broker.tag:administrator", our_issuer)), NONE);
    EXPECT_EQ(session->username(), "admin");
    EXPECT_EQ(tags(), "administrator");
    EXPECT_TRUE(may(Operation::configure, "/"));
}

TEST_F(ConfinedSection, TheSameScopesAreOthersInAnotherSection) {
    start(options());
    const std::string scope = "broker.read:*/* broker.tag:administrator";
    // Each twice: the second time from the token cache, and their text was compiled lately.
    for (int round = 0; round < 2; ++round) {
        EXPECT_REASON(log_in(token(scope)), NONE);
        EXPECT_FALSE(may(Operation::read, "sales"));
        EXPECT_TRUE(may(Operation::read, "shared"));
        EXPECT_EQ(tags(), "");
        EXPECT_REASON(log_in(token(scope, our_issuer)), NONE);
        EXPECT_TRUE(may(Operation::read, "sales"));
        EXPECT_EQ(tags(), "administrator");
    }
}

TEST_F(ConfinedSection, ARefreshIsConfinedToo) {
    start(options());
    EXPECT_REASON(log_in(token("broker.read:partner-a/*")), NONE);
    EXPECT_REASON(refresh(token("broker.read:*/* broker.configure:*/* broker.tag:administrator")), NONE);
    EXPECT_TRUE(may(Operation::read, "shared"));
    EXPECT_FALSE(may(Operation::read, "sales"));
    EXPECT_FALSE(may(Operation::configure, "shared"));
    EXPECT_EQ(tags(), "");
}

TEST_F(ConfinedSection, AReloadThatNarrowsCountsFromTheNextLoginOn) {
    start(options());
    const std::string of_partner = token("broker.read:*/* broker.write:shared/*");
    EXPECT_REASON(log_in(of_partner), NONE);
    EXPECT_REASON(log_in(of_partner), NONE);  // now it is in the token cache
    const std::unique_ptr<Session> live = std::move(session);

    const BackendOptions narrower = options("vhosts = partner-*,shared\ntags =\noperations = read,write",
                                            "vhosts = shared\noperations = read");
    ASSERT_TRUE(backend->reload(&narrower).has_value());
    const auto live_may = [&](Operation operation, std::string_view vhost) {
        return live->authorize({operation, vhost, "q", {}}) == Decision::allowed;
    };
    EXPECT_TRUE(live_may(Operation::read, "partner-a")) << "live sessions go on";
    EXPECT_TRUE(live_may(Operation::write, "shared"));

    EXPECT_REASON(log_in(of_partner), NONE);
    EXPECT_FALSE(may(Operation::read, "partner-a")) << "a cached token is judged by the new configuration";
    EXPECT_TRUE(may(Operation::read, "shared"));
    EXPECT_FALSE(may(Operation::write, "shared"));

    ASSERT_TRUE(backend->refresh(*live, bearer(of_partner), {}).has_value());
    EXPECT_FALSE(live_may(Operation::read, "partner-a")) << "a refresh brings the new rights";
    EXPECT_FALSE(live_may(Operation::write, "shared"));
    EXPECT_TRUE(live_may(Operation::read, "shared"));
}

TEST_F(ConfinedSection, WhateverMadeTheScope) {
    const std::string partner =
        R"("oauth.partner":{"issuer":")" + std::string(partner_issuer) + R"(","jwks_file":")" +
        provider.path("partner.json") +
        R"(","resource_server_id":"broker","username_prefix":"p:","expand_variables":true,
        "resource_server_type":"rabbitmq","scope_aliases":{"role":"broker.configure:*/* broker.tag:administrator"},
        "vhosts":["partner-*"],"tags":"","operations":"read,write"})";
    start(options_with_log("{" + partner + "}", log));
    struct Row {
        const char *what;
        std::string scope;
        std::string details;
        const char *key;
    };
    const Row rows[] = {
        {"an alias", "role broker.read:*/q", "", nullptr},
        {"{vhost}", "broker.read:{vhost}/q broker.configure:{vhost}/q", "", nullptr},
        {"a claim", "broker.read:{wide}/q broker.read:partner-{sub}/q", "", nullptr},
        {"three parts", "broker.read:*/q/* broker.configure:*/*/*", "", "k"},
        {"authorization_details", "openid",
         R"([{"type":"rabbitmq","locations":"cluster:*","actions":["read","configure","administrator"]}])",
         "k"},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.what);
        JsonObject claims = Provider::claims();
        claims.string("wide", "sales");
        if (!row.details.empty()) claims.raw("authorization_details", row.details);
        EXPECT_REASON(log_in(token(row.scope, partner_issuer, claims)), NONE);
        EXPECT_EQ(tags(), "");
        const auto asks = [&](Operation operation, std::string_view vhost) {
            access::Request request{operation, vhost, "q", {}};
            if (row.key != nullptr) request.routing_key = row.key;
            return session->authorize(request);
        };
        EXPECT_EQ(asks(Operation::read, "partner-admin"), Decision::allowed);
        EXPECT_EQ(asks(Operation::read, "sales"), Decision::denied);
        EXPECT_EQ(asks(Operation::configure, "partner-admin"), Decision::denied);
    }
}

TEST_F(ConfinedSection, NotesAndDenialsSayWhatWasTakenAway) {
    start(options());
    log.clear();
    const std::string of_partner =
        token("broker.read:*/* broker.read:sales/* broker.configure:*/* broker.tag:administrator");
    EXPECT_REASON(log_in(of_partner), NONE);
    const std::vector<std::string> notes{
        R"("tag:administrator" grants nothing: the section has tags = "")",
        R"("configure:*/*" grants nothing: the section has operations = "read,write")",
        R"("read:sales/*" grants nothing: the section has vhosts = "partner-*,shared")",
        R"("read:*/*" holds in vhosts = "partner-*,shared" of the section only)"};
    const auto inspected = Backend::inspect(backend.get(), of_partner);
    ASSERT_TRUE(inspected.has_value());
    JsonDocument document;
    const auto json = document.parse(*inspected, Reason::INTERNAL);
    ASSERT_TRUE(json.has_value());
    std::vector<std::string> shown;
    const auto listed = json->find("notes");
    ASSERT_TRUE(listed);
    for (const JsonValue note : *listed) shown.emplace_back(note.text());
    EXPECT_EQ(shown, notes);
    for (const std::string &note : notes) {
        EXPECT_NE(log.find("username=\"partner:admin\""), std::string::npos) << log;
        EXPECT_NE(log.find(": " + note), std::string::npos) << note << "\n" << log;
    }

    log.clear();
    const access::Request outside{Operation::read, "sales", "q", {}};
    backend->report_denial(*session, outside, Session::Until::end, {});
    EXPECT_NE(log.find(R"(reason=NO_VHOST_ACCESS)"), std::string::npos) << log;
    EXPECT_NE(
        log.find(R"(nearest is "broker.read:*/*" (the vhost "sales" isn't one of the section's vhosts, )"),
        std::string::npos)
        << log;
    EXPECT_NE(session->explain(outside).find("the section's vhosts"), std::string::npos);
    log.clear();
    backend->report_denial(*session, {Operation::read, "sales", "", {}}, Session::Until::end, {});
    EXPECT_NE(log.find("the section's vhosts"), std::string::npos) << log;
}

TEST_F(ConfinedSection, ATokenThatIsLeftWithoutRightsIsTold) {
    start(options());
    log.clear();
    EXPECT_REASON(log_in(token("broker.tag:administrator")), NONE);
    EXPECT_NE(
        log.find(R"(accepted without any rights: "tag:administrator" grants nothing: the section has tags)"),
        std::string::npos)
        << log;
    EXPECT_EQ(log.find("no scope with the prefix"), std::string::npos) << log;
}

TEST_F(ConfinedSection, TheStartWarnsOfASectionThatIsNotConfined) {
    start(options());
    EXPECT_EQ(log.find("is unset beside another provider"), std::string::npos) << log;
    start(options("vhosts = partner-*,shared\ntags =\n", ""));
    EXPECT_NE(log.find("[oauth.partner] vhosts is unset beside another provider"), std::string::npos) << log;
    EXPECT_NE(log.find("[oauth.partner] tags is unset beside another provider"), std::string::npos) << log;
    EXPECT_EQ(log.find("[oauth] vhosts is unset"), std::string::npos) << log;
}

}  // namespace
}  // namespace tokenward::session
