#include "options.hpp"

#include <gtest/gtest.h>

namespace tokenward::mosquitto_plugin {
namespace {

TEST(Options, HaveDefaults) {
    const auto parsed = parse_options({});
    const auto &options = std::get<Options>(parsed);
    EXPECT_EQ(options.config_files, std::vector<std::string>{"/etc/tokenward/tokenward.ini"});
    EXPECT_EQ(options.library, "");
    EXPECT_EQ(options.vhost, "/");
    EXPECT_FALSE(options.chain);
    EXPECT_FALSE(options.shared_names);
    EXPECT_FALSE(options.tell_unavailable);
    EXPECT_FALSE(options.takeover_any);
    EXPECT_FALSE(options.topic_exchange);
    EXPECT_EQ(options.max_wait_ms, 0u);
    EXPECT_TRUE(options.vhost_of_port.empty());
    EXPECT_FALSE(options.client_id.has_value());
    EXPECT_EQ(options.startup_wait_ms, 5000u);
}

TEST(Options, AreRead) {
    const auto parsed = parse_options({{"config", "/a.ini"},
                                       {"library", "/lib.so"},
                                       {"config", "/b.ini"},
                                       {"vhost", "iot"},
                                       {"chain", "true"},
                                       {"shared_names", "true"},
                                       {"try_again", "136"},
                                       {"takeover", "any"},
                                       {"topic_style", "rabbitmq"},
                                       {"max_wait", "150"},
                                       {"vhost_1883", "plain"},
                                       {"vhost_8883", "secure"},
                                       {"client_id", "{username}/*"},
                                       {"startup_wait", "0"}});
    const auto &options = std::get<Options>(parsed);
    EXPECT_EQ(options.config_files, (std::vector<std::string>{"/a.ini", "/b.ini"}));
    EXPECT_EQ(options.library, "/lib.so");
    EXPECT_EQ(options.vhost, "iot");
    EXPECT_TRUE(options.chain);
    EXPECT_TRUE(options.shared_names);
    EXPECT_TRUE(options.tell_unavailable);
    EXPECT_TRUE(options.takeover_any);
    EXPECT_TRUE(options.topic_exchange);
    EXPECT_EQ(options.max_wait_ms, 150u);
    EXPECT_EQ(options.vhost_of_port, (std::map<int, std::string>{{1883, "plain"}, {8883, "secure"}}));
    ASSERT_TRUE(options.client_id.has_value());
    EXPECT_EQ(options.client_id->of("a"), "a/*");
    EXPECT_EQ(options.startup_wait_ms, 0u);
}

struct BadLine {
    std::vector<OptionLine> lines;
    std::string_view part_of_message;
};

TEST(Options, ThatAreWrongStopTheBroker) {
    const BadLine rows[] = {
        {{{"vhots", "iot"}}, "plugin_opt_vhots: is not an option"},
        {{{"vhost", "a"}, {"vhost", "b"}}, "plugin_opt_vhost: is given twice"},
        {{{"config", ""}}, "plugin_opt_config: has no value"},
        {{{"chain", "yes"}}, "plugin_opt_chain: must be true or false"},
        {{{"shared_names", "1"}}, "plugin_opt_shared_names: must be true or false"},
        {{{"try_again", "135"}}, "plugin_opt_try_again: must be close or 136"},
        {{{"takeover", "true"}}, "plugin_opt_takeover: must be same or any"},
        {{{"client_id", "*"}}, "plugin_opt_client_id: must have {username} in it"},
        {{{"client_id", "{username}-*"}}, "plugin_opt_client_id: {username} must be followed by /"},
        {{{"max_wait", "201"}}, "plugin_opt_max_wait: must be a whole number of milliseconds from 0 to 200"},
        {{{"max_wait", "-1"}}, "plugin_opt_max_wait: must be a whole number"},
        {{{"topic_style", "amqp"}}, "plugin_opt_topic_style: must be mqtt or rabbitmq"},
        {{{"vhost_", "a"}}, "plugin_opt_vhost_: must end with the port of a listener"},
        {{{"vhost_65536", "a"}}, "plugin_opt_vhost_65536: must end with the port"},
        {{{"vhost_tls", "a"}}, "plugin_opt_vhost_tls: must end with the port"},
        {{{"vhost_1883", "a"}, {"vhost_01883", "b"}}, "plugin_opt_vhost_01883: is given twice"},
        {{{"vhost_1883", ""}}, "plugin_opt_vhost_1883: has no value"},
        {{{"chain", "TRUE"}}, "plugin_opt_chain: must be true or false"},
        {{{"startup_wait", "5s"}}, "plugin_opt_startup_wait: must be a whole number"},
        {{{"startup_wait", "-1"}}, "plugin_opt_startup_wait: must be a whole number"},
        {{{"startup_wait", "61"}}, "plugin_opt_startup_wait: must be a whole number"},
        {{{"startup_wait", "99999999999999999999"}}, "plugin_opt_startup_wait: must be a whole number"},
    };
    for (const BadLine &row : rows) {
        const auto parsed = parse_options(row.lines);
        const auto *problem = std::get_if<std::string>(&parsed);
        ASSERT_NE(problem, nullptr) << row.part_of_message;
        EXPECT_NE(problem->find(row.part_of_message), std::string::npos) << *problem;
    }
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
