// The three segments of a token (RFC 7515 section 3.1), and why one isn't canonical base64url (rule 1).
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenward::jose {

enum class Segment : std::uint8_t { header, payload };

/// MALFORMED_TOKEN, for a segment that base64url_decode() doesn't take: what stands there, at which of its bytes (from
/// 0), and what to do. Shows no byte of the token.
Failure malformed_segment(std::string_view encoded, Segment segment);

/// The same for the third one. It ends with the token, which may be cut off or have something behind it.
Failure malformed_signature(std::string_view encoded, std::size_t token_size);

}  // namespace tokenward::jose
