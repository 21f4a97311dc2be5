// scope_aliases: a scope in a token stands for scopes in the configuration.
#include "collect.hpp"

namespace tokenward::claims {

TEST(ScopeAliases, Table) {
    struct Row {
        const char *what;
        std::string payload;
        config::ScopeAliases aliases;
        Scopes scopes;
    };
    const config::ScopeAliases one{{"ADMIN", {"mq.read:*/*", "mq.tag:administrator"}}};
    const Scopes admin{"read:*/*", "tag:administrator"};
    const Row rows[] = {
        {"one alias", R"({"scope":"ADMIN"})", one, admin},
        {"in an array", R"({"scope":["openid","ADMIN"]})", one, admin},
        {"among scopes",
         R"({"scope":"mq.write:v/q ADMIN"})",
         one,
         {"write:v/q", "read:*/*", "tag:administrator"}},
        {"several aliases",
         R"({"scope":"a b"})",
         {{"a", {"mq.read:v/a"}}, {"b", {"mq.read:v/b"}}, {"c", {"mq.read:v/c"}}},
         {"read:v/a", "read:v/b"}},
        {"in a claim of additional_scopes_keys", R"({"claims":["ADMIN"]})", one, admin},
        {"in a requesting party token", R"({"authorization":{"permissions":[{"scopes":["ADMIN"]}]}})", one,
         admin},
        {"in roles under our id",
         R"({"resource_access":{"mq":{"roles":["ADMIN"]}}})",
         one,
         {"ADMIN", "read:*/*", "tag:administrator"}},
        {"under our id with the id in front, as RabbitMQ",
         R"({"claims":{"mq":"x"}})",
         {{"mq.x", {"mq.read:v/x"}}},
         {"x", "read:v/x"}},
        {"roles under another id", R"({"resource_access":{"other":{"roles":["ADMIN"]}}})", one, {}},
        {"an alias that isn't there", R"({"scope":"OTHER"})", one, {}},
        {"exact in case", R"({"scope":"admin ADMIN2 mq.ADMIN"})", one, {"ADMIN"}},
        {"what it stands for needs the prefix",
         R"({"scope":"a"})",
         {{"a", {"read:*/*", "mq.read:v/q"}}},
         {"read:v/q"}},
        {"an alias stands for no alias",
         R"({"scope":"a"})",
         {{"a", {"b", "mq.b"}}, {"b", {"mq.read:*/*"}}, {"mq.b", {"mq.write:*/*"}}},
         {"b"}},
        {"an alias that is a scope itself: both count",
         R"({"scope":"mq.read:v/a"})",
         {{"mq.read:v/a", {"mq.write:v/a"}}},
         {"read:v/a", "write:v/a"}},
        {"a string is looked up whole before it is split",
         R"({"claims":"Domain Admins"})",
         {{"Domain Admins", {"mq.read:v/a"}}, {"Domain", {"mq.read:v/b"}}, {"Admins", {"mq.read:v/c"}}},
         {"read:v/a"}},
        {"one that is no alias is split",
         R"({"claims":"Domain Admins x"})",
         {{"Domain Admins", {"mq.read:v/a"}}, {"Domain", {"mq.read:v/b"}}, {"Admins", {"mq.read:v/c"}}},
         {"read:v/b", "read:v/c"}},
        {"under our id, with the id in front",
         R"({"claims":{"mq":"Domain Admins"}})",
         {{"mq.Domain Admins", {"mq.read:v/a"}}},
         {"read:v/a", "Domain Admins"}},
        {"a distinguished name", R"({"claims":["CN=X,OU=Y"]})", {{"CN=X,OU=Y", {"mq.read:v/a"}}}, {"read:v/a"}},
        {"an alias with a space in an array",
         R"({"scope":["Queue Admin","Queue","Admin"]})",
         {{"Queue Admin", {"mq.read:v/a"}}, {"Queue Admin 2", {"mq.read:v/b"}}},
         {"read:v/a"}},
    };
    for (const Row &row : rows) {
        config::Section section = broker("mq");
        section.scopes.additional_scopes_keys = {"claims"};
        section.scopes.scope_aliases = row.aliases;
        EXPECT_EQ(collect(row.payload, section).scopes, row.scopes) << row.what;
    }
}

TEST(ScopeAliases, UnderOtherPrefixes) {
    config::Section section = broker("mq");
    section.scopes.scope_aliases = {{"a", {"read:v/q", "p.read:v/p"}}};
    section.scopes.scope_prefix_explicit = true;
    section.scopes.scope_prefix = "";
    EXPECT_EQ(collect(R"({"scope":"a"})", section).scopes, (Scopes{"a", "read:v/q", "p.read:v/p"}));
    section.scopes.scope_prefix = "p";
    EXPECT_EQ(collect(R"({"scope":"a"})", section).scopes, Scopes{"read:v/p"});
}

TEST(ScopeAliases, ATokenThatRepeatsAnAliasMakesNoMoreOfIt) {
    config::Section section = broker("mq");
    std::vector<std::string> &scopes = section.scopes.scope_aliases["a"];
    for (int i = 0; i < 256; ++i) scopes.push_back("mq.read:v/" + std::to_string(i));
    std::string scope;
    for (int i = 0; i < 7; ++i) scope += "a ";  // so few that repeated ones stay
    JsonDocument document;
    ScopeList list;
    ASSERT_TRUE(collect_scopes(*document.parse(R"({"scope":")" + scope + R"("})", Reason::MALFORMED_PAYLOAD),
                               section.scopes, true, list));
    EXPECT_EQ(list.scopes.size(), 256U);
}

TEST(ScopeAliases, Rule12CountsThemToo) {
    config::Section section = broker("mq");
    std::string scope;
    for (int alias = 0; alias < 9; ++alias) {
        const std::string name = "alias" + std::to_string(alias);
        for (int i = 0; i < 256; ++i) {
            section.scopes.scope_aliases[name].push_back("mq.read:" + name + "/" + std::to_string(i));
        }
        scope += name + " ";
        JsonDocument document;
        ScopeList list;
        const auto result =
            collect_scopes(*document.parse(R"({"scope":")" + scope + R"("})", Reason::MALFORMED_PAYLOAD),
                           section.scopes, true, list);
        EXPECT_EQ(result.has_value(), alias < 8) << alias;
        if (!result) {
            EXPECT_EQ(result.error().reason, Reason::TOO_MANY_SCOPES);
        }
    }
}

}  // namespace tokenward::claims
