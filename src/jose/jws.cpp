#include "jose/jws.hpp"

#include "base/base64.hpp"
#include "base/text.hpp"

#include <algorithm>

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

Result<Algorithm> read_algorithm(const std::optional<JsonValue> &alg) {
    if (!alg) return fail(Reason::ALGORITHM_NOT_ALLOWED, "the header has no alg");
    if (!alg->is_string()) return fail(Reason::ALGORITHM_NOT_ALLOWED, "the header's alg isn't a string");
    const std::optional<Algorithm> algorithm = parse_algorithm(alg->text());
    if (!algorithm) return fail(Reason::ALGORITHM_NOT_ALLOWED, "alg is " + quote(alg->text()));
    return *algorithm;
}

}  // namespace

bool is_jwt(std::string_view typ) noexcept {
    return equals_ignoring_case(without_application(typ), "jwt");
}

bool is_at_jwt(std::string_view typ) noexcept {
    return equals_ignoring_case(without_application(typ), "at+jwt");
}

Result<CompactJws> CompactJws::split(std::string_view token) {
    const std::size_t one = token.find('.');
    const std::size_t two = one == std::string_view::npos ? one : token.find('.', one + 1);
    const auto dots = [&] { return std::count(token.begin(), token.end(), '.'); };
    if (two == std::string_view::npos) {
        return fail(Reason::MALFORMED_TOKEN, "it has " + std::to_string(dots() + 1) + " segments, not three");
    }
    if (token.find('.', two + 1) != std::string_view::npos) {
        const auto segments = dots() + 1;
        if (segments == 5) return fail(Reason::ENCRYPTED_TOKEN, "it has five segments");
        return fail(Reason::MALFORMED_TOKEN, "it has " + std::to_string(segments) + " segments, not three");
    }
    return CompactJws{token.substr(0, one), token.substr(one + 1, two - one - 1), token.substr(two + 1),
                      token.substr(0, two)};
}

Result<Header> Header::decode(std::string_view encoded, JsonDocument &document) {
    char *buffer = document.buffer(base64url_decoded_size(encoded.size()));
    const std::optional<std::size_t> size = base64url_decode(encoded, buffer);
    if (!size) return fail(Reason::MALFORMED_TOKEN, "the header isn't canonical base64url");
    auto json = document.parse_in_place(*size, Reason::MALFORMED_HEADER);
    if (!json) return pass_on(std::move(json));
    if (!json->is_object()) return fail(Reason::MALFORMED_HEADER, "the header isn't a JSON object");

    const Parameters found(*json);
    auto algorithm = read_algorithm(found.alg);
    if (!algorithm) return pass_on(std::move(algorithm));
    Header header{*algorithm, std::nullopt, std::nullopt};
    if (found.kid) {
        if (!found.kid->is_string()) return fail(Reason::INVALID_KEY_ID, "kid isn't a string");
        if (found.kid->text().size() > max_kid) {
            return fail(Reason::INVALID_KEY_ID, "kid has " + std::to_string(found.kid->text().size()) +
                                                    " bytes, more than " + std::to_string(max_kid));
        }
        header.kid = found.kid->text();
    }
    if (found.crit) return fail(Reason::CRITICAL_HEADER, "the header has crit");
    if (found.typ) {
        if (!found.typ->is_string()) return fail(Reason::WRONG_TYPE, "typ isn't a string");
        header.typ = found.typ->text();
    }
    return header;
}

}  // namespace tokenward::jose
