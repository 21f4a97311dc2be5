#include "session/admission.hpp"

#include "base/text.hpp"
#include "claims/scope_sources.hpp"
#include "jose/base64url.hpp"
#include "jose/jws.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace tokenward::session {
namespace {

Result<void> check_size(std::string_view token, std::size_t max_token_bytes) {
    if (token.size() <= max_token_bytes) return {};
    return fail(Reason::TOKEN_TOO_LARGE,
                fmt::format("the token has {} bytes, max_token_bytes is {}", token.size(), max_token_bytes));
}

/// Rule 3's first half and rule 5's typ: what the section demands of a header (RFC 9068 section 4).
Result<void> check_header(const jose::Header &header, const config::Section &section) {
    if (!section.tokens.algorithms.contains(header.algorithm)) {
        return fail(Reason::ALGORITHM_NOT_ALLOWED, fmt::format("alg is {}, which algorithms does not list",
                                                               jose::algorithm_name(header.algorithm)));
    }
    std::string typ(header.typ.value_or(""));
    std::transform(typ.begin(), typ.end(), typ.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    // RFC 7515 section 4.1.9: a media type without a slash has "application/" in front.
    if (typ.starts_with("application/")) typ.erase(0, 12);
    const bool fits = typ == "at+jwt" || (!section.tokens.require_at_jwt && (!header.typ || typ == "jwt"));
    if (fits) return {};
    return fail(Reason::WRONG_TYPE,
                header.typ ? fmt::format("typ is {}", quote(*header.typ)) : "there is no typ");
}

/// Rule 6: one signature check at the most.
Result<void> verify(const jose::CompactJws &jws, const jose::Header &header, const jose::Key &key,
                    Issuer const &issuer, std::vector<char> &signature) {
    signature.resize(jose::base64url_decoded_size(jws.signature.size()) + 1);
    const auto size = jose::base64url_decode(jws.signature, signature.data());
    if (!size) return fail(Reason::MALFORMED_TOKEN, "the third segment is not canonical base64url");
    if (key.verify(header.algorithm, jws.signing_input, {signature.data(), *size})) return {};
    issuer.keys->report_bad_signature();  // some providers reuse a kid for a new key
    return fail(Reason::BAD_SIGNATURE, fmt::format("checked with {} and the key {}",
                                                   jose::algorithm_name(header.algorithm), quote(key.kid())));
}

/// What the client calls itself is never the identity; it may only have to agree with it. It isn't shown: a
/// client may have put its token or password there.
Result<void> check_names(const credentials::Token &sent, const config::Section &section,
                         std::string_view username) {
    // Whether to look there was asked of all sections at once, when the token's own wasn't known.
    if (sent.from_username && !section.tokens.token_in_username) {
        return fail(Reason::NOT_A_TOKEN, "token_in_username is off for the token's issuer");
    }
    if (!sent.authzid.empty() && sent.authzid != username) {
        return fail(Reason::AUTHZID_MISMATCH,
                    fmt::format("authzid isn't the token's username, {}", quote(username)));
    }
    if (section.tokens.require_username_match && !sent.username.empty() && sent.username != username) {
        return fail(Reason::USERNAME_MISMATCH,
                    fmt::format("the client's username isn't the token's, {}", quote(username)));
    }
    return {};
}

/// A host sees the username alone: no provider may hand out a name that begins like another section's.
Result<void> check_prefix(const Loaded &loaded, const Issuer &own, std::string_view username) {
    for (const Issuer &other : loaded.issuers) {
        const std::string &prefix = other.section.tokens.username_prefix;
        if (&other == &own || prefix.empty() || !username.starts_with(prefix)) continue;
        return fail(Reason::INVALID_USERNAME,
                    fmt::format("{} begins with the username_prefix of [{}], which is another issuer's",
                                quote(username), other.section.name));
    }
    return {};
}

std::int64_t session_end(const claims::Validity &validity, const config::Section &section, std::int64_t now) {
    if (section.tokens.max_session_s <= 0) return validity.expires_at;
    return std::min(validity.expires_at, now + section.tokens.max_session_s);
}

}  // namespace

Result<JsonValue> decode_payload(std::string_view encoded, JsonDocument &document) {
    char *buffer = document.buffer(jose::base64url_decoded_size(encoded.size()));
    const auto size = jose::base64url_decode(encoded, buffer);
    if (!size) return fail(Reason::MALFORMED_TOKEN, "the second segment is not canonical base64url");
    auto payload = document.parse_in_place(*size, Reason::MALFORMED_PAYLOAD);
    if (payload && !payload->is_object())
        return fail(Reason::MALFORMED_PAYLOAD, "the payload is not a JSON object");
    return payload;
}

Result<const Issuer *> choose_issuer(const Loaded &loaded, const JsonValue &payload) {
    const auto iss = payload.find("iss");
    if (!iss) return fail(Reason::NO_ISSUER, "the token has no iss");
    if (!iss->is_string()) return fail(Reason::INVALID_CLAIM, "iss is not a string");
    for (const Issuer &issuer : loaded.issuers) {
        if (claims::same_issuer(iss->text(), issuer.section.issuer)) return &issuer;
    }
    std::string configured;
    for (const Issuer &issuer : loaded.issuers) {
        if (!configured.empty()) configured += ", ";
        configured += quote(issuer.section.issuer, 128);
    }
    return fail(Reason::WRONG_ISSUER,
                fmt::format("iss is {}, configured is {}", quote(iss->text(), 128), configured));
}

Result<credentials::Token> extract_token(const Loaded &loaded, const Presented &presented, Scratch &scratch) {
    auto sent = credentials::extract(
        {presented.kind, presented.data, presented.username, presented.password, loaded.token_in_username},
        scratch.credentials);
    if (sent) {
        if (auto small = check_size(sent->token, loaded.max_token_bytes); !small)
            return pass_on(std::move(small));
    }
    return sent;
}

Result<std::shared_ptr<const VerifiedToken>> verify_token(const Loaded &loaded, std::string_view token,
                                                          std::int64_t now, std::int64_t max_wait_ms,
                                                          Scratch &scratch, Trace &trace,
                                                          access::Notes &notes) {
    // The bytes -> three segments, a header and a payload that is not believed yet.
    const auto jws = jose::CompactJws::split(token);
    if (!jws) return tl::unexpected(jws.error());
    const auto header = jose::Header::decode(jws->header, scratch.header);
    if (!header) return tl::unexpected(header.error());
    trace.kid = header->kid.value_or("");
    const auto payload = decode_payload(jws->payload, scratch.payload);
    if (!payload) return tl::unexpected(payload.error());

    // The section: iss alone is read for it, so that a foreign issuer's token never causes a fetch.
    const auto chosen = choose_issuer(loaded, *payload);
    if (!chosen) return tl::unexpected(chosen.error());
    const Issuer &issuer = **chosen;
    const config::Section &section = issuer.section;
    trace.issuer = section.issuer;
    if (auto small = check_size(token, section.tokens.max_token_bytes); !small) return pass_on(std::move(small));

    // The key, and the one signature check.
    if (auto fits = check_header(*header, section); !fits) return pass_on(std::move(fits));
    const auto key = issuer.keys->find(header->algorithm, header->kid, section.tokens.default_key, max_wait_ms);
    if (!key) return tl::unexpected(key.error());
    if (auto good = verify(*jws, *header, **key, issuer, scratch.signature); !good)
        return pass_on(std::move(good));

    // From here on the payload is the issuer's word. Who is it, and until when?
    const auto claims = claims::check(*payload, section.issuer, section.tokens, now);
    if (!claims) return tl::unexpected(claims.error());
    trace.username = claims->username;
    trace.jti = claims->jti;

    std::string username = section.tokens.username_prefix;
    username += claims->username;
    if (auto own = check_prefix(loaded, issuer, username); !own) return pass_on(std::move(own));

    // What may it do?
    const bool routing_keys = loaded.settings.routing_keys;
    if (auto few = claims::collect_scopes(*payload, section.scopes, routing_keys, scratch.scopes); !few)
        return pass_on(std::move(few));
    auto permissions = scratch.recent_sets.compile(scratch.scopes.scopes, routing_keys, notes);
    notes.malformed.insert(notes.malformed.end(), scratch.scopes.notes.begin(), scratch.scopes.notes.end());

    return std::make_shared<const VerifiedToken>(VerifiedToken{
        loaded.generation, static_cast<std::size_t>(&issuer - loaded.issuers.data()), *key, std::move(username),
        std::string(trace.kid), std::string(claims->jti), claims->validity, std::move(permissions)});
}

bool still_counts(const Loaded &loaded, const VerifiedToken &token) noexcept {
    return token.generation == loaded.generation && loaded.issuers[token.issuer].keys->still_good(*token.key);
}

Result<Admitted> admit(const Loaded &loaded, std::shared_ptr<const VerifiedToken> token,
                       const credentials::Token &sent, std::int64_t now) {
    const config::Section &section = loaded.issuers[token->issuer].section;
    if (auto in_time = claims::check_time(token->validity, now); !in_time) return pass_on(std::move(in_time));
    if (auto agree = check_names(sent, section, token->username); !agree) return pass_on(std::move(agree));
    const std::int64_t end = session_end(token->validity, section, now);
    return Admitted{std::move(token), end};
}

}  // namespace tokenward::session
