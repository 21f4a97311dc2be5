// Where scopes stand and how their prefix is cut: DESIGN section 4, "Scopes".
#include "claims/scope_sources.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::claims {
namespace {

struct Settings {
    std::string id;
    std::optional<std::string> prefix;  ///< as the operator wrote it
    std::vector<std::string> additional;
    bool resource_access = true;
};

config::Section section_of(const Settings &settings) {
    config::Section section;
    section.scopes.resource_server_id = settings.id;
    section.scopes.scope_prefix_explicit = settings.prefix.has_value();
    section.scopes.scope_prefix = settings.prefix;
    if (!settings.prefix && !settings.id.empty()) section.scopes.scope_prefix = settings.id + ".";
    section.scopes.additional_scopes_keys = settings.additional;
    section.scopes.resource_access = settings.resource_access;
    return section;
}

using Scopes = std::vector<std::string>;

Scopes collect(const std::string &json, const Settings &settings) {
    JsonDocument document;
    const auto payload = document.parse(json, Reason::MALFORMED_PAYLOAD);
    EXPECT_TRUE(payload.has_value()) << json;
    const config::Section section = section_of(settings);
    ScopeList found;
    EXPECT_TRUE(collect_scopes(*payload, section.scopes, true, found).has_value());
    Scopes scopes(found.scopes.begin(), found.scopes.end());
    std::sort(scopes.begin(), scopes.end());
    return scopes;
}

}  // namespace

TEST(ScopeSources, Table) {
    struct Row {
        const char *what;
        std::string payload;
        Settings settings;
        Scopes scopes;
    };
    const Row rows[] = {
        // scope
        {"scope is a string, split at spaces",
         R"({"scope":"  mq.a  mq.b other "})",
         {"mq", {}, {}},
         {"a", "b"}},
        {"only a space splits", R"({"scope":"mq.a\tmq.b"})", {"mq", {}, {}}, {"a\tmq.b"}},
        {"scope is an array", R"({"scope":["mq.a","mq.b"]})", {"mq", {}, {}}, {"a", "b"}},
        {"a string in an array is one scope",
         R"({"scope":["mq.read:*/x tag:y"]})",
         {"mq", {}, {}},
         {"read:*/x tag:y"}},
        {"what isn't a string in it is skipped", R"({"scope":["mq.a",1,null,true]})", {"mq", {}, {}}, {"a"}},
        {"scope of another type", R"({"scope":{"mq":"a"}})", {"mq", {}, {}}, {}},
        {"no scope", R"({})", {"mq", {}, {}}, {}},
        // resource_access
        {"roles under our id, with and without the prefix",
         R"({"resource_access":{"mq":{"roles":["mq.a","b"]}}})",
         {"mq", {}, {}},
         {"a", "b"}},
        {"roles of others don't count",
         R"({"resource_access":{"other":{"roles":["mq.a"]}}})",
         {"mq", {}, {}},
         {}},
        {"another client's malformed entry spoils nothing",
         R"({"resource_access":{"other":7,"mq":{"roles":["a"]},"x":{"roles":"y"}}})",
         {"mq", {}, {}},
         {"a"}},
        {"without an id none is ours", R"({"resource_access":{"mq":{"roles":["a"]}}})", {"", {}, {}}, {}},
        {"resource_access of another type",
         R"({"resource_access":["mq"],"scope":"mq.a"})",
         {"mq", {}, {}},
         {"a"}},
        {"resource_access = false: RabbitMQ doesn't read it",
         R"({"scope":"mq.a","resource_access":{"mq":{"roles":["mq.b","c"]}}})",
         {"mq", {}, {}, false},
         {"a"}},
        {"and reads what is named there",
         R"({"resource_access":{"mq":{"roles":["mq.b"]}}})",
         {"mq", {}, {"resource_access.mq.roles"}, false},
         {"b"}},
        {"merged",
         R"({"scope":"mq.a","resource_access":{"mq":{"roles":["b"]}},"x":"mq.c"})",
         {"mq", {}, {"x"}},
         {"a", "b", "c"}},
        // additional_scopes_keys
        {"the member names of an object",
         R"({"roles":{"mq.a":{"1":"x"},"mq.b":7,"c":["mq.d"]}})",
         {"mq", {}, {"roles{}"}},
         {"a", "b"}},
        {"of an object at the end of a path", R"({"x":{"y.z":{"mq.a":1}}})", {"mq", {}, {"x.y\\.z{}"}}, {"a"}},
        {"a name with dots and colons",
         R"({"urn:x:p.1:roles":{"mq.a b":1}})",
         {"mq", {}, {"urn:x:p.1:roles{}"}},
         {"a b"}},
        {"of every object in an array",
         R"({"roles":[{"mq.a":1},[{"mq.b":1}],"mq.c"]})",
         {"mq", {}, {"roles{}"}},
         {"a", "b"}},
        {"under our own id, with and without the prefix",
         R"({"roles":{"mq":{"mq.a":1,"b":1},"other":{"mq.c":1}}})",
         {"mq", {}, {"roles.mq{}"}},
         {"a", "b"}},
        {"what is no object has no member names", R"({"roles":"mq.a"})", {"mq", {}, {"roles{}"}}, {}},
        {"without {} the names don't count", R"({"roles":{"mq.a":"x"}})", {"mq", {}, {"roles"}}, {}},
        {"a dot inside a name",
         R"({"kubernetes.io":{"scopes":"mq.a"},"kubernetes":{"io":{"scopes":"mq.b"}}})",
         {"mq", {}, {"kubernetes\\.io.scopes"}},
         {"a"}},
        {"a dot at the end of a name", R"({"a.":{".b":"mq.a"}})", {"mq", {}, {"a\\..\\.b"}}, {"a"}},
        {"a claim of that very name",
         R"({"https://example.com/roles":["mq.a"]})",
         {"mq", {}, {"https://example.com/roles"}},
         {"a"}},
        {"the very name comes before the path",
         R"({"a.b":"mq.x","a":{"b":"mq.y"}})",
         {"mq", {}, {"a.b"}},
         {"x"}},
        {"a dotted path",
         R"({"realm_access":{"roles":["mq.a","offline_access"]}})",
         {"mq", {}, {"realm_access.roles"}},
         {"a"}},
        {"a path through our id counts without the prefix",
         R"({"resource_access":{"mq":{"extra":["a"]}}})",
         {"mq", {}, {"resource_access.mq.extra"}},
         {"a"}},
        {"a path through an array of objects",
         R"({"p":[{"scopes":["mq.a"]},7,{"scopes":"mq.b mq.c"}]})",
         {"mq", {}, {"p.scopes"}},
         {"a", "b", "c"}},
        {"a path that ends early", R"({"a":{"b":"mq.x"}})", {"mq", {}, {"a.b.c"}}, {}},
        {"a string value", R"({"x":"mq.a mq.b"})", {"mq", {}, {"x"}}, {"a", "b"}},
        {"an object: our member, with and without the prefix",
         R"({"x":{"mq":["a","mq.b"],"other":["mq.c"]}})",
         {"mq", {}, {"x"}},
         {"a", "b"}},
        {"nested likewise", R"({"x":{"mq":{"mq":"a","other":"b"}}})", {"mq", {}, {"x"}}, {"a"}},
        {"with no id every member counts",
         R"({"x":{"one":["a"],"two":{"three":"b"}}})",
         {"", {}, {"x"}},
         {"a", "b"}},
        {"an array of objects", R"({"x":[{"mq":"a"},"mq.b"]})", {"mq", {}, {"x"}}, {"a", "b"}},
        {"several keys", R"({"x":"mq.a","y":"mq.b"})", {"mq", {}, {"x", "y", "z"}}, {"a", "b"}},
        // A requesting party token (UMA), as Keycloak writes it.
        {"scopes of permissions",
         R"({"authorization":{"permissions":[{"rsid":"1","rsname":"all","scopes":["mq.a"]},
             {"rsid":"2","rsname":"v1","scopes":["mq.b","x.c"]},{"rsid":"3","rsname":"none"}]}})",
         {"mq", {}, {}},
         {"a", "b"}},
        {"a string in one of them",
         R"({"authorization":{"permissions":[{"scopes":"mq.a mq.b"},{"scopes":["x"]},{}]}})",
         {"mq", {}, {}},
         {"a", "b"}},
        {"one object instead of an array",
         R"({"authorization":{"permissions":{"scopes":["mq.a"]}}})",
         {"mq", {}, {}},
         {"a"}},
        {"without the prefix none counts, whatever the resource is called",
         R"({"authorization":{"permissions":[{"rsname":"mq","scopes":["a"]}]}})",
         {"mq", {}, {}},
         {}},
        {"no permissions", R"({"authorization":{"permissions":[]}})", {"mq", {}, {}}, {}},
        {"malformed parts spoil nothing",
         R"({"authorization":{"permissions":[7,null,"mq.x",[{"scopes":["mq.y"]}],{"scopes":7},{"scopes":["mq.a"]}]}})",
         {"mq", {}, {}},
         {"a"}},
        {"authorization of another type", R"({"authorization":"mq.a"})", {"mq", {}, {}}, {}},
        {"also by additional_scopes_keys, beside other claims",
         R"({"authorization":{"permissions":[{"scopes":["mq.a"]}]},"realm_access":{"roles":["mq.b"]},
             "resource_access":{"account":{"roles":["mq.c"]}}})",
         {"mq",
          {},
          {"authorization.permissions.scopes", "realm_access.roles", "resource_access.account.roles"}},
         {"a", "a", "b", "c"}},
        // prefix
        {"no prefix and no id: all count", R"({"scope":"read:a/b x"})", {"", {}, {}}, {"read:a/b", "x"}},
        {"the id and a dot", R"({"scope":"mq.read:a/b mqread:a/b read:a/b"})", {"mq", {}, {}}, {"read:a/b"}},
        {"scope_prefix, bare", R"({"scope":"p_read:a/b read:c/d"})", {"mq", "p_", {}}, {"read:a/b"}},
        {"scope_prefix and one dot", R"({"scope":"p.read:a/b"})", {"mq", "p", {}}, {"read:a/b"}},
        {"one dot only", R"({"scope":"p..read:a/b"})", {"mq", "p", {}}, {".read:a/b"}},
        {"the id's dot is the only one", R"({"scope":"mq..read:a/b"})", {"mq", {}, {}}, {".read:a/b"}},
        {"scope_prefix hides the id's", R"({"scope":"mq.read:a/b"})", {"mq", "p.", {}}, {}},
        {"scope_prefix, empty: all count",
         R"({"scope":"read:a/b mq.x"})",
         {"mq", "", {}},
         {"mq.x", "read:a/b"}},
        {"a prefix that begins with the id: its rest stands under the id",
         R"({"x":{"mq":["app.read:*/*","app-read"],"mq3":["app.write:*/*"]},"scope":"app.read:v/q mq.app.read:v/p"})",
         {"mq", "mq.app.", {"x"}},
         {"app-read", "read:*/*", "read:v/p"}},
        {"exact in case", R"({"scope":"MQ.a"})", {"mq", {}, {}}, {}},
    };
    for (const Row &row : rows) EXPECT_EQ(collect(row.payload, row.settings), row.scopes) << row.what;
}

TEST(ScopeSources, Rule12AtMost2048DifferentScopes) {
    const auto with = [](int count, bool different) {
        std::string json = R"({"scope":")";
        for (int i = 0; i < count; ++i) json += "mq.read:v/q" + std::to_string(different ? i : 7) + " ";
        return json + R"(other other other"})";
    };
    ScopeList list;
    JsonDocument document;
    const config::Section section = section_of({"mq", {}, {}});
    EXPECT_TRUE(
        collect_scopes(*document.parse(with(2048, true), Reason::MALFORMED_PAYLOAD), section.scopes, true, list)
            .has_value());
    EXPECT_EQ(list.scopes.size(), 2048U);
    const auto many = collect_scopes(*document.parse(with(2049, true), Reason::MALFORMED_PAYLOAD),
                                     section.scopes, true, list);
    ASSERT_FALSE(many.has_value());
    EXPECT_EQ(many.error().reason, Reason::TOO_MANY_SCOPES);
    EXPECT_TRUE(collect_scopes(*document.parse(with(5000, false), Reason::MALFORMED_PAYLOAD), section.scopes,
                               true, list)
                    .has_value())
        << "the same scope again is no other scope";
}

}  // namespace tokenward::claims
