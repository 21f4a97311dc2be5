// Helpers over Mosquitto's functions. It is built with the headers of 2.0.11, so that one binary loads in 2.0
// and 2.1.
#pragma once

#include "session_table.hpp"
#include "tokenward.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

namespace tokenward::mosquitto_plugin {

[[nodiscard]] inline std::string_view text_or_empty(const char *text) {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

[[nodiscard]] inline Identity identity_of(const mosquitto *client) {
    return {text_or_empty(mosquitto_client_id(client)), text_or_empty(mosquitto_client_username(client))};
}

/// False for what was never a connection: a client that the broker made up for a check, or loaded from disk.
[[nodiscard]] inline bool has_address(const mosquitto *client) {
    return mosquitto_client_address(client) != nullptr;
}

[[nodiscard]] tokenward_context context_of(const mosquitto *client);

/// The SHA-256 of the client's TLS certificate in DER form, in `hash`; empty if the broker has none of it.
using CertificateHash = std::array<unsigned char, 32>;
[[nodiscard]] std::string_view certificate_hash_of(const mosquitto *client, CertificateHash &hash);

/// True for Mosquitto 2.1 and later.
[[nodiscard]] bool is_2_1();

/// Whether the broker has the client in its table of clients: it has not during CONNECT, before the client is let in.
/// Nothing: 2.0 can't tell.
[[nodiscard]] std::optional<bool> is_registered(const void *client, const std::string &client_id);

/// The username of the client that the broker has under the identifier, on 2.1. Nothing: none; or one that it read from disk
/// and that hasn't been back, since what the plugin knows ends with the process, too; or 2.0.
[[nodiscard]] std::optional<std::string> username_of(const std::string &client_id);

/// Whether the broker has a session under the identifier, which no client of this plugin is connected with.
[[nodiscard]] bool keeps_session(const std::string &client_id);

/// Whether the broker tells a plugin a client's port: 2.1 does.
[[nodiscard]] bool knows_ports();

/// The port of the client's listener; 0: none, or not known.
[[nodiscard]] int listener_port(const mosquitto *client);

/// The return code after which a client tries again. tell: by a CONNACK that says so, where there is one.
[[nodiscard]] int unavailable(const mosquitto *client, bool tell);

/// The file of another plugin that the broker loaded before this one; empty: none. It is asked first, and may
/// decide by a username that a token gave.
[[nodiscard]] std::string plugin_ahead();

/// Writes a line to the broker's log, with a level of the library. On the broker's thread only.
void write_broker_log(std::int32_t level, std::string_view text);

}  // namespace tokenward::mosquitto_plugin
