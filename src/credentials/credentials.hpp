// From what a client sent to the bytes of its token (RFC 4616, 6750, 7617, 7628).
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tokenward::credentials {

enum class Kind : std::int32_t {
    sasl_plain = 1,
    sasl_oauthbearer = 2,
    username_password = 3,
    http_authorization = 4,
    bearer_token = 5
};

/// Views into the caller's bytes, or into `storage` where something had to be decoded (HTTP Basic, an
/// OAUTHBEARER authzid with "=2C").
struct Token {
    /// Begins like an encoded '{' and holds a dot; everything else about it is for src/jose to decide.
    std::string_view token;
    /// What the client calls itself; never the identity. Empty: nothing sent, or the token came in its place.
    /// A client may put anything here, also a token: compare it, don't print it.
    std::string_view username;
    /// SASL authzid where it is neither empty nor `username`: must equal the token's username, or the client is
    /// refused. Not for printing either.
    std::string_view authzid;
    bool from_username = false;  ///< the token stood in the username's place (token_in_username)
};

struct Input {
    Kind kind;
    std::string_view data;      ///< every kind but username_password
    std::string_view username;  ///< username_password only
    std::string_view password;  ///< username_password only
    /// The option of that name: PLAIN, username and password, Basic may carry the token as username, if the
    /// password doesn't look like one.
    bool token_in_username = false;
};

/// Fails with NOT_A_TOKEN (only for PLAIN, username and password, Basic; costs no allocation),
/// MALFORMED_CREDENTIALS, OPAQUE_TOKEN, EMPTY_TOKEN. Encrypted tokens come through: jose::CompactJws::split
/// names them. Allocates only where it needs `storage`.
Result<Token> extract(const Input &input, std::string &storage);

/// Begins like an encoded '{' (e and one of w-z 0-9 - _) with a dot after it: the test of NOT_A_TOKEN.
bool looks_like_a_token(std::string_view secret) noexcept;

}  // namespace tokenward::credentials
