// From what a client sent to the bytes of its token (RFC 4616, 6750, 7617, 7628).
#pragma once

#include "base/result.hpp"

#include <cstddef>
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

/// What a client sent. Borrowed.
struct Credentials {
    Kind kind = Kind::bearer_token;
    std::string_view data;      ///< every kind but username_password
    std::string_view username;  ///< username_password only
    std::string_view password;  ///< username_password only
};

/// The token inside the credentials, and the names that stand beside it. Views into the caller's bytes, or into
/// `storage` where something had to be decoded (HTTP Basic, an OAUTHBEARER authzid with "=2C").
struct SentToken {
    /// Begins like an encoded '{' and holds two dots; with Bearer perhaps one. src/jose checks the rest.
    std::string_view token;
    /// What the client calls itself; never the identity. Empty: nothing was sent, or the token stood there.
    /// Compare it, don't print it: a client may put anything here, also a token.
    std::string_view username;
    /// The SASL authzid if it is neither empty nor `username`. It must equal the token's username, or the
    /// client is refused. Don't print it either.
    std::string_view authzid;
    bool from_username = false;  ///< the token stood in the username's place (token_in_username)
    /// It stands where an ordinary password may stand, too (PLAIN, username and password, HTTP Basic).
    bool may_be_password = false;
};

/// A name beside a token is decoded up to this size. A username of a token has 255 bytes at most.
inline constexpr std::size_t max_name_bytes = 1024;

/// The first half of extract_token(): `token` is the secret, whatever it looks like. Fails with MALFORMED_CREDENTIALS,
/// EMPTY_TOKEN, TOKEN_TOO_LARGE.
Result<SentToken> find_secret(const Credentials &credentials, std::size_t max_token_bytes,
                              std::string &storage);

/// The second half: whether it is a token. Fails with NOT_A_TOKEN, OPAQUE_TOKEN, EMPTY_TOKEN.
Result<SentToken> judge_secret(SentToken sent, bool token_in_username);

/// Of the alphabet of a bearer token (RFC 6750 section 2.1), and long enough that nobody guesses it: 16 bytes.
bool may_be_opaque_token(std::string_view secret) noexcept;

/// `token_in_username` is the option of that name: with PLAIN, username and password, or HTTP Basic, the
/// username may be the token if the password doesn't look like one. Fails with NOT_A_TOKEN (only for these
/// three kinds; costs no allocation), MALFORMED_CREDENTIALS, OPAQUE_TOKEN, EMPTY_TOKEN. Encrypted tokens pass:
/// jose::CompactJws::split names them. Allocates only where it needs `storage`, and what is too large is refused
/// before it is decoded: a Basic value with TOKEN_TOO_LARGE if it holds more than a token of `max_token_bytes`, a
/// colon and a name.
Result<SentToken> extract_token(const Credentials &credentials, bool token_in_username,
                                std::size_t max_token_bytes, std::string &storage);

/// True if the secret begins like an encoded '{' (e and one of w-z 0-9 - _) and two dots come later. If not, it
/// is NOT_A_TOKEN: "eye.witness42" is a password.
bool looks_like_a_token(std::string_view secret) noexcept;

}  // namespace tokenward::credentials
