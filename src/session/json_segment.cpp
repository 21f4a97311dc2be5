#include "session/json_segment.hpp"

#include "base/base64.hpp"

namespace tokenward::session {

Result<JsonValue> decode_json_segment(std::string_view encoded, Segment segment, JsonDocument &document) {
    const bool is_header = segment == Segment::header;
    char *buffer = document.buffer(base64url_decoded_size(encoded.size()));
    const auto size = base64url_decode(encoded, buffer);
    if (!size) return tl::unexpected(jose::malformed_segment(encoded, segment));
    const std::string_view name = is_header ? "the header" : "the payload";
    const Reason reason = is_header ? Reason::MALFORMED_HEADER : Reason::MALFORMED_PAYLOAD;
    auto value = document.parse_in_place(*size, reason);
    if (!value) {
        Failure &failure = value.error();
        failure.detail = std::string(name).append(": ").append(failure.detail);
        const bool twice = !is_header && !failure.hint.empty();
        failure.hint = twice ? "two claim mappers write it: take one away at the provider" : "";
    } else if (!value->is_object()) {
        return fail(reason, std::string(name).append(" isn't a JSON object"));
    }
    return value;
}

}  // namespace tokenward::session
