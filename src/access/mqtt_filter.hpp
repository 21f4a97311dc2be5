// MQTT topic filters (MQTT 5 section 4.7) inside patterns: is every topic of the filter one of the pattern's?
//
// The answer is exact, in one or two plain matches, and needs no automaton. Take the filter with each '+' (and
// the '#') standing for one byte that no literal of the pattern holds. If the pattern matches that text, its
// literals all lie beside the wildcards, so each wildcard lies in a run that '*' covers, and may as well be any
// other run of bytes: every topic matches. If it doesn't, that text is itself a topic which the filter has
// and the pattern has not. '+' and '#' can be that byte themselves, as long as no literal of the pattern holds
// one (such a pattern matches no topic at all: both are forbidden in topic names, section 4.7.1).
// "a/#" has "a" as well, so the text without "/#" must match too. A filter that begins with a wildcard has no
// topic that begins with '$' (section 4.7.2); the byte that stands for the wildcard is not '$', so that takes
// nothing away from the argument.
#pragma once

#include "access/pattern.hpp"

#include <cstddef>
#include <string_view>

namespace tokenward::access {

/// A filter, read once; views into its text.
struct MqttFilter {
    bool well_formed = false;
    bool has_wildcard = false;
    std::string_view text;
    /// For "a/b/#", "a/b": the topic above, which the filter matches too. Its data is NULL otherwise.
    std::string_view parent;

    /// With a pattern (`common` stands before its first literal) that matches `text`: does it grant every
    /// topic?
    bool fits(std::string_view common, const Pattern &pattern) const noexcept;
    /// The part of fits() about '$': only a literal '$' reaches the topics that begin with one.
    bool guards_dollar(std::string_view common, const Pattern &pattern) const noexcept;
};

/// A name without wildcards.
inline MqttFilter plain_topic(std::string_view text) noexcept {
    return {true, false, text, {}};
}

/// '#' only as the whole last level, '+' only as a whole level, at least one byte (section 4.7.1 and 4.7.3).
MqttFilter read_mqtt_filter(std::string_view text) noexcept;

}  // namespace tokenward::access
