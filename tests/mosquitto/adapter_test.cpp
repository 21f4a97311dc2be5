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

struct mosquitto {
    std::string id;
    std::string username;
};

extern "C" {
const char *mosquitto_client_id(const mosquitto *client) {
    return client->id.c_str();
}
const char *mosquitto_client_username(const mosquitto *client) {
    return client->username.empty() ? nullptr : client->username.c_str();
}
const char *mosquitto_client_address(const mosquitto *) {
    return "192.0.2.7";
}
int mosquitto_client_protocol(const mosquitto *) {
    return mp_mqtt;
}
int mosquitto_client_protocol_version(const mosquitto *) {
    return 5;
}
int mosquitto_set_username(mosquitto *client, const char *username) {
    client->username = username;
    return MOSQ_ERR_SUCCESS;
}
int mosquitto_client_sub_count(const mosquitto *) {
    return 0;
}
int mosquitto_kick_client_by_clientid(const char *, bool) {
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
                  path("jwks.json") + "\nusername_prefix = token:\n");
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

    int log_in(mosquitto &client) {
        const std::int64_t now = std::time(nullptr);
        const std::string token =
            TestKey::shared("ES256").sign("ES256", support::jws_header("ES256", "k").json(),
                                          JsonObject()
                                              .string("iss", "https://id.example")
                                              .string("aud", "mq")
                                              .string("sub", "alice")
                                              .number("exp", now + 300)
                                              .string("scope", "write:*/* read:*/*")
                                              .json());
        mosquitto_evt_basic_auth event{};
        event.client = &client;
        event.password = const_cast<char *>(token.c_str());
        return adapter->on_basic_auth(event);
    }
    int begin_enhanced(mosquitto &client, const char *method) {
        mosquitto_evt_extended_auth event{};
        event.client = &client;
        event.auth_method = method;
        return adapter->on_ext_auth_start(event);
    }
    int publish(mosquitto &client) {
        mosquitto_evt_acl_check event{};
        event.client = &client;
        event.topic = "x";
        event.access = MOSQ_ACL_WRITE;
        return adapter->on_acl_check(event);
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

}  // namespace tokenward::mosquitto_plugin
