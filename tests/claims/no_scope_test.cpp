// A token without any scope is explained: the line, and the hint that has a value in it.
#include "claims/no_scope.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::claims {
namespace {

struct Row {
    const char *payload;
    const char *why;
    const char *hint;
};

config::ScopeRules rules() {
    config::ScopeRules rules;
    rules.resource_server_id = "broker";
    rules.scope_prefix = "broker.";
    return rules;
}

void expect(const std::vector<Row> &rows, const config::ScopeRules &rules) {
    for (const Row &row : rows) {
        JsonDocument document;
        const auto payload = document.parse(row.payload, Reason::MALFORMED_PAYLOAD);
        ASSERT_TRUE(payload) << row.payload;
        const NoScope found = explain_no_scope(*payload, rules);
        EXPECT_EQ(found.why, row.why) << row.payload;
        EXPECT_EQ(found.hint, row.hint) << row.payload;
    }
}

}  // namespace

TEST(NoScope, TellsWhyAVariableHasNoValue) {
    config::ScopeRules variables = rules();
    variables.expand_variables = true;
    variables.expand_connection = true;
    expect(
        {{R"({"scope":"broker.read:v/{mqtt:client_id} broker.read:v/{dept}"})",
          R"(no scope counts: 2 found in "scope"; "broker.read:v/{mqtt:client_id}" grants nothing: the broker )"
          R"(doesn't bind the client identifier (Mosquitto: plugin_opt_client_id), "broker.read:v/{dept}" grants )"
          R"(nothing: there is no claim "dept" with a string of 1 to 255 bytes)",
          ""}},
        variables);
}

TEST(NoScope, TellsThatResourceAccessIsNotRead) {
    config::ScopeRules off = rules();
    off.resource_access = false;
    expect({{R"({"resource_access":{"broker":{"roles":["broker.tag:administrator"]}}})",
             R"(no scope counts: none was found in "scope"; resource_access isn't read)",
             "resource_access = true, to read the roles of this broker there"},
            {R"({"resource_access":{"other":{"roles":["r"]}}})",
             R"(no scope counts: none was found in "scope")", ""}},
           off);
}

TEST(NoScope, TellsWhatWasFoundAndWhyItDoesNotCount) {
    expect(
        {
            {R"({"sub":"a"})", R"(no scope counts: none was found in "scope, resource_access.broker.roles")",
             ""},
            {R"({"scope":"read:%2F/orders*"})",
             R"(no scope counts: 1 found in "scope"; "read:%2F/orders*" has no prefix, needed is "broker.")",
             "write broker.read:%2F/orders* at the provider, or set scope_prefix to nothing: scope_prefix ="},
            {R"({"scope":"mq.read:%2F/orders*"})",
             R"(no scope counts: 1 found in "scope"; "mq.read:%2F/orders*" has the prefix "mq.", needed is "broker.")",
             "scope_prefix = mq."},
            {R"({"scope":"Broker.read:%2F/o"})",
             R"(no scope counts: 1 found in "scope"; "Broker.read:%2F/o" differs in case from the prefix "broker.")",
             "scope_prefix = Broker."},
            {R"({"scope":"broker.READ:%2F/o"})",
             R"(no scope counts: 1 found in "scope"; "broker.READ:%2F/o" has the verb "READ"; there are configure, )"
             R"(read, write and tag)",
             "write broker.read:%2F/o"},
            {R"({"scope":"broker.publish:%2F/events"})",
             R"(no scope counts: 1 found in "scope"; "broker.publish:%2F/events" has the verb "publish"; there are )"
             R"(configure, read, write and tag)",
             "write broker.write:%2F/events"},
            // The first scope's hint stays as it is.
            {R"({"scope":"broker.publish:v/q write:v/q"})",
             R"(no scope counts: 2 found in "scope"; "broker.publish:v/q" has the verb "publish"; there are configure, )"
             R"(read, write and tag, "write:v/q" has no prefix, needed is "broker.")",
             "write broker.write:v/q"},
            {R"({"scope":"broker.admin:all"})",
             R"(no scope counts: 1 found in "scope"; "broker.admin:all" has the verb "admin"; there are configure, )"
             R"(read, write and tag)",
             "write broker.tag:administrator"},
            {R"({"scope":"broker.read:orders"})",
             R"(no scope counts: 1 found in "scope"; "broker.read:orders" names no vhost)",
             "write broker.read:%2F/orders"},
            {R"({"scope":"broker.write:/factory/line1/temp"})",
             R"(no scope counts: 1 found in "scope"; "broker.write:/factory/line1/temp" has 4 parts, at most 3)",
             "write broker.write:%2F/factory%2Fline1%2Ftemp"},
            {R"({"scope":"broker.read"})",
             R"(no scope counts: 1 found in "scope"; "broker.read" doesn't begin with configure:, read:, write: or tag:)",
             ""},
            {R"({"scope":"openid profile broker.readx"})",
             R"(no scope counts: 3 found in "scope"; "openid" has not the prefix "broker.", and is no alias, "profile" )"
             R"(has not the prefix "broker.", and is no alias, "broker.readx" doesn't begin with configure:, read:, )"
             R"(write: or tag:)",
             ""},
            {R"({"scope":"openid email profile"})",
             R"(no scope counts: 3 found in "scope"; "openid" has not the prefix "broker.", and is no alias, "email" has )"
             R"(not the prefix "broker.", and is no alias, "profile" has not the prefix "broker.", and is no alias)",
             ""},
            {R"({"scope":"openid devices"})",
             R"(no scope counts: 2 found in "scope"; "openid" has not the prefix "broker.", and is no alias, "devices" has )"
             R"(not the prefix "broker.", and is no alias)",
             "give it a meaning: scope_aliases.devices = broker.read:VHOST/NAME"},
            {R"({"scope":["a","b","c","d","e"]})",
             R"(no scope counts: 5 found in "scope"; "a" has not the prefix "broker.", and is no alias, "b" has not the )"
             R"(prefix "broker.", and is no alias, "c" has not the prefix "broker.", and is no alias, and 2 more)",
             "give it a meaning: scope_aliases.a = broker.read:VHOST/NAME"},
        },
        rules());
}

TEST(NoScope, NamesClaimsThatLookLikeScopesAndAreNotRead) {
    expect(
        {
            {R"({"permissions":["broker.read:%2F/o"]})",
             R"(no scope counts: none was found in "scope, resource_access.broker.roles"; "permissions" looks like scopes )"
             R"(and isn't read: "broker.read:%2F/o")",
             "additional_scopes_keys = permissions"},
            {R"({"https://x.example/mine":"broker.read:%2F/o"})",
             R"(no scope counts: none was found in "scope, resource_access.broker.roles"; "https://x.example/mine" looks )"
             R"(like scopes and isn't read: "broker.read:%2F/o")",
             "additional_scopes_keys = https://x.example/mine"},
            {R"({"realm_access":{"roles":["broker.read:%2F/o"]}})",
             R"(no scope counts: none was found in "scope, resource_access.broker.roles"; "realm_access" looks like scopes )"
             R"(and isn't read: "roles")",
             "additional_scopes_keys = realm_access.roles"},
            {R"({"urn:zitadel:iam:org:project:roles":{"reader":{"1":"x"}}})",
             R"(no scope counts: none was found in "scope, resource_access.broker.roles"; )"
             R"("urn:zitadel:iam:org:project:roles" looks like scopes and isn't read: "reader")",
             "additional_scopes_keys = urn:zitadel:iam:org:project:roles{}"},
            {R"({"resource_access":{"other":{"roles":["r"]}}})",
             R"(no scope counts: none was found in "scope, resource_access.broker.roles"; resource_access has "other", not )"
             R"("broker")",
             "resource_server_id = other, or give the client a role of broker"},
            {R"({"email":"read me","name":"x"})",
             R"(no scope counts: none was found in "scope, resource_access.broker.roles")", ""},
        },
        rules());
}

TEST(NoScope, AliasesAndOtherClaims) {
    config::ScopeRules other = rules();
    other.additional_scopes_keys = {"groups"};
    other.scope_aliases["readers"] = {"read:v/q"};
    expect(
        {
            {R"({"groups":["Orders Readers"]})",
             R"(no scope counts: 1 found in "groups"; "Orders Readers" has not the prefix "broker.", and is no alias)",
             "give it a meaning: scope_aliases.Orders Readers = broker.read:VHOST/NAME"},
            {R"({"groups":["readers"]})",
             R"(no scope counts: 1 found in "groups"; "readers" is an alias, and its scopes lack the prefix "broker.")",
             "begin each scope of the alias with broker."},
        },
        other);
}

// What is shown of a token is cut, and a hint is only what can be copied.
TEST(NoScope, IsBounded) {
    const std::string evil = "broker.x\\n" + std::string(5000, 'y');
    std::string json = R"({"scope":[")" + evil + R"(",")" + evil + R"(2"],"roles":")" + evil + R"(")";
    for (int i = 0; i < 50; ++i) json += ",\"roles" + std::to_string(i) + "\":\"read:a/b\"";
    json += '}';
    JsonDocument document;
    const auto payload = document.parse(json, Reason::MALFORMED_PAYLOAD);
    ASSERT_TRUE(payload);
    const NoScope found = explain_no_scope(*payload, rules());
    EXPECT_LT(found.text().size(), 1200U) << found.text();
    EXPECT_EQ(found.text().find('\n'), std::string::npos);
    EXPECT_EQ(found.hint.find("yyy"), std::string::npos) << found.hint;
}

}  // namespace tokenward::claims
