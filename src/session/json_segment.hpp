// The first two segments of a token as JSON (rules 1 and 2).
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "jose/segment.hpp"

#include <string_view>

namespace tokenward::session {

using jose::Segment;

/// Decodes the segment, header or payload, into the document and parses it. Fails with MALFORMED_TOKEN if it isn't base64url, with
/// MALFORMED_HEADER or MALFORMED_PAYLOAD if it isn't a JSON object.
Result<JsonValue> decode_json_segment(std::string_view encoded, Segment segment, JsonDocument &document);

}  // namespace tokenward::session
