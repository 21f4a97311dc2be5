#include "keys/key_file.hpp"

#include "base/json.hpp"
#include "base/text.hpp"
#include "config/url.hpp"
#include "jose/der.hpp"
#include "jose/pem.hpp"
#include "keys/file_problem.hpp"

#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::string_view other_form = "it is {}, PEM or a JWKS is needed";

Result<void> refuse_der(std::string_view content) {
    switch (jose::der_kind(content)) {
        case jose::Der::certificate:
            return bad_file(fmt::format(other_form, "DER"), "openssl x509 -inform der -in FILE -out FILE.pem");
        case jose::Der::public_key:
            return bad_file(fmt::format(other_form, "DER"),
                            "openssl pkey -pubin -inform der -in FILE -out FILE.pem");
        case jose::Der::private_key:
            return bad_file("it holds a private key",
                            "openssl pkey -inform der -in FILE -pubout -out FILE.pub");
        case jose::Der::pkcs12:
            return bad_file(fmt::format(other_form, "PKCS#12"),
                            "openssl pkcs12 -in FILE -clcerts -nokeys -out FILE.pem");
        case jose::Der::pkcs7:
            return bad_file(fmt::format(other_form, "PKCS#7"),
                            "openssl pkcs7 -inform der -print_certs -in FILE -out FILE.pem");
        case jose::Der::none:
            break;
    }
    return {};
}

/// JSON that people take for a key set.
Result<void> refuse_other_json(std::string_view content) {
    JsonDocument document;
    const Result<JsonValue> root =
        document.parse(without_byte_order_mark(content), Reason::CONFIG_INVALID_VALUE);
    if (!root || !root->is_object() || root->find("keys")) return {};
    if (root->find("kty"))
        return bad_file("it is one key (JWK), not a set", "jq '{keys: [.]}' FILE > FILE.jwks");
    const std::optional<JsonValue> uri = root->find("jwks_uri");
    if (!uri || !uri->is_string()) return {};
    const std::string address = config::is_https_url(uri->text()) ? copyable(uri->text()) : std::string();
    return bad_file("it is a discovery document, not a key set",
                    address.empty() ? std::string() : "jwks_uri = " + address);
}

/// "1 key is a shared secret", "3 keys are shared secrets".
std::string only_shared_secrets(std::size_t count) {
    return count == 1 ? "its 1 key is a shared secret (oct), which isn't accepted"
                      : fmt::format("its {} keys are shared secrets (oct), which aren't accepted", count);
}

}  // namespace

Result<jose::KeySet> parse_key_file(const std::string &content, jose::KeySet::Notes &notes) {
    if (auto text = check_text(content); !text) return pass_on(std::move(text));
    if (auto refused = refuse_der(content); !refused) return pass_on(std::move(refused));
    std::string jwks = content;
    if (jose::looks_like_pem(content)) {
        Result<std::string> from_pem = jose::jwks_from_pem(content);
        if (!from_pem) return bad_file(from_pem.error().detail, from_pem.error().hint);
        jwks = *std::move(from_pem);
    } else if (!trim(without_byte_order_mark(content), " \t\r\n").starts_with('{')) {
        return bad_file("it is neither JSON (a JWKS) nor PEM");
    } else if (auto refused = refuse_other_json(content); !refused) {
        return pass_on(std::move(refused));
    }
    Result<jose::KeySet> keys = jose::KeySet::parse(jwks, notes);
    if (!keys && notes.keys != 0 && notes.shared_secrets == notes.keys)
        return bad_file(only_shared_secrets(notes.keys));
    if (!keys) return bad_file(keys.error().detail);
    if (keys->keys().empty()) return holds_none("key", content);
    return keys;
}

}  // namespace tokenward::keys
