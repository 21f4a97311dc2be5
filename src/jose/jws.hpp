// JWS compact serialization (RFC 7515 section 3.1) and its header.
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "jose/algorithm.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tokenward::jose {

/// The three encoded segments; views into the token.
struct CompactJws {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
    std::string_view signing_input;  ///< header '.' payload

    /// Fails: MALFORMED_TOKEN, ENCRYPTED_TOKEN (five segments).
    static Result<CompactJws> split(std::string_view token);
};

/// What counts in a header. jku, jwk, x5u and x5c are ignored and never fetched. Views into the document that
/// it was read from.
struct Header {
    Algorithm algorithm;
    std::optional<std::string_view> kid;
    std::optional<std::string_view> typ;

    /// Decodes and checks rules 1 to 5 as far as they concern any JWS: base64url, strict JSON, alg known, no
    /// crit of any shape, kid a string of at most 256 bytes, typ a string. Fails: MALFORMED_TOKEN,
    /// MALFORMED_HEADER, ALGORITHM_NOT_ALLOWED, CRITICAL_HEADER, INVALID_KEY_ID, WRONG_TYPE (not a string).
    static Result<Header> decode(std::string_view encoded, JsonDocument &document);
};

}  // namespace tokenward::jose
