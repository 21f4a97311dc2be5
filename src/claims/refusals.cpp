#include "claims/refusals.hpp"

#include "base/base64.hpp"
#include "base/dates.hpp"
#include "base/issuer.hpp"
#include "base/text.hpp"
#include "claims/claim_path.hpp"
#include "claims/claims.hpp"
#include "config/url.hpp"
#include "config/vendor.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

using config::Vendor;

constexpr std::size_t max_issuer_bytes = 128;
constexpr std::string_view send_access_token = "send the access_token of the token response";

Failure failure(Reason reason, std::string detail, std::string hint = {}) {
    return Failure{reason, std::move(detail), 0, std::move(hint)};
}

/// The name of a claim: bare, unless that would look odd.
std::string named(std::string_view name) {
    const std::string bare = copyable(name);
    return bare.empty() ? quote(name) : bare;
}

/// A claim's value as a message may show it: strings as they are, lists as lists.
std::string shown(const JsonValue &claim) {
    if (claim.is_string()) return quote(claim.text());
    std::vector<std::string> texts;
    if (claim.is_array()) {
        for (const JsonValue element : claim) {
            if (element.is_string()) texts.emplace_back(element.text());
        }
    }
    if (!texts.empty()) return quote_some(texts);
    std::string json;
    claim.append_to(json);
    return quote(json);
}

std::string_view text_of(const JsonValue &payload, std::string_view name) noexcept {
    const auto claim = payload.find(name);
    return claim && claim->is_string() ? claim->text() : std::string_view{};
}

Vendor vendor_of(const JsonValue &payload) {
    return config::vendor_of(text_of(payload, "iss"));
}

std::string join(const std::vector<std::string> &values) {
    std::string out;
    for (const std::string &value : values) out += (out.empty() ? "" : ",") + value;
    return out;
}

/// What stands behind scheme, host and port.
std::string_view path_of(std::string_view url) noexcept {
    const std::size_t scheme = url.find("://");
    const std::size_t path = scheme == std::string_view::npos ? scheme : url.find('/', scheme + 3);
    return path == std::string_view::npos ? std::string_view{} : without_trailing_slash(url.substr(path));
}

/// The third part of https://sts.windows.net/TENANT/ and https://login.microsoftonline.com/TENANT/v2.0.
std::string_view tenant_of(std::string_view issuer) noexcept {
    std::string_view path = path_of(issuer);
    if (path.empty()) return {};
    path.remove_prefix(1);
    return path.substr(0, path.find('/'));
}

bool same_but_for_case(std::string_view a, std::string_view b) noexcept {
    return equals_ignoring_case(without_trailing_slash(a), without_trailing_slash(b));
}

/// What to do about the one name of an issuer that a token says, beside the one that is configured.
std::string issuer_advice(std::string_view iss, std::string_view configured) {
    const std::string said = copyable(iss);
    if (said.empty()) return {};
    if (same_but_for_case(iss, configured)) return "issuer = " + said;
    const Vendor vendor = config::vendor_of(configured);
    if (vendor == Vendor::entra && config::vendor_of(iss) == Vendor::entra &&
        tenant_of(iss) == tenant_of(configured) && iss.starts_with("https://sts.windows.net/"))
        return "accessTokenAcceptedVersion = 2 in the manifest of the broker's app, or issuer_aliases = " +
               said;
    if (vendor == Vendor::adfs && config::vendor_of(iss) == Vendor::adfs && config::same_host(iss, configured))
        return fmt::format("issuer = {} and jwks_uri = https://{}/adfs/discovery/keys", said,
                           config::host_and_port(configured));
    if (iss.find("://") == std::string_view::npos || path_of(iss) != path_of(configured)) return {};
    std::string advice = "issuer_aliases = " + said + ", if both are one provider";
    if (vendor == Vendor::keycloak && iss.starts_with("http://") && configured.starts_with("https://"))
        advice += fmt::format("; or tell Keycloak its address: --hostname=https://{}",
                              config::host_and_port(configured));
    return advice;
}

/// What makes a token look like an ID token; empty if nothing does.
std::string_view id_token_look(const JsonValue &payload, const std::vector<std::string> &marks) {
    for (const std::string &mark : marks) {
        if (payload.find(mark)) return mark;
    }
    if (text_of(payload, "typ") == "ID") return "typ";
    if (text_of(payload, "token_use") == "id") return "token_use";
    return {};
}

bool names_graph(std::string_view aud) noexcept {
    return aud == "00000003-0000-0000-c000-000000000000" || aud == "https://graph.microsoft.com";
}

/// `wanted`: the broker's audience, the client id or the URI of its app; empty: unknown.
std::string graph_advice(const std::string &wanted) {
    if (wanted.empty()) return "ask for a scope of the broker's own app, not for Microsoft Graph's";
    const char *scheme = wanted.find("://") == std::string::npos ? "api://" : "";
    return fmt::format("ask for the scope {}{}/.default, not for Microsoft Graph's", scheme, wanted);
}

/// Keycloak writes aud for the clients whose roles a token carries, and where a mapper says so.
std::string keycloak_advice(const std::string &wanted) {
    return fmt::format("give the client a role of {0}, or its client scope a mapper Audience with {0}", wanted);
}

std::string audience_advice(const JsonValue &payload, const std::vector<std::string> &found,
                            const std::vector<std::string> &needed) {
    const std::string wanted = needed.size() == 1 ? copyable(needed.front()) : std::string();
    const auto aud_is = [&](auto test) { return std::any_of(found.begin(), found.end(), test); };
    if (!wanted.empty()) {
        for (const std::string &value : found) {
            if (!same_but_for_case(value, wanted)) continue;
            if (const std::string good = copyable(value); !good.empty()) return "audience = " + good;
        }
        if (aud_is(names_graph)) return graph_advice(wanted);
        if (aud_is([](const std::string &value) { return value == "urn:microsoft:userinfo"; }))
            return fmt::format("send resource={} with the request for the token", wanted);
        if (vendor_of(payload) == Vendor::auth0 &&
            aud_is([](const std::string &value) { return value.ends_with("/userinfo"); }))
            return fmt::format("send audience={} with the request for the token", wanted);
        if (text_of(payload, "sub").starts_with("system:serviceaccount:"))
            return fmt::format("mount a projected service account token with audience: {}", wanted);
    }
    std::vector<std::string> audience = needed;  // what counts now goes on to count
    if (!found.empty()) audience.push_back(copyable(found.front()));
    const bool can_be_copied =
        !found.empty() && std::none_of(audience.begin(), audience.end(),
                                       [](const std::string &value) { return copyable(value).empty(); });
    std::string advice;
    if (vendor_of(payload) == Vendor::keycloak && !wanted.empty()) advice = keycloak_advice(wanted);
    if (can_be_copied && audience.size() <= max_values_shown)
        advice += fmt::format("{}audience = {}{}", advice.empty() ? "" : "; ", join(audience),
                              ", if such tokens are meant for this broker");
    return advice;
}

/// The claims that name a user or client, of those that the provider alone decides on.
constexpr std::string_view usual_names[] = {"sub", "client_id", "azp", "appid"};

std::string username_advice(const JsonValue &payload, std::string_view refused) {
    for (const std::string_view name : usual_names) {
        const auto claim = payload.find(name);
        if (name == refused || !claim || !claim->is_string() || !username_problem(claim->text()).empty())
            continue;
        return fmt::format("preferred_username_claims = {}", name);
    }
    return {};
}

}  // namespace

Failure wrong_type(std::string_view name, const JsonValue &claim, std::string_view wanted) {
    const std::string is =
        claim.is_string() ? "the string " + quote(claim.text()) : std::string(describe(claim.type()));
    return failure(Reason::INVALID_CLAIM, fmt::format("{} is {}, it must be {}", named(name), is, wanted));
}

Failure wrong_issuer(std::string_view iss, std::span<const std::string> configured) {
    // Whatever a stranger sends, it costs little.
    constexpr std::size_t longest_compared = 512;
    std::string detail = fmt::format("iss is {}, configured is {}", quote(iss, max_issuer_bytes),
                                     quote_some(configured, max_issuer_bytes));
    if (iss == "kubernetes/serviceaccount") {
        detail += "; it is the token of a Secret";
        return failure(Reason::WRONG_ISSUER, std::move(detail),
                       "mount a projected service account token (serviceAccountToken in the pod's volumes)");
    }
    if (iss.size() > longest_compared) return failure(Reason::WRONG_ISSUER, std::move(detail));
    for (const std::string &issuer : configured) {
        std::string advice = issuer_advice(iss, issuer);
        if (advice.empty()) continue;
        if (same_but_for_case(iss, issuer)) detail += "; upper and lower case differ";
        return failure(Reason::WRONG_ISSUER, std::move(detail), std::move(advice));
    }
    return failure(Reason::WRONG_ISSUER, std::move(detail));
}

std::string signature_advice(const JsonValue &payload, const config::TokenRules &rules) {
    if (vendor_of(payload) != Vendor::entra) return {};
    // Only Graph can check the signatures of its tokens.
    const auto aud = payload.find("aud");
    if (!aud || !aud->is_string() || !names_graph(aud->text())) return {};
    return graph_advice(rules.audience.size() == 1 ? copyable(rules.audience.front()) : std::string());
}

Failure wrong_audience(const JsonValue &payload, const JsonValue &aud, const config::TokenRules &rules,
                       const std::vector<std::string> &needed) {
    std::vector<std::string> found;
    if (aud.is_string()) {
        found.emplace_back(aud.text());
    } else {
        for (const JsonValue element : aud) found.emplace_back(element.text());
    }
    std::string detail =
        fmt::format("aud is {}, needed is {}", found.empty() ? "[]" : quote_some(found), quote_some(needed));
    if (const std::string_view look = id_token_look(payload, rules.id_token_marks); !look.empty()) {
        detail += fmt::format("; it looks like an ID token ({})", named(look));
        return failure(Reason::WRONG_AUDIENCE, std::move(detail), std::string(send_access_token));
    }
    return failure(Reason::WRONG_AUDIENCE, std::move(detail), audience_advice(payload, found, needed));
}

Failure no_audience(const JsonValue &payload, const std::vector<std::string> &needed) {
    std::string detail = fmt::format("the token has no aud, needed is {}", quote_some(needed));
    const std::string wanted = copyable(needed.empty() ? std::string_view() : needed.front());
    std::string hint;
    if (vendor_of(payload) == Vendor::keycloak && !wanted.empty()) {
        hint = keycloak_advice(wanted);
    } else {
        for (const std::string_view name : {"client_id", "azp"}) {
            const std::string value = copyable(text_of(payload, name));
            if (value.empty()) continue;
            hint =
                fmt::format("if the provider never writes aud: verify_aud = false and required_claims.{} = {}",
                            name, value);
            break;
        }
    }
    return failure(Reason::NO_AUDIENCE, std::move(detail), std::move(hint));
}

Failure claim_not_allowed(const JsonValue &payload, std::string_view name,
                          const std::vector<std::string> &values) {
    const auto claim = find_claim(payload, name);
    if (!claim) {
        return failure(Reason::CLAIM_NOT_ALLOWED, fmt::format("the token has no {}, required_claims wants {}",
                                                              named(name), quote_some(values)));
    }
    std::string hint;
    const std::string option = copyable(name);
    std::string value = claim->is_string() ? copyable(claim->text()) : std::string();
    if (claim->is_array()) {
        for (const JsonValue element : *claim) {
            if (value.empty() && element.is_string()) value = copyable(element.text());
        }
    }
    if (!option.empty() && !value.empty() && values.size() < max_values_shown)
        hint = fmt::format("required_claims.{} = {},{}, if such tokens are meant for this broker", option,
                           join(values), value);
    return failure(
        Reason::CLAIM_NOT_ALLOWED,
        fmt::format("{} is {}, required_claims has {}", named(name), shown(*claim), quote_some(values)),
        std::move(hint));
}

Failure expired(std::int64_t expires_at, std::int64_t now) {
    return failure(Reason::TOKEN_EXPIRED, fmt::format("exp with clock_skew was {}, {} ago", date_of(expires_at),
                                                      span_of(seconds_between(expires_at, now))));
}

Failure in_future(Reason reason, std::string_view name, std::int64_t from, std::int64_t now,
                  std::optional<std::int64_t> clock_skew_s) {
    constexpr std::uint64_t generous_skew_s = 300;
    const std::uint64_t ahead = seconds_between(now, from);
    std::string hint;
    if (clock_skew_s && ahead <= generous_skew_s)
        hint = fmt::format("set the clocks of the provider and of this machine (NTP), or clock_skew = {}",
                           *clock_skew_s + static_cast<std::int64_t>(ahead));
    return failure(reason,
                   fmt::format("{} with clock_skew is {}, {} ahead; now is {} here", name, date_of(from),
                               span_of(ahead), date_of(now)),
                   std::move(hint));
}

Failure other_kind(std::string_view claim, std::string_view kind) {
    std::string what = "it is no access token";
    const bool is_id_token = kind == "ID" || kind == "id";
    if (is_id_token) what = "it is an ID token";
    if (kind == "Logout") what = "it is a logout token";
    // Who has one gets new tokens, for long.
    if (kind == "Refresh" || kind == "Offline") what = "it is a refresh token, which no broker should see";
    return failure(Reason::NOT_AN_ACCESS_TOKEN, fmt::format("{} is {}: {}", claim, quote(kind), what),
                   fmt::format("{}{}", send_access_token, is_id_token ? ", or allow_id_token = true" : ""));
}

Failure marked(const std::vector<std::string> &found, const std::vector<std::string> &rest) {
    std::string names;
    for (const std::string &name : found) names += (names.empty() ? "" : ", ") + named(name);
    std::string hint(send_access_token);
    // With all of them it is one.
    if (found.size() == 1 || !rest.empty())
        hint += fmt::format("; if this is one: id_token_marks ={}{}", rest.empty() ? "" : " ", join(rest));
    return failure(
        Reason::NOT_AN_ACCESS_TOKEN,
        fmt::format("{} {} it an ID token (id_token_marks)", names, found.size() == 1 ? "makes" : "make"),
        std::move(hint));
}

Failure sender_constrained(const JsonValue &payload, const JsonValue &cnf) {
    std::string detail = "cnf binds the token to its sender";
    const char *what = "DPoP and certificate-bound tokens";
    if (cnf.find("jkt")) {  // RFC 9449 section 6
        detail = "cnf has jkt: the token is bound to a key of the client's (DPoP)";
        what = "DPoP";
    } else if (cnf.find("x5t#S256")) {  // RFC 8705 section 3.1
        detail = "cnf has x5t#S256: the token is bound to a certificate of the client's (mTLS)";
        what = "certificate-bound tokens";
    }
    return failure(
        Reason::SENDER_CONSTRAINED, std::move(detail),
        vendor_of(payload) == Vendor::okta && what == std::string_view("DPoP")
            ? "turn off Require Demonstrating Proof of Possession for this client, or allow_cnf = true"
            : fmt::format("turn off {} for this client at the provider, or allow_cnf = true", what));
}

Failure other_certificate(const CertificateHash &bound_to, std::string_view presented) {
    const std::string wanted =
        base64url_encode({reinterpret_cast<const char *>(bound_to.data()), bound_to.size()});
    if (presented.empty()) {
        return failure(
            Reason::SENDER_CONSTRAINED,
            "cnf has x5t#S256: the token is bound to the certificate " + wanted +
                " of the client's (mTLS), and the broker has none of it",
            "let the client connect by TLS with its certificate, where the broker asks for one; or turn off "
            "certificate-bound tokens for this client at the provider, or allow_cnf = true");
    }
    return failure(Reason::CERTIFICATE_MISMATCH,
                   "cnf has x5t#S256: the token is bound to the certificate " + wanted + ", the client's is " +
                       base64url_encode(presented),
                   "let the client connect with the certificate with which it asked for the token");
}

Failure not_bound() {
    return failure(
        Reason::TOKEN_NOT_BOUND, "the token has no cnf with x5t#S256, bound_tokens = require wants one",
        "let the provider bind this client's tokens to its certificate (RFC 8705), or bound_tokens = check");
}

Failure no_username(const JsonValue &payload, const config::TokenRules &rules) {
    std::string there;
    for (const std::string_view name : usual_names) {
        if (!payload.find(name)) continue;
        there += there.empty() ? "; it has " : ", ";
        there += name;
    }
    return failure(
        Reason::NO_USERNAME,
        fmt::format("the token has none of {}{}", quote_some(rules.preferred_username_claims), there),
        username_advice(payload, {}));
}

Failure invalid_username(const JsonValue &payload, std::string_view name, std::string why) {
    return failure(Reason::INVALID_USERNAME, std::move(why), username_advice(payload, name));
}

}  // namespace tokenward::claims
