#include "jose/jws.hpp"

#include "base/base64.hpp"
#include "base/text.hpp"
#include "jose/segment.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace tokenward::jose {
namespace {

constexpr std::size_t max_kid = 256;

/// The parameters that we use. b64 (RFC 7797) works only together with crit, and crit is refused. b64 alone is
/// ignored, as unknown parameters are (RFC 7515 section 4).
struct Parameters {
    std::optional<JsonValue> alg, kid, crit, typ;

    explicit Parameters(JsonValue header) noexcept {
        for (const JsonValue member : header) {
            const std::string_view name = member.name();
            if (name == "alg") {
                alg = member;
            } else if (name == "kid") {
                kid = member;
            } else if (name == "typ") {
                typ = member;
            } else if (name == "crit") {
                crit = member;
            }
        }
    }
};

/// A media type without a slash has "application/" in front.
std::string_view without_application(std::string_view typ) noexcept {
    constexpr std::string_view application = "application/";
    const bool has_it = equals_ignoring_case(typ.substr(0, application.size()), application);
    return has_it ? typ.substr(application.size()) : typ;
}

constexpr std::string_view sign_with = "sign with RS256, PS256, ES256 or EdDSA";

tl::unexpected<Failure> not_a_string(Reason reason, const JsonValue &member) {
    return fail(reason, fmt::format("{} is {}, it must be a string", member.name(), describe(member.type())));
}

Result<Algorithm> read_algorithm(const std::optional<JsonValue> &alg) {
    if (!alg) return fail(Reason::ALGORITHM_NOT_ALLOWED, "the header has no alg", std::string(sign_with));
    if (!alg->is_string()) return not_a_string(Reason::ALGORITHM_NOT_ALLOWED, *alg);
    const std::string_view name = alg->text();
    if (const std::optional<Algorithm> algorithm = parse_algorithm(name)) return *algorithm;
    if (equals_ignoring_case(name, "none"))
        return fail(Reason::ALGORITHM_NOT_ALLOWED, "alg is none: the token has no signature");
    for (const std::string_view hmac : {"HS256", "HS384", "HS512"}) {
        if (name != hmac) continue;
        return fail(Reason::ALGORITHM_NOT_ALLOWED,
                    fmt::format("alg is {}, a shared secret: who checks such tokens could forge them", hmac),
                    std::string(sign_with));
    }
    return fail(Reason::ALGORITHM_NOT_ALLOWED, fmt::format("alg is {}, which isn't known here", quote(name)),
                std::string(sign_with));
}

/// Names the extensions if crit has the form of RFC 7515 section 4.1.11.
std::string describe(const JsonValue &crit) {
    constexpr std::size_t max_shown = 4;
    std::string text = "the header has crit";
    if (!crit.is_array()) return text;
    std::size_t count = 0;
    for (const JsonValue name : crit) {
        if (!name.is_string()) return "the header has crit";
        if (count++ < max_shown) text += (count == 1 ? ": " : ", ") + quote(name.text());
    }
    if (count > max_shown) text += fmt::format(" and {} more", count - max_shown);
    return text;
}

Failure not_three_segments(std::string_view token) {
    const auto segments = std::count(token.begin(), token.end(), '.') + 1;
    const bool in_one_piece = token.find_first_of(" \t\r\n") == std::string_view::npos;
    if (segments == 5 && in_one_piece) {
        return {Reason::ENCRYPTED_TOKEN, "five segments: an encrypted token (JWE)", 0,
                "turn off access token encryption for this client at the provider"};
    }
    Failure failure{Reason::MALFORMED_TOKEN,
                    fmt::format("it has {} segment{}, a token has 3", segments, segments == 1 ? "" : "s"),
                    0,
                    {}};
    if (segments == 2) failure.detail += ": its signature is missing";
    // With a dot or white space between them.
    if (segments == 6 || (segments == 5 && !in_one_piece)) failure.hint = "two tokens stand there: send one";
    return failure;
}

}  // namespace

bool is_jwt(std::string_view typ) noexcept {
    return equals_ignoring_case(without_application(typ), "jwt");
}

bool is_at_jwt(std::string_view typ) noexcept {
    return equals_ignoring_case(without_application(typ), "at+jwt");
}

std::string_view other_use(std::string_view typ) noexcept {
    struct Use {
        std::string_view typ;
        std::string_view what;
    };
    // RFC 9449, OpenID Connect Back-Channel Logout, RFC 8417, RFC 7519 section 5.1
    constexpr Use uses[] = {{"dpop+jwt", "a DPoP proof"},
                            {"logout+jwt", "a logout token"},
                            {"secevent+jwt", "a security event"},
                            {"JWE", "an encrypted token"}};
    const std::string_view name = without_application(typ);
    for (const Use &use : uses) {
        if (equals_ignoring_case(name, use.typ)) return use.what;
    }
    return {};
}

Result<CompactJws> CompactJws::split(std::string_view token) {
    const std::size_t one = token.find('.');
    const std::size_t two = one == std::string_view::npos ? one : token.find('.', one + 1);
    if (two == std::string_view::npos || token.find('.', two + 1) != std::string_view::npos)
        return tl::unexpected(not_three_segments(token));
    return CompactJws{token.substr(0, one), token.substr(one + 1, two - one - 1), token.substr(two + 1),
                      token.substr(0, two)};
}

std::string describe_encryption(std::string_view token, JsonDocument &document) {
    const std::string_view encoded = token.substr(0, token.find('.'));
    char *buffer = document.buffer(base64url_decoded_size(encoded.size()));
    const std::optional<std::size_t> size = base64url_decode(encoded, buffer);
    if (!size) return {};
    const auto json = document.parse_in_place(*size, Reason::ENCRYPTED_TOKEN);
    if (!json) return {};
    std::string text;
    for (const std::string_view name : {"alg", "enc"}) {
        const auto member = json->find(name);
        if (member && member->is_string()) text += fmt::format(", {} {}", name, quote(member->text()));
    }
    return text;
}

Result<Header> Header::decode(std::string_view encoded, JsonDocument &document) {
    char *buffer = document.buffer(base64url_decoded_size(encoded.size()));
    const std::optional<std::size_t> size = base64url_decode(encoded, buffer);
    if (!size) return tl::unexpected(malformed_segment(encoded, Segment::header));
    auto json = document.parse_in_place(*size, Reason::MALFORMED_HEADER);
    if (!json) return fail(Reason::MALFORMED_HEADER, "the header: " + json.error().detail);
    if (!json->is_object()) return fail(Reason::MALFORMED_HEADER, "the header isn't a JSON object");

    const Parameters found(*json);
    auto algorithm = read_algorithm(found.alg);
    if (!algorithm) return pass_on(std::move(algorithm));
    Header header{*algorithm, std::nullopt, std::nullopt};
    if (found.kid) {
        if (!found.kid->is_string()) return not_a_string(Reason::INVALID_KEY_ID, *found.kid);
        if (found.kid->text().size() > max_kid) {
            return fail(Reason::INVALID_KEY_ID, "kid has " + std::to_string(found.kid->text().size()) +
                                                    " bytes, more than " + std::to_string(max_kid));
        }
        header.kid = found.kid->text();
    }
    if (found.crit) return fail(Reason::CRITICAL_HEADER, describe(*found.crit));
    if (found.typ) {
        if (!found.typ->is_string()) return not_a_string(Reason::WRONG_TYPE, *found.typ);
        header.typ = found.typ->text();
    }
    return header;
}

}  // namespace tokenward::jose
