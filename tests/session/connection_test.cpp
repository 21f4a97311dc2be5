// Rights that depend on the client's identifier: they belong to the session, not to the token.
#include "fixture.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

using access::Operation;
using access::Request;

class Connections : public BackendTest {
  protected:
    void SetUp() override { configure(R"(,"expand_connection":true)"); }
    void configure(const std::string &more) {
        if (backend) backend->close();
        backend = make_backend(options_with_log(provider.config(more), log), clock);
        ASSERT_NE(backend, nullptr);
    }
    static std::string mint(std::vector<std::string> scopes, const std::string &sub = "alice") {
        return Provider::mint(Provider::claims().string("sub", sub).strings("scope", std::move(scopes)));
    }
    static Context from(std::string_view id, bool bound = true) {
        Context context;
        context.protocol = "mqtt";
        context.peer = "192.0.2.7:5";
        context.client_id = id;
        context.client_id_bound = bound;
        return context;
    }
    std::unique_ptr<Session> log_in_as(const std::string &token, std::string_view id, bool bound = true) {
        auto result = backend->authenticate(bearer(token), from(id, bound));
        EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().detail);
        return result ? std::move(*result) : nullptr;
    }
    std::string hits() const {
        const std::string text = backend->metrics();
        const std::string name = "\ntokenward_token_cache_hits_total ";
        const std::size_t at = text.find(name) + name.size();
        return text.substr(at, text.find('\n', at) - at);
    }
    static bool may_write(const Session &session, std::string_view resource) {
        return session.authorize({Operation::write, "v", resource, {}}) == Decision::allowed;
    }
};

}  // namespace

TEST_F(Connections, OneCachedTokenTwoIdentifiers) {
    const std::string token = mint({"mq.write:v/dev-{mqtt:client_id}", "mq.write:v/all", "mq.tag:monitoring"});
    const auto a = log_in_as(token, "a");
    const auto b = log_in_as(token, "b");
    const auto a_again = log_in_as(token, "a");
    const auto unbound = log_in_as(token, "a", false);
    EXPECT_EQ(hits(), "3");
    for (const Session *session : {a.get(), a_again.get()}) {
        EXPECT_TRUE(may_write(*session, "dev-a"));
        EXPECT_FALSE(may_write(*session, "dev-b"));
    }
    EXPECT_TRUE(may_write(*b, "dev-b"));
    EXPECT_FALSE(may_write(*b, "dev-a"));
    EXPECT_FALSE(may_write(*unbound, "dev-a"));
    for (const Session *session : {a.get(), b.get(), a_again.get(), unbound.get()}) {
        EXPECT_TRUE(may_write(*session, "all"));
        session->with_tags([](std::string_view tags) { EXPECT_EQ(tags, "monitoring"); });
    }
    EXPECT_EQ(a->rights().permissions, a_again->rights().permissions) << "equal sets are one";
    EXPECT_NE(a->rights().permissions, b->rights().permissions);
    EXPECT_NE(a->explain({Operation::write, "v", "dev-a", {}}).find(R"("scope":"write:v/dev-a")"),
              std::string::npos);
}

TEST_F(Connections, TheFirstLoginGivesNothingToTheNext) {
    const std::string token = mint({"mq.write:v/dev-{mqtt:client_id}"});
    const auto unbound = log_in_as(token, "a", false);
    const auto bound = log_in_as(token, "a");
    const auto unbound_again = log_in_as(token, "a", false);
    EXPECT_FALSE(may_write(*unbound, "dev-a"));
    EXPECT_TRUE(may_write(*bound, "dev-a"));
    EXPECT_FALSE(may_write(*unbound_again, "dev-a"));
}

TEST_F(Connections, ARefreshTakesTheIdentifierOfItsOwnCall) {
    const std::string first = mint({"mq.write:v/dev-{mqtt:client_id}"});
    const std::string second = mint({"mq.write:v/new-{mqtt:client_id}"});
    const auto client = log_in_as(first, "a");
    for (const std::string &token : {second, second}) {  // the second time from the cache
        ASSERT_TRUE(backend->refresh(*client, bearer(token), from("a")).has_value());
        EXPECT_TRUE(may_write(*client, "new-a"));
        EXPECT_FALSE(may_write(*client, "dev-a"));
    }
    ASSERT_TRUE(backend->refresh(*client, bearer(second), from("a", false)).has_value());
    EXPECT_FALSE(may_write(*client, "new-a")) << "this call promised nothing";
    ASSERT_TRUE(backend->refresh(*client, bearer(first), from("a")).has_value());
    EXPECT_TRUE(may_write(*client, "dev-a"));
    const std::string bobs = mint({"mq.write:v/dev-{mqtt:client_id}"}, "bob");
    EXPECT_EQ(backend->refresh(*client, bearer(bobs), from("b")).error().reason, Reason::IDENTITY_CHANGED);
    EXPECT_TRUE(may_write(*client, "dev-a"));
    EXPECT_FALSE(may_write(*client, "dev-b"));
}

TEST_F(Connections, AnUnboundIdentifierIsTold) {
    const std::string token = mint({"mq.write:v/dev-{mqtt:client_id}"});
    const char *note =
        R"(: "write:v/dev-{mqtt:client_id}", as each scope with {mqtt:client_id}, grants nothing: )"
        "the broker doesn't bind the client identifier (Mosquitto: plugin_opt_client_id)";
    const char *no_rights =
        R"(: accepted without any rights: no scope counts: 1 found in "scope"; "mq.write:v/dev-{mqtt:client_id}" )"
        "grants nothing: the broker doesn't bind the client identifier (Mosquitto: plugin_opt_client_id)";
    for (int i = 0; i < 2; ++i) {  // the second time from the cache
        log.clear();
        clock.ms += 10'000;
        log_in_as(token, "a", false);
        EXPECT_NE(log.find(note), std::string::npos) << log;
        EXPECT_NE(log.find(no_rights), std::string::npos) << log;
    }
    log.clear();
    clock.ms += 10'000;
    log_in_as(token, "a");
    EXPECT_EQ(log.find("note"), std::string::npos) << log;
}

TEST_F(Connections, TheUsernameIsTheSessions) {
    configure(R"(,"expand_connection":true,"username_prefix":"kc:")");
    const std::string token = mint({"mq.write:v/{session:username}"}, "a*/b");
    for (int i = 0; i < 2; ++i) {
        const auto one = log_in_as(token, "c", false);
        EXPECT_TRUE(may_write(*one, "kc:a*/b"));
        EXPECT_FALSE(may_write(*one, "kc:axx/b"));
        EXPECT_FALSE(may_write(*one, "a*/b"));
    }
}

TEST_F(Connections, AReloadChangesWhatAVariableIs) {
    const std::string token = mint({"mq.write:v/dev-{mqtt:client_id}"});
    EXPECT_TRUE(may_write(*log_in_as(token, "a"), "dev-a"));
    BackendOptions options;
    options.config_json = provider.config();
    ASSERT_TRUE(backend->reload(&options).has_value());
    const auto plain = log_in_as(token, "a");
    EXPECT_FALSE(may_write(*plain, "dev-a"));
    EXPECT_TRUE(may_write(*plain, "dev-{mqtt:client_id}"));
    const Request request{Operation::write, "v", "dev-a", {}};
    const std::string why = plain->explain(request);
    EXPECT_NE(why.find("stands for itself, since expand_connection is off"), std::string::npos) << why;
    EXPECT_NE(why.find(R"("hint":"expand_connection = true")"), std::string::npos) << why;
}

TEST_F(Connections, InspectShowsTheVariable) {
    const auto inspected = Backend::inspect(
        backend.get(), mint({"mq.write:v/dev-{mqtt:client_id}", "mq.read:v/{session:username}"}));
    ASSERT_TRUE(inspected);
    EXPECT_NE(inspected->find(R"("permissions":["read:v/alice","write:v/dev-{mqtt:client_id}"])"),
              std::string::npos)
        << *inspected;
    EXPECT_NE(inspected->find("{mqtt:client_id} stands for the client's identifier if the broker binds it"),
              std::string::npos)
        << *inspected;
    const auto plain = Backend::inspect(backend.get(), mint({"mq.read:v/{session:username}"}));
    EXPECT_NE(plain->find(R"("notes":[])"), std::string::npos) << *plain;
}

// Whatever an identifier looks like: exactly the name with its bytes, and no other.
TEST_F(Connections, AHostileIdentifierGrantsItsOwnNameAndNoOther) {
    using namespace std::string_literals;
    const std::string before = "dev/";
    const std::string behind = "/state";
    const std::string token = mint({"mq.write:v/dev%2F{mqtt:client_id}%2Fstate"});
    const std::vector<std::string> ids = {"*",         "#",     "+",       "/",         "%2F",
                                          "%2f",       "%2A",   "%25",     ".",         "-",
                                          "a",         "A",     "a/b",     "b",         "a*",
                                          "a*b",       "ab",    "a+b",     "a b",       "a%20b",
                                          "{vhost}",   "}",     "{",       "{sub}",     "{mqtt:client_id}",
                                          "\0"s,       "a\0b"s, "\xff"s,   "\xc3\xa4"s, "a\xcc\x88"s,
                                          "\xc3\x84"s, "$SYS",  "a/state", "a/#",       "../a",
                                          "dev/a",     "alice", "%",       "%%",        "\"",
                                          "\\",        "a\n",   "~"};
    std::vector<std::string> names = {"dev/", "dev//state", "dev/state",     "dev",
                                      "v",    "",           "dev/a/state/x", "xdev/a/state"};
    for (const std::string &id : ids) {
        for (const std::string &name : {before + id + behind, before + id, id + behind, id})
            names.push_back(name);
    }
    for (const std::string &id : ids) {
        const auto client = log_in_as(token, id);
        ASSERT_NE(client, nullptr);
        for (const std::string &name : names) {
            const bool own = name == before + id + behind;
            for (const bool topic : {false, true}) {
                Request request{Operation::write, "v", name, {}};
                request.mqtt_topic = topic;
                EXPECT_EQ(client->authorize(request) == Decision::allowed, own)
                    << testing::PrintToString(id) << " and " << testing::PrintToString(name);
            }
            // A filter with a wildcard is never one literal name.
            Request filter{Operation::write, "v", name, {}};
            filter.mqtt_filter = true;
            const bool wildcards = name.find_first_of("+#") != std::string::npos;
            EXPECT_EQ(client->authorize(filter) == Decision::allowed, own && !wildcards)
                << testing::PrintToString(id) << " and the filter " << testing::PrintToString(name);
            EXPECT_NE(client->authorize({Operation::write, "w", name, {}}), Decision::allowed);
            EXPECT_NE(client->authorize({Operation::read, "v", name, {}}), Decision::allowed);
        }
    }
    const std::string long_id(65535, '/');
    EXPECT_FALSE(may_write(*log_in_as(token, long_id), before + long_id + behind)) << "over 4096 bytes encoded";
    EXPECT_FALSE(may_write(*log_in_as(token, ""), before + behind));
}

TEST_F(Connections, AnIdentifierOpensNoSystemTopics) {
    const std::string token = mint({"mq.write:v/{mqtt:client_id}%2F*", "mq.write:v/dev-{mqtt:client_id}*"});
    const auto may = [&](const char *id, const char *topic) {
        Request request{Operation::write, "v", topic, {}};
        request.mqtt_topic = true;
        return log_in_as(token, id)->authorize(request) == Decision::allowed;
    };
    EXPECT_TRUE(may("a", "a/x"));
    EXPECT_TRUE(may("$CONTROL", "dev-$CONTROL/x"));
    EXPECT_FALSE(may("$CONTROL", "$CONTROL/dynamic-security/v1"));
    EXPECT_FALSE(may("$CONTROL/dynamic-security", "$CONTROL/dynamic-security/v1"));
    EXPECT_FALSE(may("a", "$CONTROL/dynamic-security/v1"));
}

// A broker that carries MQTT over a topic exchange makes one key of a/b and a.b.
TEST_F(Connections, AnIdentifierIsOneLevelOfARoutingKey) {
    const std::string token = mint({"mq.write:v/amq.topic/dev.{mqtt:client_id}.*"});
    struct Row {
        const char *id;
        const char *own;  ///< a topic that it may write; empty: none
    };
    const Row rows[] = {{"a", "dev/a/x"},
                        {"a-b", "dev/a-b/x"},
                        {"*", "dev/*/x"},
                        {"a%2Eb", "dev/a%2Eb/x"},
                        {"a%2Fb", "dev/a%2Fb/x"},
                        {"{vhost}", "dev/{vhost}/x"},
                        {"a.b", ""},
                        {"a/b", ""},
                        {"a.", ""},
                        {"/", ""},
                        {".", ""},
                        {"$a", "dev/$a/x"},
                        {"#", "dev/#/x"},
                        {"+", "dev/+/x"}};
    for (const Row &row : rows) {
        const auto client = log_in_as(token, row.id);
        for (const Row &other : rows) {
            for (const std::string &topic : {std::string(other.own), "dev/" + std::string(other.id) + "/x",
                                             "dev/" + std::string(other.id) + "/b/x"}) {
                Request request{Operation::write, "v", "amq.topic", topic};
                request.mqtt_topic = true;
                std::string key = topic;
                std::ranges::replace(key, '/', '.');
                const bool own = *row.own != '\0' && key.starts_with("dev." + std::string(row.id) + ".");
                EXPECT_EQ(client->authorize(request) == Decision::allowed, own) << row.id << " and " << topic;
                request.mqtt_topic = false;
                request.mqtt_filter = true;
                // '*' in a filter is a wildcard of the binding key.
                if (topic.find_first_of("+#*") != std::string::npos) {
                    EXPECT_NE(client->authorize(request), Decision::allowed) << row.id << " filters " << topic;
                }
            }
        }
    }
}

}  // namespace tokenward::session
