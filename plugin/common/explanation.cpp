#include "explanation.hpp"

#include <rapidjson/document.h>

namespace tokenward::host {
namespace {

std::string member(const rapidjson::Document &object, const char *name) {
    const auto found = object.FindMember(name);
    if (found == object.MemberEnd() || !found->value.IsString()) return {};
    return {found->value.GetString(), found->value.GetStringLength()};
}

}  // namespace

Explanation explain(const Library &library, const tokenward_session *session,
                    const tokenward_request &request) {
    std::string text;
    const std::int32_t result = read_text(text, [&](char *buffer, std::size_t size, std::size_t *length) {
        return library->explain(session, &request, buffer, size, length);
    });
    if (result != TOKENWARD_OK) return {};
    rapidjson::Document json;
    json.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (json.HasParseError() || !json.IsObject()) return {};
    return {member(json, "verdict"), member(json, "scope"),  member(json, "nearest"),
            member(json, "why"),     member(json, "reason"), member(json, "hint")};
}

}  // namespace tokenward::host
