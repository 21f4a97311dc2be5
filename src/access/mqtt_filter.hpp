// MQTT topic filters (MQTT 5 section 4.7): does a pattern match every topic that a filter matches?
//
// The answer is exact and takes one or two plain matches. Why:
// - Replace each '+' and the '#' of the filter by one byte that stands in no literal of the pattern.
// - If the pattern matches this text, no literal covers such a byte: each of them is covered by a '*'. A '*'
//   covers any other run of bytes as well. So the pattern matches every topic of the filter.
// - If the pattern doesn't match this text, the text itself is a topic of the filter that the pattern doesn't
//   match.
// - The bytes '+' and '#' may stand for themselves if no literal of the pattern has one of them. A pattern with
//   such a literal matches no topic at all: topic names have neither (section 4.7.1).
// - "a/#" also matches "a", so the pattern must match the text without "/#" too.
// - A filter that begins with a wildcard matches no topic that begins with '$' (section 4.7.2). The byte in the
//   wildcard's place is not '$', so all of the above still holds.
#pragma once

#include "access/pattern.hpp"
#include "access/request.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace tokenward::access {

/// One filter, or one topic name. The members are views into its text.
struct MqttFilter {
    bool well_formed = false;
    bool has_wildcard = false;
    std::string_view text;
    /// "a/b" for the filter "a/b/#", which matches this topic too. Its data is NULL if there is none.
    std::string_view parent;

    /// `pattern` matches `text`; `common` stands before its first literal. True if it matches every topic of
    /// the filter.
    bool is_contained_in(std::string_view common, const Pattern &pattern, ScanBudget &budget) const noexcept;
    /// True if the topic begins with '$' and the pattern doesn't begin with a literal '$': then it is not
    /// granted.
    bool lacks_dollar(std::string_view common, const Pattern &pattern) const noexcept;
};

/// A topic, without a look for wildcards in it.
inline MqttFilter plain_topic(std::string_view text) noexcept {
    return {true, false, text, {}};
}

/// '#' only as the whole last level, '+' only as a whole level, at least one byte (section 4.7.1 and 4.7.3). Longer than
/// 16384 bytes: not well-formed.
MqttFilter read_mqtt_filter(std::string_view text) noexcept;

/// The routing key of a request that has an MQTT filter or topic there: '/' becomes '.', as brokers do that
/// carry MQTT over a topic exchange. One byte becomes one byte, so all that is said above about filters holds
/// for keys.
class MqttKey {
  public:
    static constexpr std::size_t max_bytes = 8192;

    /// `request.routing_key` is there. Longer than max_bytes: not well-formed.
    explicit MqttKey(const Request &request) noexcept;
    MqttKey(const MqttKey &) = delete;
    MqttKey &operator=(const MqttKey &) = delete;

    const MqttFilter &filter() const noexcept { return filter_; }

  private:
    MqttFilter filter_;
    std::array<char, max_bytes> bytes_;  // not cleared: this is on the way of each message
};

}  // namespace tokenward::access
