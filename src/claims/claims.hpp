// Claim rules: which payloads are access tokens for this broker (RFC 7519, 8725, 9068; DESIGN rules 7 to 11).
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::claims {

inline constexpr std::int64_t no_end = std::numeric_limits<std::int64_t>::max();

/// When a token may be used: not_before <= now < expires_at. Both have the clock skew in them already, so that
/// every path compares with one and the same instant.
struct Validity {
    std::int64_t not_before = std::numeric_limits<std::int64_t>::min();
    std::int64_t expires_at = no_end;
};

/// The SHA-256 of a certificate in DER form.
using CertificateHash = std::array<std::uint8_t, 32>;

/// What a payload that passed every rule says. Views into the payload's document.
struct Claims {
    std::string_view username;  ///< without the section's username_prefix
    std::string_view jti;       ///< empty: none, or neither a string nor a number
    std::string_view client_id;             ///< of the OAuth client: client_id, cid or appid; empty likewise
    std::string_view authorized_party;      ///< the client as azp names it (OpenID Connect Core section 2)
    std::optional<std::int64_t> issued_at;  ///< iat, floored
    Validity validity;
    std::optional<CertificateHash> bound_to;  ///< the client must have this certificate (RFC 8705 section 3.1)
};

/// Where the claims come from.
enum class Form : std::uint8_t {
    jwt,
    at_jwt,        ///< the header says that it is an access token (RFC 9068)
    introspection  ///< the provider's answer about a token (RFC 7662): iss and exp may be missing
};

/// Rules 7 to 11 in this order; the first that fails is the answer. `issuer`: as configured. `now`: seconds since 1970.
Result<Claims> check(const JsonValue &payload, std::string_view issuer, const config::TokenRules &rules,
                     Form form, std::int64_t now);

/// Rule 8 for one of several sections of an issuer: whether `aud` has one of `audience`. Fails with NO_AUDIENCE,
/// WRONG_AUDIENCE, INVALID_CLAIM. `rules`: for what the message says.
Result<void> check_audience(const JsonValue &payload, const config::TokenRules &rules,
                            const std::vector<std::string> &audience);

/// Whose token it is, for the line of one that a rule refuses. Each is empty if there is no valid one.
struct Names {
    std::string_view username;
    std::string_view jti;
};
Names names_of(const JsonValue &payload, const config::TokenRules &rules);

/// When the payload's token ends, with the clock skew, as rule 9 counts it; unset if there is no valid exp.
std::optional<std::int64_t> end_of(const JsonValue &payload, const config::TokenRules &rules);

/// The two halves of rule 9 that time can change: asked again at every use of a cached verification.
Result<void> check_time(const Validity &validity, std::int64_t now);

/// Rule 11's form: 1 to 255 bytes of UTF-8, no space at its ends, and no character that nobody sees or that makes
/// it look like another name. What is wrong with it, or an empty text.
std::string username_problem(std::string_view text);

inline constexpr std::size_t max_username_bytes = 255;

}  // namespace tokenward::claims
