// What a client wants to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tokenward::access {

enum class Operation : std::uint8_t { configure = 1, read = 2, write = 3 };

struct Request {
    Operation operation;
    std::string_view vhost;
    std::string_view resource;
    std::optional<std::string_view> routing_key;
    /// The resource is an MQTT filter: one scope must grant every topic that the filter matches. With a routing
    /// key, that is the filter, in MQTT's spelling, and the resource is an exchange.
    bool mqtt_filter = false;
    /// The resource is an MQTT topic: if it begins with '$', the pattern must begin with a literal '$'. With a
    /// routing key, that is the topic.
    bool mqtt_topic = false;

    bool is_mqtt() const noexcept { return mqtt_filter || mqtt_topic; }
};

}  // namespace tokenward::access
