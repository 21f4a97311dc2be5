// authorization_details (RFC 9396): the cases of RabbitMQ, and those where we are stricter.
#include "collect.hpp"

namespace tokenward::claims {
namespace {

config::Section typed(const std::string &id) {
    config::Section section = broker(id);
    section.scopes.resource_server_type = "mq-type";
    return section;
}

/// One entry of our type; locations and actions as JSON.
std::string entry(const std::string &locations, const std::string &actions) {
    return R"({"type":"mq-type","locations":)" + locations + R"(,"actions":)" + actions + "}";
}

std::string details(const std::string &json) {
    return R"({"authorization_details":)" + json + "}";
}

}  // namespace

TEST(RichAuthorization, Locations) {
    struct Row {
        const char *what;
        std::string locations;
        Scopes scopes;  ///< with the action read
    };
    const Row rows[] = {
        {"what isn't named is a wildcard", R"(["cluster:mq"])", {"read:*/*/*"}},
        {"a string is one location", R"("cluster:mq")", {"read:*/*/*"}},
        {"a vhost", R"(["cluster:mq/vhost:a"])", {"read:a/*/*"}},
        {"several locations", R"(["cluster:mq/vhost:a","cluster:mq/vhost:b"])", {"read:a/*/*", "read:b/*/*"}},
        {"a queue", R"(["cluster:mq/queue:b"])", {"read:*/b/*"}},
        {"an exchange", R"(["cluster:mq/exchange:b"])", {"read:*/b/*"}},
        {"a queue and the exchange of its name", R"(["cluster:mq/queue:*/exchange:*"])", {"read:*/*/*"}},
        {"a queue and another exchange: none", R"(["cluster:mq/queue:b/exchange:c"])", {}},
        {"a routing key", R"(["cluster:mq/routing-key:b"])", {"read:*/*/b"}},
        {"all of them", R"(["cluster:mq/vhost:fin-*/queue:*-inv/routing-key:r-*"])", {"read:fin-*/*-inv/r-*"}},
        {"in any order", R"(["queue:i/routing-key:r/cluster:mq/vhost:f"])", {"read:f/i/r"}},
        {"unknown attributes are skipped", R"(["cluster:mq/tenant:t/queue:q"])", {"read:*/q/*"}},
        {"attributes are exact in case", R"(["cluster:mq/VHOST:a"])", {"read:*/*/*"}},
        {"empty parts are skipped", R"(["/cluster:mq//routing-key:r/"])", {"read:*/*/r"}},
        {"an attribute without a value is skipped", R"(["cluster:mq/queue:/vhost:"])", {"read:*/*/*"}},
        {"a part without a colon is skipped", R"(["prefix/cluster:mq/vhost:a"])", {"read:a/*/*"}},
        {"other signs are plain", R"(["cluster:mq/vhost:^fin-*"])", {"read:^fin-*/*/*"}},
        {"percent escapes stay for the pattern",
         R"(["cluster:mq/vhost:%2F/queue:a%2Ab"])",
         {"read:%2F/a%2Ab/*"}},
        {"a slash can't come in from a value", R"(["cluster:mq/queue:a/b"])", {"read:*/a/*"}},
        // The cluster.
        {"another cluster", R"(["cluster:other"])", {}},
        {"only ours of several", R"(["cluster:mq","cluster:other/vhost:x"])", {"read:*/*/*"}},
        {"a pattern that matches",
         R"(["cluster:m*/vhost:a","cluster:*/vhost:b","cluster:*q/vhost:c"])",
         {"read:a/*/*", "read:b/*/*", "read:c/*/*"}},
        {"patterns that don't", R"(["cluster:mq-*","cluster:*m","cluster:MQ","cluster:m","cluster:^mq$"])", {}},
        {"an escape in the cluster", R"(["cluster:m%71"])", {"read:*/*/*"}},
        {"a broken escape in the cluster", R"(["cluster:mq%"])", {}},
        {"no cluster", R"(["vhost:a/queue:b"])", {}},
        {"an empty cluster", R"(["cluster:/vhost:a"])", {}},
        {"nothing", R"([""])", {}},
        {"no location", R"([])", {}},
        // Where RabbitMQ reads otherwise (src/claims/README.md).
        {"a value goes to the end of its part", R"(["cluster:mq/queue:a:b"])", {"read:*/a:b/*"}},
        {"twice the same attribute: none", R"(["cluster:mq/vhost:a/vhost:b"])", {}},
        {"two clusters: none", R"(["cluster:other/cluster:mq"])", {}},
        {"what isn't a string is skipped",
         R"([1,null,{"cluster":"mq"},["cluster:mq"],"cluster:mq/vhost:a"])",
         {"read:a/*/*"}},
        {"an object of locations: none", R"({"cluster":"cluster:mq"})", {}},
        {"a number of locations: none", R"(7)", {}},
    };
    for (const Row &row : rows) {
        const std::string payload = details("[" + entry(row.locations, R"(["read"])") + "]");
        EXPECT_EQ(collect(payload, typed("mq")).scopes, row.scopes) << row.what;
    }
}

TEST(RichAuthorization, ClusterIdsWithSigns) {
    EXPECT_EQ(collect(details("[" + entry(R"(["cluster:mq-*/vhost:a"])", R"("read")") + "]"), typed("mq-test"))
                  .scopes,
              Scopes{"read:a/*/*"});
    EXPECT_EQ(
        collect(details("[" + entry(R"(["cluster:mq-t-*"])", R"("read")") + "]"), typed("mq-test")).scopes,
        Scopes{});
    EXPECT_EQ(collect(details("[" + entry(R"(["cluster:api:%2F%2Fmq"])", R"("read")") + "]"), typed("api://mq"))
                  .scopes,
              Scopes{"read:*/*/*"});
    EXPECT_EQ(collect(details("[" + entry(R"(["cluster:m*"])", R"("read")") + "]"), typed("m*")).scopes,
              Scopes{"read:*/*/*"});
}

TEST(RichAuthorization, Actions) {
    struct Row {
        const char *what;
        std::string actions;
        Scopes scopes;  ///< at cluster:mq/vhost:a
    };
    const Row rows[] = {
        {"every operation",
         R"(["read","write","configure"])",
         {"read:a/*/*", "write:a/*/*", "configure:a/*/*"}},
        {"a string is one action", R"("read")", {"read:a/*/*"}},
        {"every tag",
         R"(["administrator","management","monitoring","policymaker"])",
         {"tag:administrator", "tag:management", "tag:monitoring", "tag:policymaker"}},
        {"impersonator is none of them", R"(["impersonator"])", {}},
        {"both kinds", R"(["read","management"])", {"read:a/*/*", "tag:management"}},
        {"twice the same", R"(["read","read"])", {"read:a/*/*"}},
        {"unknown ones are skipped",
         R"(["read2","Read","","read:a/b","tag:x","*"," read","write"])",
         {"write:a/*/*"}},
        {"a string isn't split", R"("read write")", {}},
        {"empty", R"("")", {}},
        {"none", R"([])", {}},
        {"what isn't a string is skipped", R"([1,["write"],{"a":"write"},null,"read"])", {"read:a/*/*"}},
        {"an object: none", R"({"a":"read"})", {}},
        {"null: none", R"(null)", {}},
    };
    for (const Row &row : rows) {
        const std::string payload = details("[" + entry(R"(["cluster:mq/vhost:a"])", row.actions) + "]");
        EXPECT_EQ(collect(payload, typed("mq")).scopes, row.scopes) << row.what;
    }
}

TEST(RichAuthorization, TagsNeedALocationOfOursToo) {
    const std::string payload = details("[" + entry(R"(["cluster:other"])", R"(["administrator","read"])") +
                                        "," + entry(R"("cluster:mq")", R"("monitoring")") + "]");
    EXPECT_EQ(collect(payload, typed("mq")).scopes, Scopes{"tag:monitoring"});
}

TEST(RichAuthorization, Entries) {
    const std::string good = entry(R"(["cluster:mq/vhost:a"])", R"(["read"])");
    struct Row {
        const char *what;
        std::string payload;
        Scopes scopes;
    };
    const Row rows[] = {
        {"another type", details(R"([{"type":"payment","locations":["cluster:mq"],"actions":["read"]}])"), {}},
        {"an empty type", details(R"([{"type":"","locations":["cluster:mq"],"actions":["read"]}])"), {}},
        {"no type", details(R"([{"locations":["cluster:mq"],"actions":["read"]}])"), {}},
        {"a type that is no string",
         details(R"([{"type":["mq-type"],"locations":"cluster:mq","actions":"read"}])"),
         {}},
        {"no actions", details(R"([{"type":"mq-type","locations":["cluster:mq"]}])"), {}},
        {"no locations", details(R"([{"type":"mq-type","actions":["read"]}])"), {}},
        {"merged",
         details("[" + good + "," + entry(R"("cluster:mq/vhost:b")", R"("write")") + "]"),
         {"read:a/*/*", "write:b/*/*"}},
        {"a broken entry spoils no other",
         details("[7,null,\"x\",[" + good + "],{}," + good + "]"),
         {"read:a/*/*"}},
        {"one object instead of an array", details(good), {"read:a/*/*"}},
        {"a string", details(R"("cluster:mq")"), {}},
        {"no entries", details("[]"), {}},
        {"beside scopes",
         R"({"scope":"mq.read:x/y","authorization_details":[)" + good + "]}",
         {"read:x/y", "read:a/*/*"}},
    };
    for (const Row &row : rows) EXPECT_EQ(collect(row.payload, typed("mq")).scopes, row.scopes) << row.what;
}

TEST(RichAuthorization, WhenItIsRead) {
    const std::string payload =
        details("[" + entry(R"(["cluster:mq/vhost:a"])", R"(["read","management"])") + "]");
    EXPECT_EQ(collect(payload, broker("mq")).scopes, Scopes{}) << "no resource_server_type";
    EXPECT_EQ(collect(payload, typed("")).scopes, Scopes{}) << "no resource_server_id";
    config::Section section = typed("mq");
    section.scopes.scope_prefix = "api.";
    section.scopes.scope_prefix_explicit = true;
    EXPECT_EQ(collect(payload, section).scopes, (Scopes{"read:a/*/*", "tag:management"}))
        << "the location says whose it is, no prefix";
    section.scopes.scope_aliases = {{"read:a/*/*", {"api.write:*/*"}}, {"management", {"api.write:*/*"}}};
    EXPECT_EQ(collect(payload, section).scopes, (Scopes{"read:a/*/*", "tag:management"}))
        << "no alias is in it";
}

TEST(RichAuthorization, AHostWithoutRoutingKeysGetsTwoParts) {
    const std::string payload =
        details("[" + entry(R"(["cluster:mq/vhost:a","cluster:mq/vhost:b/routing-key:*"])", R"("read")") + "]");
    EXPECT_EQ(collect(payload, typed("mq"), false).scopes, (Scopes{"read:a/*", "read:b/*/*"}));
}

TEST(RichAuthorization, WhatGrantsNothingLeavesANote) {
    const auto notes = [](const std::string &json) {
        return joined(collect(details(json), typed("mq")).notes);
    };
    EXPECT_NE(notes(entry(R"("cluster:mq/vhost:a/vhost:b")", R"("read")"))
                  .find(R"(the location "cluster:mq/vhost:a/vhost:b" names an attribute twice)"),
              std::string::npos);
    EXPECT_NE(notes(entry(R"("cluster:mq/queue:a/exchange:b")", R"("read")")).find("another exchange"),
              std::string::npos);
    EXPECT_NE(notes(entry("7", R"("read")")).find("locations are strings"), std::string::npos);
    EXPECT_NE(notes(entry(R"("cluster:mq")", "[7]")).find("actions are strings"), std::string::npos);
    EXPECT_NE(notes(R"({"type":"mq-type"})").find("no actions or no locations"), std::string::npos);
    EXPECT_EQ(notes(entry(R"(["cluster:other","cluster:mq"])", R"(["read","pay"])")), "")
        << "others' is no defect";
    EXPECT_EQ(notes(R"([{"type":"payment"},7])"), "");
}

TEST(RichAuthorization, Rule12CountsThemToo) {
    std::string locations;
    for (int i = 0; i < 1025; ++i) {
        locations += (i == 0 ? "" : ",");
        locations += R"("cluster:mq/queue:q)" + std::to_string(i) + '"';
    }
    const auto collected = [&](const std::string &actions, const std::string &scope) {
        JsonDocument document;
        const auto payload = document.parse(R"({"scope":")" + scope + R"(","authorization_details":[)" +
                                                entry("[" + locations + "]", actions) + "]}",
                                            Reason::MALFORMED_PAYLOAD);
        ScopeList list;
        const auto result = collect_scopes(*payload, typed("mq").scopes, true, list);
        return result ? Reason::NONE : result.error().reason;
    };
    EXPECT_EQ(collected(R"(["read","read","read"])", "mq.read:x/y"), Reason::NONE);
    EXPECT_EQ(collected(R"(["read","write"])", ""), Reason::TOO_MANY_SCOPES);
    std::string more;
    for (int i = 0; i < 1024; ++i) more += "mq.read:v/" + std::to_string(i) + " ";
    EXPECT_EQ(collected(R"(["read"])", more), Reason::TOO_MANY_SCOPES) << "2049 over both sources";
}

}  // namespace tokenward::claims
