#include "credentials/credentials.hpp"

#include "base/base64.hpp"
#include "base/text.hpp"
#include "credentials/mistake.hpp"
#include "credentials/oauthbearer.hpp"
#include "credentials/scheme.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace tokenward::credentials {
namespace {

/// '{' is 011110 11: the first digit is 'e', the second one of the sixteen that begin with the bits 11.
bool begins_like_a_brace(std::string_view secret) noexcept {
    if (secret.size() < 2 || secret[0] != 'e') return false;
    const char second = secret[1];
    return (second >= 'w' && second <= 'z') || (second >= '0' && second <= '9') || second == '-' ||
           second == '_';
}

constexpr const char *plain_form = "authzid NUL authcid NUL TOKEN; the first two may be empty";
constexpr const char *bearer_form = "Authorization: Bearer TOKEN";
constexpr const char *basic_form = "Authorization: Basic BASE64, that is base64 of USERNAME:TOKEN";

SentToken bearer_of(std::string_view token) {
    SentToken found;
    found.token = token;
    return found;
}

/// PLAIN, username and password, HTTP Basic: the password may be a token or an ordinary password.
SentToken password_of(std::string_view authzid, std::string_view username, std::string_view password) {
    SentToken found;
    found.token = password;
    found.username = username;
    found.may_be_password = true;
    if (!authzid.empty() && authzid != username) found.authzid = authzid;
    return found;
}

/// For an ordinary password a chain may ask its next backend.
Result<SentToken> judge_password(SentToken sent, bool token_in_username) {
    if (looks_like_a_token(sent.token)) return sent;
    if (token_in_username && looks_like_a_token(sent.username)) {
        sent.token = sent.username;
        sent.username = {};
        sent.from_username = true;
        return sent;
    }
    // Every ordinary password takes this path. The failure is made in place: fail() would move two strings
    // twice, which costs more than all the rest.
    Result<SentToken> refused(tl::unexpect, Failure{Reason::NOT_A_TOKEN, {}, 0, {}});
    name_mistake(sent.username, sent.token, refused.error());
    return refused;
}

/// RFC 4616 section 2: message = [authzid] NUL authcid NUL passwd. An empty authcid is accepted: many clients
/// leave it out, since the token says who they are.
Result<SentToken> from_plain(std::string_view message) {
    const std::size_t first = message.find('\0');
    const std::size_t second = first == std::string_view::npos ? first : message.find('\0', first + 1);
    if (second == std::string_view::npos) {
        return fail(Reason::MALFORMED_CREDENTIALS, "PLAIN: fewer than two NUL bytes", plain_form);
    }
    const std::string_view password = message.substr(second + 1);
    if (password.find('\0') != std::string_view::npos) {
        return fail(Reason::MALFORMED_CREDENTIALS, "PLAIN: more than two NUL bytes", plain_form);
    }
    return password_of(message.substr(0, first), message.substr(first + 1, second - first - 1), password);
}

auto malformed_header(std::string detail, const char *hint) {
    return fail(Reason::MALFORMED_CREDENTIALS, std::move(detail), hint);
}

/// The value has another scheme, or none. Only the name of a well-known scheme is shown: the first word may be a
/// token or a password.
tl::unexpected<Failure> another_scheme(std::string_view value) {
    if (value.empty()) return malformed_header("the Authorization header is empty", bearer_form);
    if (looks_like_a_token(value)) {
        return malformed_header("the Authorization header has a token without the word Bearer in front",
                                bearer_form);
    }
    for (const char *scheme : {"Token", "JWT", "OAuth", "DPoP", "ApiKey", "Digest", "Negotiate", "NTLM"}) {
        if (after_scheme(value, scheme)) {
            return malformed_header(std::string("the Authorization header has the scheme \"") + scheme + '"',
                                    bearer_form);
        }
    }
    return malformed_header("the Authorization header has neither the scheme Bearer nor Basic", bearer_form);
}

Result<SentToken> from_http_bearer(std::string_view token) {
    if (token.empty()) {
        return fail(Reason::EMPTY_TOKEN, "the Authorization header has nothing behind Bearer", bearer_form);
    }
    if (token.find_first_of(" \t,") == std::string_view::npos) return bearer_of(token);
    Failure failure{Reason::MALFORMED_CREDENTIALS, "the Authorization header has something behind the token", 0,
                    bearer_form};
    name_mistake(token, SentAs::token, failure);
    return tl::unexpected(std::move(failure));
}

/// RFC 6750 section 2.1 and RFC 7617 section 2.
Result<SentToken> from_http(std::string_view value, std::size_t max_token_bytes, std::string &storage) {
    if (const auto token = after_scheme(value, "bearer")) return from_http_bearer(*token);
    const auto encoded = after_scheme(value, "basic");
    if (!encoded) return another_scheme(value);
    // Anybody may send it, of any size.
    const std::size_t padding = encoded->ends_with("==") ? 2 : encoded->ends_with('=') ? 1 : 0;
    const std::size_t size = base64url_decoded_size(encoded->size() - padding);
    if (size > max_token_bytes + 1 + max_name_bytes) {
        return fail(Reason::TOKEN_TOO_LARGE,
                    "HTTP Basic: username and password have " + std::to_string(size) +
                        " bytes, max_token_bytes is " + std::to_string(max_token_bytes),
                    hint_for_size(size));
    }
    if (!base64_decode(*encoded, storage)) {
        return malformed_header("HTTP Basic: not padded base64 (RFC 4648 section 4)", basic_form);
    }
    const std::string_view pair = storage;
    const std::size_t colon = pair.find(':');
    if (colon == std::string_view::npos) {
        return malformed_header("HTTP Basic: no colon between username and password", basic_form);
    }
    return password_of({}, pair.substr(0, colon), pair.substr(colon + 1));
}

}  // namespace

bool looks_like_a_token(std::string_view secret) noexcept {
    if (!begins_like_a_brace(secret)) return false;
    const std::size_t dot = secret.find('.', 2);
    return dot != std::string_view::npos && secret.find('.', dot + 1) != std::string_view::npos;
}

bool may_be_opaque_token(std::string_view secret) noexcept {
    constexpr std::size_t shortest = 16;
    const std::size_t end = secret.find_last_not_of('=') + 1;  // = stands at the end alone
    return secret.size() >= shortest && end != 0 &&
           std::all_of(secret.begin(), secret.begin() + static_cast<std::ptrdiff_t>(end), is_bearer_character);
}

Result<SentToken> judge_secret(SentToken sent, bool token_in_username) {
    if (sent.may_be_password) return judge_password(sent, token_in_username);
    const std::string_view token = sent.token;
    if (token.empty()) return fail(Reason::EMPTY_TOKEN, "no token was sent", "send the access token");
    // No password is meant here. With one dot it is a token that lost a segment: src/jose says so.
    if (begins_like_a_brace(token) && token.find('.', 2) != std::string_view::npos) return sent;
    Failure failure{Reason::OPAQUE_TOKEN, {}, 0, {}};
    if (!name_mistake(token, SentAs::token, failure)) name_opaque(token.size(), failure);
    return tl::unexpected(std::move(failure));
}

Result<SentToken> from_bearer(std::string_view token) {
    return judge_secret(bearer_of(token), false);
}

Result<SentToken> find_secret(const Credentials &credentials, std::size_t max_token_bytes,
                              std::string &storage) {
    switch (credentials.kind) {
        case Kind::sasl_plain:
            return from_plain(credentials.data);
        case Kind::sasl_oauthbearer:
            return from_oauthbearer(credentials.data, storage);
        case Kind::username_password:
            return password_of({}, credentials.username, credentials.password);
        case Kind::http_authorization:
            return from_http(credentials.data, max_token_bytes, storage);
        case Kind::bearer_token:
            return bearer_of(credentials.data);
    }
    return fail(Reason::MALFORMED_CREDENTIALS, "unknown kind of credentials");
}

Result<SentToken> extract_token(const Credentials &credentials, bool token_in_username,
                                std::size_t max_token_bytes, std::string &storage) {
    Result<SentToken> sent = find_secret(credentials, max_token_bytes, storage);
    if (!sent) return sent;
    return judge_secret(*sent, token_in_username);
}

}  // namespace tokenward::credentials
