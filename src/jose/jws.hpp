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

/// What a header's typ says, in any case, with or without "application/" (RFC 7515 section 4.1.9).
bool is_jwt(std::string_view typ) noexcept;
bool is_at_jwt(std::string_view typ) noexcept;  ///< an access token (RFC 9068 section 2.1)

/// What a header's typ that isn't one of these says: "a DPoP proof"; empty if it isn't known.
std::string_view other_use(std::string_view typ) noexcept;

/// For a token of five segments, what its header says: `, alg "dir", enc "A256GCM"`; empty if that can't be read.
std::string describe_encryption(std::string_view token, JsonDocument &document);

/// The parameters of a header that we use. jku, jwk, x5u and x5c are ignored: a token can't bring its own key.
/// The texts are views into the document.
struct Header {
    Algorithm algorithm;
    std::optional<std::string_view> kid;
    std::optional<std::string_view> typ;

    /// Checks rules 1 to 5 as far as no configuration is needed: base64url, strict JSON, a known alg, no crit,
    /// kid a string of at most 256 bytes, typ a string. Fails: MALFORMED_TOKEN, MALFORMED_HEADER,
    /// ALGORITHM_NOT_ALLOWED, CRITICAL_HEADER, INVALID_KEY_ID, WRONG_TYPE (not a string).
    static Result<Header> decode(std::string_view encoded, JsonDocument &document);
};

}  // namespace tokenward::jose
