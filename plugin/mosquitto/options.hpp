// Checks the plugin_opt_* lines of mosquitto.conf and turns them into values.
#pragma once

#include "client_id_pattern.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tokenward::mosquitto_plugin {

struct Options {
    std::vector<std::string> config_files;  ///< plugin_opt_config, in the order of the lines; later ones win
    std::string library;                    ///< plugin_opt_library; empty: libtokenward.so.1 by its soname
    std::string vhost = "/";                ///< plugin_opt_vhost: the vhost that scopes must name
    bool chain = false;         ///< plugin_opt_chain: leave a password that is no token to other plugins
    bool shared_names = false;  ///< plugin_opt_shared_names: in a chain, tokens may have the others' names
    bool takeover_any = false;  ///< plugin_opt_takeover any: by a client identifier, whoever it belongs to
    std::optional<ClientIdPattern>
        client_id;                  ///< plugin_opt_client_id: the identifiers that a username may have
    bool tell_unavailable = false;  ///< plugin_opt_try_again 136: tell it, instead of closing without a word
    bool topic_exchange = false;    ///< plugin_opt_topic_style rabbitmq: a topic is a routing key of amq.topic
    std::uint32_t max_wait_ms = 0;  ///< plugin_opt_max_wait: how long a login may hold the broker's one thread
    std::map<int, std::string> vhost_of_port;  ///< plugin_opt_vhost_PORT: of clients of that listener
    std::uint32_t startup_wait_ms = 5000;      ///< plugin_opt_startup_wait, given in seconds

    /// The vhost that scopes must name for clients of a listener.
    [[nodiscard]] const std::string &vhost_of(int port) const {
        const auto found = vhost_of_port.find(port);
        return found == vhost_of_port.end() ? vhost : found->second;
    }
};

inline constexpr std::string_view default_config_file = "/etc/tokenward/tokenward.ini";

/// Key and value of one line, without "plugin_opt_".
using OptionLine = std::pair<std::string_view, std::string_view>;

/// Returns the options, or one line that says what is wrong. An unknown option is an error: a misspelt "vhost"
/// must not become the default. config may be given more than once, every other option once.
[[nodiscard]] std::variant<Options, std::string> parse_options(const std::vector<OptionLine> &lines);

}  // namespace tokenward::mosquitto_plugin
