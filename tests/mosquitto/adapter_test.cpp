// The adapter with the broker's functions in the test's hands, over the real library.
#include "adapter.hpp"

#include "broker.hpp"
#include "support/test_issuer.hpp"
#include "support/token_mint.hpp"

#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

struct mosquitto {
    std::string id;
    std::string username;
    int subscriptions = 0;
    int protocol = mp_mqtt;
    bool clean_session = false;
};

namespace {
int kicks = 0;
}

#ifdef TEST_MOSQUITTO_2_1
namespace {
const mosquitto *registered = nullptr;  // the one client in the broker's table
}
#endif

extern "C" {
#ifdef TEST_MOSQUITTO_2_1
// The adapter looks it up by name: this program exports it.
__attribute__((visibility("default"))) const mosquitto *mosquitto_client(const char *client_id) {
    return registered != nullptr && registered->id == client_id ? registered : nullptr;
}
#endif
const char *mosquitto_client_id(const mosquitto *client) {
    return client->id.c_str();
}
const char *mosquitto_client_username(const mosquitto *client) {
    return client->username.empty() ? nullptr : client->username.c_str();
}
const char *mosquitto_client_address(const mosquitto *) {
    return "192.0.2.7";
}
void *mosquitto_client_certificate(const mosquitto *) {
    return nullptr;
}
int mosquitto_client_protocol(const mosquitto *client) {
    return client->protocol;
}
int mosquitto_client_protocol_version(const mosquitto *) {
    return 5;
}
int mosquitto_set_username(mosquitto *client, const char *username) {
    client->username = username;
    return MOSQ_ERR_SUCCESS;
}
int mosquitto_client_sub_count(const mosquitto *client) {
    return client->subscriptions;
}
bool mosquitto_client_clean_session(const mosquitto *client) {
    return client->clean_session;
}
int mosquitto_kick_client_by_clientid(const char *, bool) {
    ++kicks;
    return MOSQ_ERR_SUCCESS;
}
void mosquitto_log_printf(int, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    std::putchar('\n');
    va_end(arguments);
}
}

namespace tokenward::mosquitto_plugin {
namespace {

using support::JsonObject;
using support::TestKey;

class AdapterTest : public testing::Test {
  protected:
    void start(bool chain) {
        write("jwks.json", support::jwks({TestKey::shared("ES256").jwk("k")}));
        write("tokenward.ini",
              "[oauth]\nissuer = https://id.example\naudience = mq\nscope_prefix =\njwks_file = " +
                  path("jwks.json") + "\nusername_prefix = token:\nclock_skew = 0\n");
        Options options;
        options.library = TOKENWARD_LIBRARY;
        options.config_files = {path("tokenward.ini")};
        options.chain = chain;
        adapter = std::make_unique<Adapter>(options);
        ASSERT_TRUE(adapter->start());
    }
    std::string path(const std::string &name) const { return directory.path() + "/" + name; }
    void write(const std::string &name, const std::string &content) const {
        std::ofstream(path(name)) << content;
        chmod(path(name).c_str(), 0644);
    }

    static std::string token(int seconds = 300, const std::string &scope = "write:*/* read:*/*",
                             const std::string &sub = "alice") {
        const std::int64_t now = std::time(nullptr);
        return TestKey::shared("ES256").sign("ES256", support::jws_header("ES256", "k").json(),
                                             JsonObject()
                                                 .string("iss", "https://id.example")
                                                 .string("aud", "mq")
                                                 .string("sub", sub)
                                                 .number("exp", now + seconds)
                                                 .string("scope", scope)
                                                 .json());
    }
    int log_in(mosquitto &client, int seconds = 300) {
        const std::string password = token(seconds);
        mosquitto_evt_basic_auth event{};
        event.client = &client;
        event.password = const_cast<char *>(password.c_str());
        return adapter->on_basic_auth(event);
    }
    int log_in_with(mosquitto &client, const char *password) {
        mosquitto_evt_basic_auth event{};
        event.client = &client;
        event.username = client.username.data();
        event.password = const_cast<char *>(password);
        return adapter->on_basic_auth(event);
    }
    int begin_enhanced(mosquitto &client, const char *method, const std::string &data = {}) {
        mosquitto_evt_extended_auth event{};
        event.client = &client;
        event.auth_method = method;
        event.data_in = data.data();
        event.data_in_len = static_cast<std::uint16_t>(data.size());
        return adapter->on_ext_auth_start(event);
    }
    int publish(mosquitto &client) {
        mosquitto_evt_acl_check event{};
        event.client = &client;
        event.topic = "x";
        event.access = MOSQ_ACL_WRITE;
        return adapter->on_acl_check(event);
    }

    bool was_allowed(const mosquitto &client) { return adapter->was_allowed(&client, MOSQ_ACL_WRITE, "x"); }
    /// A client that has published, in a broker that ticks.
    void publish_once(mosquitto &client, int seconds = 300) {
        adapter->on_tick();
        ASSERT_EQ(log_in(client, seconds), MOSQ_ERR_SUCCESS);
        ASSERT_FALSE(was_allowed(client));
        ASSERT_EQ(publish(client), MOSQ_ERR_SUCCESS);
        ASSERT_TRUE(was_allowed(client));
    }

    support::TemporaryDirectory directory;
    std::unique_ptr<Adapter> adapter;
};

}  // namespace

// The broker gives a new connection the memory of an old one, and the other plugin may give it the same name.
TEST_F(AdapterTest, AClientOfAnotherPluginsMethodHasNoRightsOfOurs) {
    start(true);
    mosquitto client{"c1", ""};
    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    ASSERT_EQ(publish(client), MOSQ_ERR_SUCCESS);
    adapter->on_disconnect(&client, true);
    EXPECT_EQ(begin_enhanced(client, "SCRAM-SHA-256"), MOSQ_ERR_PLUGIN_DEFER);
    EXPECT_EQ(publish(client), MOSQ_ERR_PLUGIN_DEFER);
    // In a takeover the old connection's DISCONNECT comes later.
    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    EXPECT_EQ(begin_enhanced(client, "SCRAM-SHA-256"), MOSQ_ERR_PLUGIN_DEFER);
    EXPECT_EQ(publish(client), MOSQ_ERR_PLUGIN_DEFER);
}

TEST_F(AdapterTest, WithoutAChainSuchAClientHasNoneEither) {
    start(false);
    mosquitto client{"c1", ""};
    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    EXPECT_EQ(begin_enhanced(client, "SCRAM-SHA-256"), MOSQ_ERR_PLUGIN_DEFER);
    client.username = "somebody";
    EXPECT_EQ(publish(client), MOSQ_ERR_ACL_DENIED);
}

#ifndef TEST_MOSQUITTO_2_1
// 2.0.13 and later: the client's identifier stays, and its end is told when it has closed its side.
TEST_F(AdapterTest, ARefusedWebsocketHasNoIdentifierUntilItsEndIsTold) {
    start(true);
    mosquitto alice{"c1", ""};
    ASSERT_EQ(log_in(alice), MOSQ_ERR_SUCCESS);
    mosquitto stranger{"c1", "local", 0, mp_websockets, true};
    ASSERT_EQ(log_in_with(stranger, "wrong"), MOSQ_ERR_PLUGIN_DEFER);
    adapter->on_tick();
    adapter->on_disconnect(&stranger, true);
    kicks = 0;
    mosquitto mallory{"c1", ""};
    EXPECT_EQ(log_in_with(mallory, token(300, "write:*/*", "mallory").c_str()), MOSQ_ERR_UNKNOWN);
    EXPECT_EQ(kicks, 0) << "a kick by the identifier would be alice's";
}
TEST_F(AdapterTest, AWebsocketOfAnotherPluginThatWasLetInHasItsIdentifier) {
    start(true);
    for (const bool clean : {true, false}) {
        mosquitto local{"c1", "local", clean ? 1 : 0, mp_websockets, clean};
        ASSERT_EQ(log_in_with(local, "right"), MOSQ_ERR_PLUGIN_DEFER);
        adapter->on_tick();
        mosquitto mallory{"c1", ""};
        EXPECT_EQ(log_in_with(mallory, token(300, "write:*/*", "mallory").c_str()), MOSQ_ERR_UNKNOWN);
        adapter->on_disconnect(&local, false);
        adapter->on_tick();
    }
}
#endif

// After a reload the broker asks again about each client that it has. Nobody else may be let in by the names, and the
// piece of memory, of one that is gone.
#ifdef TEST_MOSQUITTO_2_1
TEST_F(AdapterTest, OnlyClientsInTheBrokersTableAreCheckedAgain) {
    start(false);
    mosquitto client{"c1", ""};
    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    adapter->on_disconnect(&client, true);
    adapter->on_reload();
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_AUTH);

    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    adapter->on_disconnect(&client, true);
    registered = &client;
    adapter->on_reload();
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_SUCCESS)
        << "its durable session, which nothing is sent to";
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_AUTH) << "the broker asks once";
    registered = nullptr;
}
#else
TEST_F(AdapterTest, WithoutTicksOnlyClientsWithSubscriptionsAreCheckedAgain) {
    start(false);
    mosquitto client{"c1", ""};
    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    adapter->on_disconnect(&client, true);
    adapter->on_reload();
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_AUTH) << "a new connection has none";

    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    adapter->on_disconnect(&client, true);
    client.subscriptions = 1;
    adapter->on_reload();
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_SUCCESS)
        << "its durable session, which nothing is sent to";
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_AUTH) << "the broker asks once";
}

TEST_F(AdapterTest, WithTicksTheyAreCheckedUntilTheNextOne) {
    start(false);
    adapter->on_tick();
    mosquitto client{"c1", ""};
    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    adapter->on_disconnect(&client, true);
    adapter->on_reload();
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_SUCCESS);
    adapter->on_reload();
    adapter->on_tick();
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_AUTH);
}
#endif

TEST_F(AdapterTest, AConnectedClientIsCheckedAgainByItsOwnPassword) {
    start(false);
    mosquitto client{"c1", ""};
    mosquitto_evt_basic_auth event{};
    const std::string password = token();
    event.client = &client;
    event.password = const_cast<char *>(password.c_str());
    ASSERT_EQ(adapter->on_basic_auth(event), MOSQ_ERR_SUCCESS);
    adapter->on_reload();
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_AUTH);
    ASSERT_EQ(adapter->on_basic_auth(event), MOSQ_ERR_SUCCESS);
    adapter->on_reload();
    write("jwks.json", support::jwks({TestKey::shared("ES384").jwk("k")}));  // its token would be refused now
    adapter->on_reload();
    event.username = client.username.data();
    EXPECT_EQ(adapter->on_basic_auth(event), MOSQ_ERR_SUCCESS);
    EXPECT_EQ(publish(client), MOSQ_ERR_SUCCESS);
    EXPECT_EQ(adapter->on_basic_auth(event), MOSQ_ERR_AUTH) << "a login";
}

// What a client was allowed is remembered. Whatever may take a right away must forget it.
TEST_F(AdapterTest, ARefreshForgetsWhatWasAllowed) {
    start(false);
    mosquitto client{"c1", ""};
    publish_once(client);
    ASSERT_EQ(begin_enhanced(client, "OAUTH2-JWT", token(300, "read:*/*")), MOSQ_ERR_SUCCESS);
    EXPECT_FALSE(was_allowed(client));
    EXPECT_EQ(publish(client), MOSQ_ERR_ACL_DENIED);
    EXPECT_FALSE(was_allowed(client));
}

TEST_F(AdapterTest, ALoginForgetsWhatWasAllowed) {
    start(false);
    mosquitto client{"c1", ""};
    publish_once(client);
    EXPECT_EQ(log_in_with(client, "no token"), MOSQ_ERR_AUTH);
    EXPECT_FALSE(was_allowed(client));
}

TEST_F(AdapterTest, AnotherPluginsLoginForgetsWhatWasAllowed) {
    start(true);
    mosquitto client{"c1", ""};
    publish_once(client);
    EXPECT_EQ(begin_enhanced(client, "SCRAM"), MOSQ_ERR_PLUGIN_DEFER);
    EXPECT_FALSE(was_allowed(client));
}

// An operator who disables a client has the broker disconnect it.
TEST_F(AdapterTest, AnEndOfTheConnectionForgetsWhatWasAllowed) {
    start(false);
    mosquitto client{"c1", ""};
    publish_once(client);
    adapter->on_disconnect(&client, true);
    EXPECT_FALSE(was_allowed(client));
}

TEST_F(AdapterTest, AReloadForgetsWhatWasAllowed) {
    start(false);
    mosquitto client{"c1", ""};
    publish_once(client);
    adapter->on_reload();
    EXPECT_FALSE(was_allowed(client));
}

TEST_F(AdapterTest, TheEndOfATokenForgetsWhatWasAllowed) {
    start(false);
    mosquitto client{"c1", ""};
    constexpr int seconds = 4;
    publish_once(client, seconds);
    // The broker here doesn't disconnect it.
    for (int i = 0; i < seconds * 20 && was_allowed(client); ++i) {
        usleep(50000);
        adapter->on_tick();
        (void)publish(client);
    }
    EXPECT_FALSE(was_allowed(client));
    EXPECT_EQ(publish(client), MOSQ_ERR_SUCCESS) << "half a second is left";
    EXPECT_FALSE(was_allowed(client));
}

TEST_F(AdapterTest, NothingIsRememberedWithoutTicks) {
    start(false);
    mosquitto client{"c1", ""};
    ASSERT_EQ(log_in(client), MOSQ_ERR_SUCCESS);
    ASSERT_EQ(publish(client), MOSQ_ERR_SUCCESS);
    EXPECT_FALSE(was_allowed(client));
}

TEST_F(AdapterTest, ASubscriptionIsDecidedEachTime) {
    start(false);
    mosquitto client{"c1", ""};
    publish_once(client);
    mosquitto_evt_acl_check event{};
    event.client = &client;
    event.topic = "x";
    event.access = MOSQ_ACL_SUBSCRIBE;
    ASSERT_EQ(adapter->on_acl_check(event), MOSQ_ERR_SUCCESS);
    EXPECT_FALSE(adapter->was_allowed(&client, MOSQ_ACL_SUBSCRIBE, "x"));
}

}  // namespace tokenward::mosquitto_plugin
