// {vhost} and {CLAIM} in scopes: RabbitMQ's cases, and values that look like a part of a scope.
#include "collect.hpp"

namespace tokenward::claims {
namespace {

config::Section expanding() {
    config::Section section = broker("mq");
    section.scopes.expand_variables = true;
    return section;
}

/// One scope beside claims, written as "name":value pairs.
Collected expand(const std::string &scope, const std::string &claims) {
    return collect(R"({"scope":["mq.)" + scope + R"("],)" + claims + "}", expanding());
}

}  // namespace

TEST(ScopeVariables, Table) {
    struct Row {
        const char *what;
        const char *scope;
        const char *claims;
        Scopes scopes;
    };
    constexpr auto people = R"("client_id":"some_client","username":"some_user")";
    const Row rows[] = {
        {"a claim and the vhost", "read:{vhost}/{client_id}-*", people, {"read:*/some_client-*"}},
        {"two claims", "write:{vhost}/{client_id}/{username}", people, {"write:*/some_client/some_user"}},
        {"a claim for the vhost", "read:{client_id}/*/{username}", people, {"read:some_client/*/some_user"}},
        {"none", "read:client_id/vhost-*", people, {"read:client_id/vhost-*"}},
        {"two in one part", "read:v/{client_id}.{username}", people, {"read:v/some_client.some_user"}},
        {"stars behind one",
         "configure:{vhost}/q-{username}/rk-{client_id}**",
         people,
         {"configure:*/q-some_user/rk-some_client**"}},
        {"a lone } is plain", "read:var}/*", people, {"read:var}/*"}},
        {"only claims of the top level", "read:v/{a.b}", R"("a":{"b":"x"})", {}},
        {"a claim with a dot in its name", "read:v/{a.b}", R"("a.b":"x")", {"read:v/x"}},
        {"exact in case", "read:v/{Sub}", R"("sub":"a")", {}},
        // Without a value the scope grants nothing. RabbitMQ leaves the variable's name there, or nothing.
        {"no such claim", "read:{client_id}/*", R"("x":"y")", {}},
        {"an array", "read:{foo}/*", R"("foo":["bar"])", {}},
        {"a number", "read:v/{n}", R"("n":7)", {}},
        {"null", "read:v/{n}", R"("n":null)", {}},
        {"an empty value would leave only the star", "read:v/{p}*", R"("p":"")", {}},
        {"no name", "read:{}/*", people, {}},
        {"no name, though there is such a claim", "read:v/{}", R"("":"")", {}},
        {"no }", "read:{/*", people, {}},
        {"no } in its part", "read:v/{client_id/x}", people, {}},
        {"a { in a name", "read:v/{{client_id}}", people, {}},
        // A slash, a star or a variable in a value means nothing.
        {"a star", "read:v/{sub}", R"("sub":"*")", {"read:v/%2A"}},
        {"a slash", "read:v/{sub}", R"("sub":"a/b")", {"read:v/a%2Fb"}},
        {"an escape", "read:v/{sub}", R"("sub":"%2A")", {"read:v/%252A"}},
        {"a plus", "read:v/{sub}", R"("sub":"a+b c")", {"read:v/a%2Bb%20c"}},
        {"an escape put together", "read:v/%{sub}", R"("sub":"2A")", {"read:v/%2A"}},
        {"a variable", "read:v/{sub}", R"("sub":"{username}","username":"root")", {"read:v/{username}"}},
        {"bytes beyond ASCII", "read:v/{sub}", R"("sub":"\u00e4\u0000")", {"read:v/%C3%A4%00"}},
        {"an operation", "{op}:v/q", R"("op":"write")", {"{op}:v/q"}},
        {"a tag", "tag:{role}", R"("role":"administrator")", {"tag:{role}"}},
        {"a part more", "read:v/q/{sub}/x", R"("sub":"a")", {"read:v/q/{sub}/x"}},
        // {vhost}
        {"the vhost of the request, not a claim", "read:{vhost}/q", R"("vhost":"mine")", {"read:*/q"}},
        {"a star beside it", "read:*{vhost}*/q", people, {"read:*/q"}},
        {"text beside it matches no vhost", "read:x{vhost}/q", people, {}},
        {"a claim beside it likewise", "read:{vhost}{client_id}/q", people, {}},
        {"twice likewise", "read:{vhost}{vhost}/q", people, {}},
        {"behind an exact vhost", "read:%2Fa/{vhost}-*/{vhost}", people, {"read:%2Fa/%2Fa-*/%2Fa"}},
        {"behind a vhost from a claim", "read:{sub}/{vhost}", R"("sub":"a*b")", {"read:a%2Ab/a%2Ab"}},
    };
    for (const Row &row : rows) EXPECT_EQ(expand(row.scope, row.claims).scopes, row.scopes) << row.what;
}

TEST(ScopeVariables, OffByDefault) {
    const std::string payload = R"({"scope":"mq.read:{vhost}/{sub}","sub":"a"})";
    EXPECT_EQ(collect(payload, broker("mq")).scopes, Scopes{"read:{vhost}/{sub}"});
    EXPECT_EQ(collect(payload, expanding()).scopes, Scopes{"read:*/a"});
}

TEST(ScopeVariables, InEverySource) {
    config::Section section = expanding();
    section.scopes.scope_aliases = {{"own", {"mq.configure:{vhost}/q-{sub}"}}};
    section.scopes.resource_server_type = "mq-type";
    EXPECT_EQ(collect(R"({"sub":"bob","scope":"own","resource_access":{"mq":{"roles":["read:v/{sub}"]}},
                          "authorization_details":[{"type":"mq-type","locations":"cluster:mq/vhost:v/queue:{sub}",
                                                    "actions":"write"}]})",
                      section)
                  .scopes,
              (Scopes{"configure:*/q-bob", "read:v/bob", "write:v/bob/*"}));
}

TEST(ScopeVariables, LongValues) {
    const auto with = [](std::size_t size, const std::string &scope) {
        return expand(scope, R"("sub":")" + std::string(size, 'x') + '"').scopes.size();
    };
    EXPECT_EQ(with(255, "read:v/{sub}"), 1U);
    EXPECT_EQ(with(256, "read:v/{sub}"), 0U) << "no name is as long";
    EXPECT_EQ(
        with(255, "read:v/{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}"),
        1U);
    EXPECT_EQ(
        with(255,
             "read:v/{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}{sub}"),
        0U);
}

TEST(ScopeVariables, EachBoundLeavesANote) {
    const auto times = [](std::size_t count, const std::string &text) {
        std::string out;
        while (count-- != 0) out += text;
        return out;
    };
    const std::string claims = R"("a":")" + std::string(200, 'x') + R"(","b":"y")";
    struct Row {
        const char *what;
        std::string scope;
        bool grants;
        const char *note;
    };
    const Row rows[] = {
        {"64 variables", "read:v/" + times(64, "{b}"), true, ""},
        {"65 variables", "read:v/" + times(65, "{b}"), false, "it has more than 64 variables"},
        {"65 in all parts", "read:{b}/" + times(32, "{b}") + "/" + times(32, "{b}"), false, "64 variables"},
        {"4096 bytes", "read:v/" + times(20, "{a}") + std::string(89, 'z'), true, ""},
        {"4097 bytes", "read:v/" + times(20, "{a}") + std::string(90, 'z'), false, "it grows over 4096 bytes"},
        {"a literal in front", "read:v/" + std::string(4080, 'z') + "{a}", false, "4096 bytes"},
        {"by {vhost}", "read:" + times(10, "{a}") + "/{vhost}{vhost}", false, "4096 bytes"},
        {"by the vhost alone", "read:" + times(21, "{a}") + "/q", false, "4096 bytes"},
        {"by the third part", "read:v/" + times(10, "{a}") + "/" + times(11, "{a}"), false, "4096 bytes"},
    };
    for (const Row &row : rows) {
        const Collected found = expand(row.scope, claims);
        EXPECT_EQ(found.scopes.size(), row.grants ? 1U : 0U) << row.what;
        EXPECT_NE(joined(found.notes).find(row.note), std::string::npos) << row.what << joined(found.notes);
    }
}

// Each bound counts for one scope alone, but the last one for a whole token.
TEST(ScopeVariables, AllTogetherAreBounded) {
    const auto with = [](std::size_t scopes, const std::string &more) {
        std::string list;
        for (std::size_t i = 0; i < scopes; ++i)
            list += "\"mq.read:v/" + std::to_string(1000 + i) + "{a}{a}{a}{a}\",";
        return collect(R"({"a":")" + std::string(253, 'x') + R"(","scope":[)" + list + more + "]}",
                       expanding());
    };
    // 7 + 4 + 4 * 253 bytes each: 64 of them fill 64 KiB but for 64 bytes.
    EXPECT_EQ(with(64, R"("mq.read:v/plain")").scopes.size(), 65U);
    const Collected over = with(65, R"("mq.read:v/plain")");
    EXPECT_EQ(over.scopes.size(), 65U) << "one fewer, and the plain one stays";
    EXPECT_EQ(over.scopes.count("read:v/plain"), 1U);
    EXPECT_NE(joined(over.notes).find("grow over 65536 bytes together"), std::string::npos);
}

TEST(ScopeVariables, WhatGrantsNothingLeavesANote) {
    const auto notes = [](const char *scope, const char *claims = R"("x":"y")") {
        return joined(expand(scope, claims).notes);
    };
    EXPECT_NE(notes("read:v/{dept}").find(R"("read:v/{dept}" grants nothing: there is no claim "dept")"),
              std::string::npos);
    EXPECT_NE(notes("read:v/{x").find("a { has no }"), std::string::npos);
    EXPECT_NE(notes("read:a{vhost}/q").find("matches no vhost"), std::string::npos);
    EXPECT_EQ(notes("read:v/{x}"), "");
    EXPECT_EQ(notes("read:v/{dept}", R"("dept":["secret"])").find("secret"), std::string::npos);
}

// What {vhost} is isn't known yet: the scope keeps it, and access/vhost_scopes.hpp matches it.
TEST(ScopeVariables, BehindAVhostWithWildcardsTheVhostStaysAVariable) {
    struct Row {
        const char *scope;
        const char *expanded;
    };
    const Row rows[] = {
        {"write:*/x-{vhost}-*/u-{sub}-*", "write:*/x-{vhost}-*/u-al-*"},
        {"read:dev-*/{vhost}", "read:dev-*/{vhost}"},
        {"read:{vhost}/{vhost}", "read:*/{vhost}"},
        // No value becomes a variable.
        {"read:*/{vhost}-{evil}", "read:*/{vhost}-%7Bvhost}"},
    };
    for (const Row &row : rows) {
        JsonDocument document;
        const std::string json =
            R"({"scope":["mq.)" + std::string(row.scope) + R"("],"sub":"al","evil":"{vhost}"})";
        const auto payload = document.parse(json, Reason::MALFORMED_PAYLOAD);
        ASSERT_TRUE(payload);
        ScopeList list;
        ASSERT_TRUE(collect_scopes(*payload, expanding().scopes, true, list));
        EXPECT_TRUE(list.scopes.empty()) << row.scope;
        ASSERT_EQ(list.vhost_scopes.size(), 1U) << row.scope;
        EXPECT_EQ(list.vhost_scopes.front(), row.expanded);
        list.clear();
        EXPECT_TRUE(list.vhost_scopes.empty());
    }
}

}  // namespace tokenward::claims
