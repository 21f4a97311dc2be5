// From what a client sent to the bytes of its token (RFC 4616, 6750, 7617, 7628).
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace tokenward::credentials {

enum class Kind : std::int32_t {
    sasl_plain = 1,
    sasl_oauthbearer = 2,
    username_password = 3,
    http_authorization = 4,
    bearer_token = 5
};

/// Views into the caller's bytes, or into `storage` where something had to be decoded (HTTP Basic).
struct Token {
    std::string_view token;     ///< what shall be a compact JWS; begins like one and holds a dot
    std::string_view username;  ///< what the client calls itself; never the identity. Empty: nothing sent
    /// SASL authzid: must equal `username` or the token's username (the caller checks the latter if it differs
    /// from `username`). Empty: none.
    std::string_view authzid;
};

struct Input {
    Kind kind;
    std::string_view data;
    std::string_view username;
    std::string_view password;
    bool token_in_username = false;
};

/// Fails with NOT_A_TOKEN (only for PLAIN, username and password, Basic), MALFORMED_CREDENTIALS, OPAQUE_TOKEN,
/// ENCRYPTED_TOKEN, EMPTY_TOKEN. Allocates only for HTTP Basic, into `storage`.
Result<Token> extract(const Input &input, std::string &storage);

/// Begins like an encoded '{' (e and one of w-z 0-9 - _) with a dot after it: the test of NOT_A_TOKEN.
bool looks_like_a_token(std::string_view secret) noexcept;

}  // namespace tokenward::credentials
