#include "session/json_segment.hpp"

#include "base/base64.hpp"

namespace tokenward::session {

Result<JsonValue> decode_json_segment(std::string_view encoded, Segment segment, JsonDocument &document) {
    const bool is_header = segment == Segment::header;
    char *buffer = document.buffer(base64url_decoded_size(encoded.size()));
    const auto size = base64url_decode(encoded, buffer);
    if (!size) {
        return fail(Reason::MALFORMED_TOKEN, is_header ? "the first segment is not canonical base64url"
                                                       : "the second segment is not canonical base64url");
    }
    const Reason reason = is_header ? Reason::MALFORMED_HEADER : Reason::MALFORMED_PAYLOAD;
    auto value = document.parse_in_place(*size, reason);
    if (value && !value->is_object()) {
        return fail(reason, is_header ? "the header is not a JSON object" : "the payload is not a JSON object");
    }
    return value;
}

}  // namespace tokenward::session
