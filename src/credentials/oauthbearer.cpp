#include "credentials/oauthbearer.hpp"

#include "credentials/scheme.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace tokenward::credentials {
namespace {

constexpr char separator = '\x01';

constexpr const char *form =
    "n,,^Aauth=Bearer TOKEN^A^A (^A is byte 01), or the mechanism PLAIN with the token as the password";

auto malformed(const char *what) {
    return fail(Reason::MALFORMED_CREDENTIALS, std::string("OAUTHBEARER: ") + what, form);
}

/// Decodes a saslname: it has no NUL, and '=' only in =2C (a comma) and =3D (an equals sign). Empty optional if
/// it isn't one.
std::optional<std::string_view> decode_saslname(std::string_view name, std::string &storage) {
    if (name.find('\0') != std::string_view::npos) return std::nullopt;
    if (name.find('=') == std::string_view::npos) return name;
    storage.clear();
    while (!name.empty()) {
        if (name.front() != '=') {
            storage += name.front();
            name.remove_prefix(1);
            continue;
        }
        const std::string_view escape = name.substr(0, 3);
        if (escape == "=2C") {
            storage += ',';
        } else if (escape == "=3D") {
            storage += '=';
        } else {
            return std::nullopt;
        }
        name.remove_prefix(3);
    }
    return storage;
}

bool is_key(std::string_view key) {
    return !key.empty() && std::all_of(key.begin(), key.end(),
                                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

}  // namespace

Result<SentToken> from_oauthbearer(std::string_view message, std::string &storage) {
    if (looks_like_a_token(message)) return malformed("the message begins with the token, not with n,,");
    // gs2-header = cb-flag "," [ "a=" saslname ] ","
    const std::size_t flag_end = message.find(',');
    const std::size_t header_end =
        flag_end == std::string_view::npos ? flag_end : message.find(',', flag_end + 1);
    if (header_end == std::string_view::npos) return malformed("no gs2 header (\"n,,\")");
    const std::string_view flag = message.substr(0, flag_end);
    if (flag.substr(0, 2) == "p=") return malformed("channel binding is not supported");
    if (flag != "n" && flag != "y") return malformed("the gs2 header begins with neither n nor y");

    SentToken found;
    std::string_view authzid = message.substr(flag_end + 1, header_end - flag_end - 1);
    if (!authzid.empty()) {
        if (authzid.substr(0, 2) != "a=") return malformed("the gs2 header's second part isn't a=AUTHZID");
        authzid.remove_prefix(2);
        if (authzid.size() > max_name_bytes) {
            return malformed(
                ("the authzid is longer than " + std::to_string(max_name_bytes) + " bytes").c_str());
        }
        const auto decoded = decode_saslname(authzid, storage);
        if (!decoded) return malformed("the authzid has a broken escape or a NUL byte");
        found.authzid = *decoded;
    }

    // kvsep *(key "=" value kvsep) kvsep
    std::string_view rest = message.substr(header_end + 1);
    if (rest.empty() || rest.front() != separator) return malformed("no separator (0x01) after the gs2 header");
    rest.remove_prefix(1);
    std::optional<std::string_view> auth;
    for (;;) {
        if (rest.empty()) return malformed("the message doesn't end with two separators (0x01)");
        if (rest.front() == separator) break;
        const std::size_t end = rest.find(separator);
        if (end == std::string_view::npos) return malformed("a value without a separator (0x01) after it");
        const std::string_view pair = rest.substr(0, end);
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos || !is_key(pair.substr(0, equals))) {
            return malformed("a part that isn't key=value");
        }
        if (pair.substr(0, equals) == "auth") {  // other keys (host, port) say nothing about the token
            if (auth) return malformed("auth is given twice");
            auth = pair.substr(equals + 1);
        }
        rest.remove_prefix(end + 1);
    }
    if (rest.size() != 1) return malformed("something follows the two final separators (0x01)");
    if (!auth) return malformed("no auth value");
    if (auth->empty()) return fail(Reason::EMPTY_TOKEN, "OAUTHBEARER: auth is empty", form);

    const auto token = after_scheme(*auth, "bearer");
    if (!token) return malformed("auth has another scheme than Bearer");
    if (token->empty()) return fail(Reason::EMPTY_TOKEN, "OAUTHBEARER: auth has nothing behind Bearer", form);
    found.token = *token;
    return found;
}

}  // namespace tokenward::credentials
