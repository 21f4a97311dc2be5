#include "explanation.hpp"

#include "json.hpp"

namespace tokenward::common {
namespace {

std::string text_of(const rapidjson::Value &object, const char *name) {
    return std::string(string_of(member(object, name)));
}

}  // namespace

Explanation explain(const Library &library, const tokenward_session *session,
                    const tokenward_request &request) {
    std::string text;
    const std::int32_t result = read_text(text, [&](char *buffer, std::size_t size, std::size_t *length) {
        return library->explain(session, &request, buffer, size, length);
    });
    if (result != TOKENWARD_OK) return {};
    const auto json = parse_object(text);
    if (!json) return {};
    return {text_of(*json, "verdict"), text_of(*json, "scope"),  text_of(*json, "nearest"),
            text_of(*json, "why"),     text_of(*json, "reason"), text_of(*json, "hint")};
}

}  // namespace tokenward::common
