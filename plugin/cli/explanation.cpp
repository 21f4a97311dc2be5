#include "explanation.hpp"

#include "json.hpp"

namespace tokenward::cli {
namespace {

std::string text_of(const rapidjson::Value &object, const char *name) {
    return std::string(string_of(member(object, name)));
}

}  // namespace

Explanation explain(const host::Session &session, const tokenward_request &request) {
    std::string text;
    host::Error error;
    if (session.explain(request, text, error) != TOKENWARD_OK) return {};
    const auto json = parse_object(text);
    if (!json) return {};
    return {text_of(*json, "verdict"), text_of(*json, "scope"),  text_of(*json, "nearest"),
            text_of(*json, "why"),     text_of(*json, "reason"), text_of(*json, "hint")};
}

}  // namespace tokenward::cli
