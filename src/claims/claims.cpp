#include "claims/claims.hpp"

#include "base/base64.hpp"
#include "base/issuer.hpp"
#include "base/text.hpp"
#include "claims/claim_path.hpp"
#include "claims/refusals.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
    std::int64_t sum = 0;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return b > 0 ? no_end : std::numeric_limits<std::int64_t>::min();
}

/// RFC 7519 section 4.1.1.
Result<void> check_issuer(const JsonValue &payload, std::string_view configured,
                          const std::vector<std::string> &aliases, Form form) {
    const auto iss = payload.find("iss");
    if (!iss && form == Form::introspection) return {};
    if (!iss) return fail(Reason::NO_ISSUER, "the token has no iss");
    if (!iss->is_string()) return tl::unexpected(wrong_type("iss", *iss, "a string"));
    if (!is_issuer(iss->text(), configured, aliases)) {
        const std::string one(configured);
        return tl::unexpected(wrong_issuer(iss->text(), {&one, 1}));
    }
    return {};
}

bool has(const std::vector<std::string> &values, std::string_view value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

/// A string, number or boolean among the values, or an array that holds one. Numbers count as they are written.
bool has_one_of(const JsonValue &claim, const std::vector<std::string> &values) {  // NOLINT(misc-no-recursion)
    switch (claim.type()) {
        case JsonType::string:
        case JsonType::number:
        case JsonType::boolean:
            return has(values, claim.text());
        case JsonType::array:
            for (const JsonValue element : claim) {
                if (!element.is_array() && has_one_of(element, values)) return true;
            }
            return false;
        default:
            return false;
    }
}

Result<void> check_required_claims(const JsonValue &payload, const config::RequiredClaims &required) {
    for (const auto &[name, values] : required) {
        const auto claim = find_claim(payload, name);
        if (claim && has_one_of(*claim, values)) continue;
        return tl::unexpected(claim_not_allowed(payload, name, values));
    }
    return {};
}

/// A NumericDate (RFC 7519 section 2), floored; empty if the claim isn't there.
Result<std::optional<std::int64_t>> numeric_date(const JsonValue &payload, std::string_view name) {
    const auto claim = payload.find(name);
    if (!claim) return std::optional<std::int64_t>{};
    if (!claim->is_number()) return tl::unexpected(wrong_type(name, *claim, "a number"));
    const auto seconds = claim->floor_int64();
    if (!seconds) {
        return fail(Reason::INVALID_CLAIM, fmt::format("{} is {}, out of range", name, quote(claim->text())));
    }
    return seconds;
}

struct Dates {
    Validity validity;
    std::optional<std::int64_t> issued_at;
};

/// RFC 7519 sections 4.1.4 to 4.1.6.
Result<Dates> check_dates(const JsonValue &payload, const config::TokenRules &rules, Form form,
                          std::int64_t now) {
    auto exp = numeric_date(payload, "exp");
    if (!exp) return pass_on(std::move(exp));
    auto nbf = numeric_date(payload, "nbf");
    if (!nbf) return pass_on(std::move(nbf));
    auto iat = numeric_date(payload, "iat");
    if (!iat) return pass_on(std::move(iat));

    if (!*exp && rules.require_exp && form != Form::introspection)
        return fail(Reason::NO_EXPIRY, "the token has no exp");
    Validity validity;
    if (*exp) validity.expires_at = saturating_add(**exp, rules.clock_skew_s);
    if (*nbf) validity.not_before = saturating_add(**nbf, -rules.clock_skew_s);
    if (auto in_time = check_time(validity, now); !in_time) {
        if (in_time.error().reason == Reason::NOT_YET_VALID)
            return tl::unexpected(
                in_future(Reason::NOT_YET_VALID, "nbf", validity.not_before, now, rules.clock_skew_s));
        return pass_on(std::move(in_time));
    }
    if (*iat && **iat > saturating_add(now, rules.clock_skew_s)) {
        return tl::unexpected(in_future(Reason::ISSUED_IN_FUTURE, "iat",
                                        saturating_add(**iat, -rules.clock_skew_s), now, rules.clock_skew_s));
    }
    return Dates{validity, *iat};
}

/// A mark of an ID token (OpenID Connect Core sections 2 and 3.3.2.11) that is no access token's, as some providers
/// write it.
Result<void> check_marks(const JsonValue &payload, const std::vector<std::string> &marks,
                         std::string_view kind) {
    std::vector<std::string> found;
    std::vector<std::string> rest;
    for (const std::string &mark : marks) {
        // Keycloak before 24 puts the nonce into access tokens too, with this typ.
        const bool is_mark = payload.find(mark) && !(mark == "nonce" && kind == "Bearer");
        (is_mark ? found : rest).push_back(mark);
    }
    if (found.empty()) return {};
    return tl::unexpected(marked(found, rest));
}

/// Cognito's word in a token, and Hydra's in an answer about one.
bool is_access_use(const JsonValue &use, Form form) {
    return use.is_string() &&
           (use.text() == "access" || (form == Form::introspection && use.text() == "access_token"));
}

/// RFC 8725 section 3.11 and RFC 9068 section 5: tokens of other kinds must not pass for access tokens.
Result<void> check_kind(const JsonValue &payload, const config::TokenRules &rules, Form form) {
    if (form == Form::introspection) {
        // As RFC 6749 section 7.1 has it, or by the name of its kind. A DPoP token says so in cnf, too.
        const auto type = payload.find("token_type");
        const std::string_view text = type && type->is_string() ? type->text() : std::string_view{};
        const auto is = [text](std::string_view name) { return equals_ignoring_case(text, name); };
        if (type && !type->is_null() && !is("Bearer") && !is("access_token") && !is("at+jwt") && !is("JWT") &&
            !is("N_A"))
            return tl::unexpected(other_kind("token_type", type->text()));
    }
    if (payload.find("events")) {  // RFC 8417 section 2.2; a logout token is one
        return fail(Reason::NOT_AN_ACCESS_TOKEN, "events makes it a security event or logout token");
    }
    const auto typ = payload.find("typ");
    const std::string_view kind = typ && typ->is_string() ? typ->text() : std::string_view{};
    if (!rules.allow_id_token) {
        for (const std::string_view other : {"ID", "Refresh", "Offline", "Logout"}) {
            if (kind == other) return tl::unexpected(other_kind("typ", kind));
        }
        if (const auto use = payload.find("token_use"); use && !is_access_use(*use, form)) {
            return tl::unexpected(other_kind("token_use", use->text()));
        }
        if (form == Form::jwt) {
            if (auto unmarked = check_marks(payload, rules.id_token_marks, kind); !unmarked) return unmarked;
        }
    }
    return {};
}

/// RFC 7800, 8705, 9449: useless without the proof. That of a certificate is the host's to give, at each login.
Result<std::optional<CertificateHash>> check_binding(const JsonValue &payload,
                                                     const config::TokenRules &rules) {
    std::optional<CertificateHash> bound_to;
    const auto cnf = payload.find("cnf");
    if (rules.allow_cnf) return bound_to;
    if (!cnf) {
        if (rules.bound_tokens == config::BoundTokens::require) return tl::unexpected(not_bound());
        return bound_to;
    }
    const auto x5t = cnf->find("x5t#S256");
    std::size_t members = 0;
    for ([[maybe_unused]] const JsonValue member : *cnf) ++members;
    if (!x5t || members != 1) return tl::unexpected(sender_constrained(payload, *cnf));
    const std::string_view hash = x5t->is_string() ? x5t->text() : std::string_view{};
    bound_to.emplace();
    if (base64url_decoded_size(hash.size()) != bound_to->size() || !base64url_decode(hash, bound_to->data())) {
        return fail(Reason::INVALID_CLAIM, fmt::format("x5t#S256 of cnf is {}, not 32 bytes in base64url",
                                                       x5t->is_string() ? quote(hash) : "no string"));
    }
    return bound_to;
}

Result<std::string_view> find_username(const JsonValue &payload, const config::TokenRules &rules) {
    for (const std::string &name : rules.preferred_username_claims) {
        const auto claim = find_claim(payload, name);
        if (!claim || claim->is_null() || (claim->is_string() && claim->text().empty())) continue;
        // An invalid claim is refused, not skipped: a user who may choose one claim could else choose which
        // claim counts.
        if (!claim->is_string()) {
            Failure type = wrong_type(name, *claim, "a string");
            return tl::unexpected(invalid_username(payload, name, std::move(type.detail)));
        }
        std::string problem = username_problem(claim->text());
        if (problem.empty() && claim->text().size() + rules.username_prefix.size() > max_username_bytes) {
            problem = fmt::format("with username_prefix it has more than {} bytes", max_username_bytes);
        }
        if (!problem.empty()) {
            return tl::unexpected(invalid_username(
                payload, name, fmt::format("{} is {}: {}", quote(name), quote(claim->text()), problem)));
        }
        return claim->text();
    }
    return tl::unexpected(no_username(payload, rules));
}

/// A number counts as it is written: some providers count their tokens and clients.
std::string_view text_or_number_of(const JsonValue &payload, std::string_view name) noexcept {
    const auto claim = payload.find(name);
    return claim && (claim->is_string() || claim->is_number()) ? claim->text() : std::string_view{};
}

/// RFC 9068 section 2.2; as Okta and UAA write it, and as Entra ID does.
std::string_view find_client_id(const JsonValue &payload) noexcept {
    for (const std::string_view name : {"client_id", "cid", "appid"}) {
        if (const std::string_view id = text_or_number_of(payload, name); !id.empty()) return id;
    }
    return {};
}

}  // namespace

std::optional<std::int64_t> end_of(const JsonValue &payload, const config::TokenRules &rules) {
    const auto exp = numeric_date(payload, "exp");
    if (!exp || !*exp) return std::nullopt;
    return saturating_add(**exp, rules.clock_skew_s);
}

Result<void> check_time(const Validity &validity, std::int64_t now) {
    if (now >= validity.expires_at) return tl::unexpected(expired(validity.expires_at, now));
    if (now < validity.not_before)
        return tl::unexpected(in_future(Reason::NOT_YET_VALID, "nbf", validity.not_before, now, {}));
    return {};
}

Names names_of(const JsonValue &payload, const config::TokenRules &rules) {
    Names names;
    if (const auto username = find_username(payload, rules)) names.username = *username;
    names.jti = text_or_number_of(payload, "jti");
    return names;
}

/// RFC 7519 section 4.1.3.
Result<void> check_audience(const JsonValue &payload, const config::TokenRules &rules,
                            const std::vector<std::string> &audience) {
    const auto aud = payload.find("aud");
    if (!aud || aud->is_null()) return tl::unexpected(no_audience(payload, audience));
    bool ours = false;
    if (aud->is_string()) {
        ours = has(audience, aud->text());
    } else if (aud->is_array()) {
        for (const JsonValue element : *aud) {
            if (!element.is_string())
                return fail(Reason::INVALID_CLAIM, "aud holds something that is not a string");
            ours = ours || has(audience, element.text());
        }
    } else {
        return tl::unexpected(wrong_type("aud", *aud, "a string or an array of strings"));
    }
    if (ours) return {};
    return tl::unexpected(wrong_audience(payload, *aud, rules, audience));
}

Result<Claims> check(const JsonValue &payload, std::string_view configured, const config::TokenRules &rules,
                     Form form, std::int64_t now) {
    if (auto issuer = check_issuer(payload, configured, rules.issuer_aliases, form); !issuer)
        return pass_on(std::move(issuer));
    if (rules.verify_aud) {
        if (auto audience = check_audience(payload, rules, rules.audience); !audience)
            return pass_on(std::move(audience));
    }
    if (auto allowed = check_required_claims(payload, rules.required_claims); !allowed)
        return pass_on(std::move(allowed));
    auto dates = check_dates(payload, rules, form, now);
    if (!dates) return pass_on(std::move(dates));
    if (auto kind = check_kind(payload, rules, form); !kind) return pass_on(std::move(kind));
    auto bound_to = check_binding(payload, rules);
    if (!bound_to) return pass_on(std::move(bound_to));
    auto username = find_username(payload, rules);
    if (!username) return pass_on(std::move(username));

    Claims claims;
    claims.username = *username;
    claims.validity = dates->validity;
    claims.bound_to = *bound_to;
    claims.issued_at = dates->issued_at;
    claims.jti = text_or_number_of(payload, "jti");
    claims.client_id = find_client_id(payload);
    claims.authorized_party = text_or_number_of(payload, "azp");
    return claims;
}

}  // namespace tokenward::claims
