// {mqtt:client_id} and {session:username}: what the connection puts into scopes, and what it never does.
#include "collect.hpp"

namespace tokenward::claims {
namespace {

config::Section connecting(bool claims_too = false) {
    config::Section section = broker("mq");
    section.scopes.expand_connection = true;
    section.scopes.expand_variables = claims_too;
    return section;
}

Connection client(std::string_view id, bool bound = true) {
    return {"alice", id, bound};
}

/// One scope beside claims, written as "name":value pairs.
Collected expand(const std::string &scope, const Connection &connection,
                 const config::Section &section = connecting(), const std::string &claims = R"("sub":"s")") {
    return collect(R"({"scope":["mq.)" + scope + R"("],)" + claims + "}", section, true, connection);
}

}  // namespace

TEST(ConnectionVariables, Table) {
    struct Row {
        const char *what;
        const char *scope;
        Scopes alone;        ///< with expand_connection
        Scopes with_claims;  ///< and with expand_variables
    };
    // The first byte of a value is always an escape.
    const Row rows[] = {
        {"the identifier",
         "write:v/dev-{mqtt:client_id}*",
         {"write:v/dev-%6Bitchen*"},
         {"write:v/dev-%6Bitchen*"}},
        {"the username", "read:v/{session:username}", {"read:v/%61lice"}, {"read:v/%61lice"}},
        {"in each part",
         "read:{session:username}/{mqtt:client_id}/{mqtt:client_id}.*",
         {"read:%61lice/%6Bitchen/%6Bitchen.*"},
         {"read:%61lice/%6Bitchen/%6Bitchen.*"}},
        {"claims are another option", "read:v/{sub}", {"read:v/{sub}"}, {"read:v/s"}},
        {"beside a claim", "read:v/{sub}{mqtt:client_id}", {"read:v/{sub}%6Bitchen"}, {"read:v/s%6Bitchen"}},
        {"the vhost", "read:{session:username}/{vhost}", {"read:%61lice/{vhost}"}, {"read:%61lice/%61lice"}},
        {"beside {vhost}", "read:{vhost}{mqtt:client_id}/q", {"read:{vhost}%6Bitchen/q"}, {}},
        {"an escape isn't put together",
         "read:v/%{mqtt:client_id}",
         {"read:v/%%6Bitchen"},
         {"read:v/%%6Bitchen"}},
        {"another case", "read:v/{MQTT:client_id}", {"read:v/{MQTT:client_id}"}, {}},
        {"a part of the name", "read:v/{mqtt:client_i}", {"read:v/{mqtt:client_i}"}, {}},
        {"spaces", "read:v/{ mqtt:client_id }", {"read:v/{ mqtt:client_id }"}, {}},
        {"no }", "read:v/{mqtt:client_id", {"read:v/{mqtt:client_id"}, {}},
        {"in braces", "read:v/{{mqtt:client_id}}", {"read:v/{%6Bitchen}"}, {}},
        {"an operation", "{session:username}:v/q", {"{session:username}:v/q"}, {"{session:username}:v/q"}},
        {"a tag", "tag:{mqtt:client_id}", {"tag:{mqtt:client_id}"}, {"tag:{mqtt:client_id}"}},
    };
    for (const Row &row : rows) {
        EXPECT_EQ(expand(row.scope, client("kitchen")).scopes, row.alone) << row.what;
        EXPECT_EQ(expand(row.scope, client("kitchen"), connecting(true)).scopes, row.with_claims) << row.what;
    }
}

TEST(ConnectionVariables, NeitherIsAClaimWhileTheOptionIsOn) {
    const std::string claims =
        R"("mqtt:client_id":"root","session:username":"root","client_id":"c","username":"u")";
    EXPECT_EQ(expand("read:v/{mqtt:client_id}{session:username}", client("a"), connecting(true), claims).scopes,
              Scopes{"read:v/%61%61lice"});
    EXPECT_EQ(expand("read:v/{mqtt:client_id}", client("a", false), connecting(true), claims).scopes, Scopes{});
    EXPECT_EQ(expand("read:v/{client_id}{username}", client("a"), connecting(true), claims).scopes,
              Scopes{"read:v/cu"});
    config::Section off = connecting(true);
    off.scopes.expand_connection = false;
    EXPECT_EQ(expand("read:v/{mqtt:client_id}", client("a"), off, claims).scopes, Scopes{"read:v/root"})
        << "as it was without the option";
    EXPECT_NE(
        joined(expand("read:v/{mqtt:client_id}", client("a"), off).notes).find("expand_connection is off"),
        std::string::npos);
    off.scopes.expand_variables = false;
    EXPECT_EQ(expand("read:v/{mqtt:client_id}", client("a"), off).scopes, Scopes{"read:v/{mqtt:client_id}"});
}

TEST(ConnectionVariables, AValueIsNoVariableAndNoWildcard) {
    const std::string claims = R"("evil":"{mqtt:client_id}","sub":"s")";
    EXPECT_EQ(expand("read:v/{evil}", client("kitchen"), connecting(true), claims).scopes,
              Scopes{"read:v/{mqtt:client_id}"});
    EXPECT_EQ(expand("read:v/{mqtt:client_id}", client("{sub}"), connecting(true), claims).scopes,
              Scopes{"read:v/%7Bsub}"});
    EXPECT_EQ(expand("read:v/{mqtt:client_id}", client("*a*b/c%2F+"), connecting(true), claims).scopes,
              Scopes{"read:v/%2Aa%2Ab%2Fc%252F%2B"});
}

TEST(ConnectionVariables, WhatGrantsNothingLeavesANote) {
    const std::string longest(4096, 'x');
    const std::string over(65536, 'x');
    struct Row {
        const char *what;
        const char *scope;
        Connection connection;
        const char *note;  ///< empty: it grants
    };
    const Row rows[] = {
        {"unbound", "read:v/{mqtt:client_id}", client("a", false),
         R"("read:v/{mqtt:client_id}", as each scope with {mqtt:client_id}, grants nothing: the broker doesn't bind )"
         "the client identifier (Mosquitto: plugin_opt_client_id)\n"},
        {"bound and empty", "read:v/{mqtt:client_id}", client(""), "no client identifier of 1 to 65535 bytes"},
        {"longer than MQTT has", "read:v/{mqtt:client_id}", client(over), "no client identifier of 1 to 65535"},
        {"longer than a scope", "read:v/{mqtt:client_id}", client(longest), "it grows over 4096 bytes"},
        {"no username", "read:v/{session:username}", {"", "a", true}, "there is no username"},
        {"$ at the beginning", "read:v/{mqtt:client_id}/*", client("a$"), ""},
        {"$ at the beginning", "write:v/{mqtt:client_id}*", client("$CONTROL"), "begins with $"},
        {"$ behind a star", "write:v/*{mqtt:client_id}", client("$SYS"), ""},
        {"$ elsewhere", "write:v/dev-{mqtt:client_id}*", client("$CONTROL"), ""},
        {"the provider's $", "write:v/${mqtt:client_id}", client("$a"), ""},
        {"$ in the vhost", "write:{mqtt:client_id}/q", client("$a"), ""},
        {"$ in a key", "write:v/x/{mqtt:client_id}", client("$a"), "begins with $"},
        {". in a resource", "write:v/{mqtt:client_id}", client("a.b"), ""},
        {". in a key", "write:v/x/dev.{mqtt:client_id}", client("a.b"), "several levels of a routing key"},
        {"/ in a key", "write:v/x/dev.{mqtt:client_id}", client("a/b"), "several levels of a routing key"},
        {"- in a key", "write:v/x/dev.{mqtt:client_id}", client("a-b"), ""},
        {"a username is the token's word", "write:v/x/{session:username}", {"$a.b/c", "a", true}, ""},
    };
    for (const Row &row : rows) {
        const Collected found = expand(row.scope, row.connection);
        const bool grants = *row.note == '\0';
        EXPECT_EQ(found.scopes.size(), grants ? 1U : 0U) << row.what;
        EXPECT_EQ(found.notes.size(), grants ? 0U : 1U) << row.what;
        EXPECT_NE(joined(found.notes).find(row.note), std::string::npos) << row.what << joined(found.notes);
    }
    EXPECT_EQ(expand("write:{mqtt:client_id}/{vhost}", client("$a"), connecting(true)).scopes, Scopes{})
        << "{vhost} carries the identifier on";
    EXPECT_EQ(expand("write:{mqtt:client_id}/x/{vhost}", client("a.b"), connecting(true)).scopes, Scopes{});
    EXPECT_EQ(expand("write:{mqtt:client_id}/x/{vhost}", client("ab"), connecting(true)).scopes.size(), 1U);
}

TEST(ConnectionVariables, TheBoundsHoldOverEverythingTogether) {
    const auto times = [](std::size_t count, const std::string &text) {
        std::string out;
        while (count-- != 0) out += text;
        return out;
    };
    // 7 bytes in front, and 2 more for the escape of the first byte.
    const auto grants = [&](std::size_t size, const std::string &scope) {
        const std::string id(size, 'x');
        return expand(scope, client(id), connecting(true)).scopes.size() == 1;
    };
    EXPECT_TRUE(grants(4087, "read:v/{mqtt:client_id}"));
    EXPECT_FALSE(grants(4088, "read:v/{mqtt:client_id}"));
    EXPECT_TRUE(grants(1, "read:v/" + times(63, "{mqtt:client_id}") + "{sub}"));
    EXPECT_FALSE(grants(1, "read:v/" + times(63, "{session:username}") + "{sub}{sub}"));
    std::string list;
    for (int i = 100; i < 200; ++i) list += "\"mq.read:v/" + std::to_string(i) + "{mqtt:client_id}\",";
    const std::string id(1012, 'x');  // each scope has 1024 bytes
    const Collected found =
        collect(R"({"scope":[)" + list + R"("mq.read:v/plain"]})", connecting(), true, client(id));
    EXPECT_EQ(found.scopes.size(), 65U);
    EXPECT_EQ(found.scopes.count("read:v/plain"), 1U);
    EXPECT_NE(joined(found.notes).find("grow over 65536 bytes together"), std::string::npos);
    // A scope that names no variable isn't touched, however long it is.
    EXPECT_TRUE(expand("read:v/{sub}" + std::string(5000, 'z'), client("a")).scopes.size() == 1);
}

TEST(ConnectionVariables, OnlyTheIdentifierMakesRightsTheConnectionsOwn) {
    const auto depends = [](const std::string &scope, bool bound = true) {
        JsonDocument document;
        const auto payload =
            document.parse(R"({"sub":"s","scope":["mq.)" + scope + R"("]})", Reason::MALFORMED_PAYLOAD);
        ScopeList list;
        EXPECT_TRUE(collect_scopes(*payload, connecting(true).scopes, true, list, client("a", bound)));
        const bool answer = list.depends_on_client_id;
        list.clear();
        EXPECT_FALSE(list.depends_on_client_id);
        return answer;
    };
    EXPECT_TRUE(depends("read:v/{mqtt:client_id}"));
    EXPECT_TRUE(depends("read:v/{mqtt:client_id}", false)) << "the next client may have one that is bound";
    EXPECT_FALSE(depends("read:v/{session:username}{sub}"));
    EXPECT_FALSE(depends("tag:{mqtt:client_id}"));
    EXPECT_FALSE(depends("read:v/q"));
}

TEST(ConnectionVariables, OneNoteForAllUnboundScopesLeavesRoomForOthers) {
    std::string list;
    for (int i = 0; i < 9; ++i) list += "\"mq.read:v/" + std::to_string(i) + "{mqtt:client_id}\",";
    const Collected found =
        collect(R"({"scope":[)" + list + R"("mq.read:v/{dept}"]})", connecting(true), true, client("a", false));
    ASSERT_EQ(found.notes.size(), 2U);
    EXPECT_NE(found.notes[1].find(R"(there is no claim "dept")"), std::string::npos);
}

TEST(ConnectionVariables, InEverySource) {
    config::Section section = connecting();
    section.scopes.scope_aliases = {{"own", {"mq.configure:v/q-{mqtt:client_id}"}}};
    section.scopes.resource_server_type = "mq-type";
    EXPECT_EQ(collect(R"({"scope":"own","resource_access":{"mq":{"roles":["read:v/{mqtt:client_id}"]}},
                          "authorization_details":[{"type":"mq-type",
                              "locations":"cluster:mq/vhost:v/queue:{mqtt:client_id}","actions":"write"}]})",
                      section, true, client("kitchen"))
                  .scopes,
              (Scopes{"configure:v/q-%6Bitchen", "read:v/%6Bitchen", "write:v/%6Bitchen/*"}));
}

}  // namespace tokenward::claims
