#include "client_id_pattern.hpp"

#include "names.hpp"

namespace tokenward::mosquitto_plugin {
namespace {

constexpr std::string_view variable = "{username}";

}  // namespace

std::variant<ClientIdPattern, std::string> ClientIdPattern::parse(std::string_view text) {
    ClientIdPattern pattern;
    const std::size_t place = text.find(variable);
    if (place == std::string_view::npos) return "must have {username} in it, for example {username}/*";
    pattern.before_ = text.substr(0, place);
    std::string_view after = text.substr(place + variable.size());
    if (!after.empty() && after.back() == '*') {
        pattern.any_end_ = true;
        after.remove_suffix(1);
    }
    pattern.after_ = after;
    if ((pattern.any_end_ && after.empty()) || (!after.empty() && after.front() != '/'))
        return "{username} must be followed by / or by nothing, or one name could be the beginning of "
               "another's";
    for (const std::string &part : {pattern.before_, pattern.after_}) {
        if (part.find_first_of("*{}") != std::string::npos)
            return "may have {username} once, and one * at its end";
    }
    return pattern;
}

bool ClientIdPattern::matches(std::string_view client_id, std::string_view username) const {
    const std::string start = before_ + common::percent_encode(username) + after_;
    return any_end_ ? client_id.starts_with(start) : client_id == start;
}

std::string ClientIdPattern::of(std::string_view username) const {
    return before_ + common::percent_encode(username) + after_ + (any_end_ ? "*" : "");
}

}  // namespace tokenward::mosquitto_plugin
