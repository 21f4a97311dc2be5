// Scopes of every source: from the token to what a session may do.
#include "fixture.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

using access::Operation;

class RightsOfAToken : public BackendTest {
  protected:
    /// A session with these claims, under provider.config(more).
    void enter(const std::string &more, const JsonObject &claims) {
        if (backend) backend->close();
        backend = make_backend(options_with_log(provider.config(more), log), clock);
        ASSERT_NE(backend, nullptr);
        token = Provider::mint(claims);
        ASSERT_EQ(log_in(token), Reason::NONE) << detail;
    }
    bool may(Operation operation, const char *vhost, const char *resource) const {
        return session->authorize({operation, vhost, resource, {}}) == Decision::allowed;
    }
    bool may(Operation operation, const char *vhost, const char *resource, const char *key) const {
        return session->authorize({operation, vhost, resource, key}) == Decision::allowed;
    }
    std::string tags() const {
        std::string text;
        session->with_tags([&](std::string_view tags) { text = tags; });
        return text;
    }
    static JsonObject no_scope() { return Provider::claims().remove("scope"); }

    std::string token;
};

TEST_F(RightsOfAToken, Aliases) {
    enter(R"(,"scope_aliases":{"ADMIN":["mq.configure:*/*","mq.tag:administrator"]})",
          no_scope().string("scope", "openid ADMIN"));
    EXPECT_TRUE(may(Operation::configure, "v", "q"));
    EXPECT_FALSE(may(Operation::read, "v", "q"));
    EXPECT_EQ(tags(), "administrator");
}

TEST_F(RightsOfAToken, ADecisionThatCostsTooMuchHasAReason) {
    std::string scopes;
    for (int i = 0; i < 400; ++i) scopes += "mq.write:*/*b*ab" + std::to_string(i) + "b* ";
    enter("", no_scope().string("scope", scopes));
    std::string name;
    while (name.size() < 65535) name += "abb";
    const access::Request request{Operation::write, "v", name, {}};
    EXPECT_EQ(session->authorize(request), Decision::denied);
    const std::string explained = session->explain(request);
    EXPECT_NE(explained.find(R"("verdict":"denied")"), std::string::npos) << explained;
    EXPECT_NE(explained.find(R"("reason":"TOO_COSTLY")"), std::string::npos) << explained;
    log.clear();
    backend->report_denial(*session, request, Session::Until::end, {});
    EXPECT_NE(log.find("authorize denied reason=TOO_COSTLY"), std::string::npos) << log;
    EXPECT_NE(log.find("not all of them were tried"), std::string::npos) << log;
}

TEST_F(RightsOfAToken, RequestingPartyToken) {
    enter("", no_scope().raw("authorization", R"({"permissions":[{"rsname":"r","scopes":["mq.read:v/q"]}]})"));
    EXPECT_TRUE(may(Operation::read, "v", "q"));
    EXPECT_FALSE(may(Operation::read, "w", "q"));
}

TEST_F(RightsOfAToken, RichAuthorizations) {
    const std::string details =
        R"([{"type":"mq-type","locations":["cluster:m*/vhost:%2F/exchange:ex-*/routing-key:r.*"],"actions":["write"]},)"
        R"({"type":"mq-type","locations":"cluster:mq/vhost:v/vhost:w","actions":"read"}])";
    enter(R"(,"resource_server_type":"mq-type")", no_scope().raw("authorization_details", details));
    EXPECT_TRUE(may(Operation::write, "/", "ex-1"));
    EXPECT_TRUE(may(Operation::write, "/", "ex-1", "r.1"));
    EXPECT_FALSE(may(Operation::write, "/", "ex-1", "s"));
    EXPECT_FALSE(may(Operation::write, "v", "ex-1"));
    EXPECT_FALSE(may(Operation::read, "v", "x"));
    EXPECT_FALSE(may(Operation::read, "w", "x"));
    EXPECT_NE(log.find("names an attribute twice"), std::string::npos) << log;
    const auto inspected = Backend::inspect(backend.get(), token);
    ASSERT_TRUE(inspected);
    EXPECT_NE(inspected->find(R"("permissions":["write:%2F/ex-*/r.*"])"), std::string::npos) << *inspected;
    EXPECT_NE(inspected->find("names an attribute twice"), std::string::npos) << *inspected;
}

TEST_F(RightsOfAToken, RichAuthorizationsWithoutRoutingKeys) {
    enter(R"(,"resource_server_type":"mq-type","routing_keys":false)",
          no_scope().raw(
              "authorization_details",
              R"([{"type":"mq-type","locations":"cluster:mq/vhost:v/queue:a%2F*","actions":"read"}])"));
    EXPECT_TRUE(may(Operation::read, "v", "a/b"));
    EXPECT_EQ(log.find("routing"), std::string::npos) << log;
}

TEST_F(RightsOfAToken, Variables) {
    enter(R"(,"expand_variables":true)",
          no_scope()
              .string("sub", "ali*ce")
              .strings("scope", {"mq.read:{vhost}/{sub}-*", "mq.write:w/{vhost}", "mq.configure:v/{dept}",
                                 "mq.configure:x/*/{jti}"}));
    EXPECT_TRUE(may(Operation::read, "v", "ali*ce-q"));
    EXPECT_TRUE(may(Operation::read, "/", "ali*ce-"));
    EXPECT_FALSE(may(Operation::read, "v", "alibince-q")) << "a value is no wildcard";
    EXPECT_TRUE(may(Operation::write, "w", "w"));
    EXPECT_FALSE(may(Operation::write, "w", "v"));
    EXPECT_FALSE(may(Operation::configure, "v", "dept"));
    EXPECT_TRUE(may(Operation::configure, "x", "q", "id-1"));
    EXPECT_FALSE(may(Operation::configure, "x", "q", "id-2"));
    EXPECT_NE(log.find(R"("configure:v/{dept}" grants nothing: there is no claim "dept")"), std::string::npos)
        << log;
}

TEST_F(RightsOfAToken, ADenialWritesBothScopesAsATokenCarriesThem) {
    ASSERT_NO_FATAL_FAILURE(enter("", Provider::claims()));
    backend->report_denial(*session, {Operation::write, "v", "q", {}}, Session::Until::end, {});
    EXPECT_NE(log.find(R"(it needs "mq.write:v/q", nearest is "mq.read:v/q" ()"), std::string::npos) << log;
}

TEST_F(RightsOfAToken, WithoutTheOptionsNothingOfThatIsRead) {
    enter("", no_scope()
                  .string("scope", "mq.read:{vhost}/{sub} ADMIN")
                  .raw("authorization_details",
                       R"([{"type":"mq-type","locations":"cluster:mq","actions":["write","administrator"]}])"));
    EXPECT_FALSE(may(Operation::read, "v", "alice"));
    EXPECT_TRUE(may(Operation::read, "{vhost}", "{sub}")) << "braces are plain bytes";
    EXPECT_FALSE(may(Operation::write, "v", "q"));
    EXPECT_EQ(tags(), "");
}

}  // namespace
}  // namespace tokenward::session
