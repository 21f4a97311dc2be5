// What a refusal by a claim says: which value, what was needed, and what to do about it. The rules themselves stand in
// claims.cpp.
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "claims/claims.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::claims {

/// "iss is a number, it must be a string"; `wanted`: "a string".
Failure wrong_type(std::string_view name, const JsonValue &claim, std::string_view wanted);

/// `configured`: the issuers of all sections. Nothing of the token is verified yet, so no hint may open another
/// issuer.
Failure wrong_issuer(std::string_view iss, std::span<const std::string> configured);

/// What to do about a signature that doesn't verify, where the vendor's tokens have their ways; else empty. The payload
/// is still anybody's.
std::string signature_advice(const JsonValue &payload, const config::TokenRules &rules);

/// `aud` is there, and a string or an array of strings.
Failure wrong_audience(const JsonValue &payload, const JsonValue &aud, const config::TokenRules &rules,
                       const std::vector<std::string> &needed);
Failure no_audience(const JsonValue &payload, const std::vector<std::string> &needed);

/// `values`: those of required_claims.
Failure claim_not_allowed(const JsonValue &payload, std::string_view name,
                          const std::vector<std::string> &values);

Failure expired(std::int64_t expires_at, std::int64_t now);
/// `name`: nbf or iat. `from`: with clock_skew. `clock_skew_s`: empty if the caller doesn't know it.
Failure in_future(Reason reason, std::string_view name, std::int64_t from, std::int64_t now,
                  std::optional<std::int64_t> clock_skew_s);

/// `kind`: what payload typ or token_use say.
Failure other_kind(std::string_view claim, std::string_view kind);
/// `found`, `rest`: marks of id_token_marks that the token has and hasn't.
Failure marked(const std::vector<std::string> &found, const std::vector<std::string> &rest);
Failure sender_constrained(const JsonValue &payload, const JsonValue &cnf);
/// RFC 8705 section 3: `presented` is the SHA-256 of the client's certificate, or empty.
Failure other_certificate(const CertificateHash &bound_to, std::string_view presented);
Failure not_bound();

Failure no_username(const JsonValue &payload, const config::TokenRules &rules);
Failure invalid_username(const JsonValue &payload, std::string_view name, std::string why);

}  // namespace tokenward::claims
