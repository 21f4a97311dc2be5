// The questions of "tokenward check": VHOST/RESOURCE[/KEY], percent-encoded as in a scope.
#pragma once

#include "tokenward.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace tokenward::cli {

struct Question {
    std::int32_t operation = TOKENWARD_READ;
    std::uint32_t flags = 0;
    std::string vhost;
    std::string resource;
    std::optional<std::string> routing_key;

    /// As the options take it: "%2F/orders/new". A filter: "%2F/sensors/+/t".
    [[nodiscard]] std::string name() const;
    /// As a scope is written: "write:%2F/orders/new". A filter: "mqtt-filter:%2F/sensors/+/t".
    [[nodiscard]] std::string spelling() const;
    /// Borrows from this question.
    [[nodiscard]] tokenward_request request() const;
};

/// Reads two or three parts without wildcards. The string is one line that says what is wrong.
[[nodiscard]] std::variant<Question, std::string> parse_question(std::int32_t operation, std::string_view text);

/// Reads VHOST/FILTER: the vhost ends at the first '/', the filter keeps its '/', '+' and '#'. A
/// "$share/GROUP/" in front of the filter is taken off, as a broker does.
[[nodiscard]] std::variant<Question, std::string> parse_mqtt_filter(std::string_view text);

}  // namespace tokenward::cli
