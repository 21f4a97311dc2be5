// Mints tokens for tests: keys of every kind, JSON put together by hand, compact JWS (RFC 7515 section 3.1).
//
// It signs whatever it is told to sign, also nonsense: headers and payloads are raw text. It is written against
// OpenSSL alone, so that a mistake in src/jose can't hide behind the same mistake here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenward::support {

/// Without padding (RFC 7515 section 2).
std::string base64url_encode(std::string_view bytes);

/// A JSON string literal.
std::string json_string(std::string_view text);
/// An array of strings.
std::string json_strings(const std::vector<std::string> &texts);

/// An ordered JSON object whose values are raw JSON. A name set again replaces its value in place.
class JsonObject {
  public:
    JsonObject &raw(std::string_view name, std::string json);
    JsonObject &string(std::string_view name, std::string_view text) { return raw(name, json_string(text)); }
    JsonObject &strings(std::string_view name, const std::vector<std::string> &texts) {
        return raw(name, json_strings(texts));
    }
    JsonObject &number(std::string_view name, std::int64_t value) { return raw(name, std::to_string(value)); }
    JsonObject &boolean(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }
    JsonObject &object(std::string_view name, const JsonObject &value) { return raw(name, value.json()); }
    JsonObject &remove(std::string_view name);
    /// Sets every member of `other` here; one whose raw value is empty is removed.
    JsonObject &merge(const JsonObject &other);

    bool has(std::string_view name) const;
    std::string json() const;

  private:
    std::vector<std::pair<std::string, std::string>> members_;
};

/// A private key. Copies share it; thread-safe.
class TestKey {
  public:
    /// For an algorithm's name ("RS256" ... "ES512", "EdDSA"), or "Ed448" and "secp256k1" for keys that must be
    /// refused. Throws std::invalid_argument for others. `rsa_bits` counts for RSA only.
    static TestKey generate(std::string_view algorithm, unsigned rsa_bits = 2048);
    /// One of a process-wide set of keys, made at first use: tests that need "some key" share them, since an
    /// RSA key costs a tenth of a second and more.
    static const TestKey &shared(std::string_view algorithm, std::size_t index = 0);
    /// Throws std::invalid_argument.
    static TestKey from_pem(std::string_view pem);

    /// PKCS #8, unencrypted.
    std::string pem() const;
    /// The public key; `kid` and `algorithm` are left out if empty.
    JsonObject jwk(std::string_view kid, std::string_view algorithm = {}) const;

    /// The signature's bytes as JWS wants them (ES: r || s). Throws std::invalid_argument if the algorithm
    /// isn't one of this type of key; ES256 with another curve is possible on purpose.
    std::string signature(std::string_view algorithm, std::string_view signing_input) const;
    /// PS with another salt length than the hash's (RFC 7518 section 3.5 demands the hash's).
    std::string pss_signature_with_salt(std::string_view algorithm, std::string_view signing_input,
                                        int salt_length) const;
    /// header and payload are raw text and need not be JSON.
    std::string sign(std::string_view algorithm, std::string_view header, std::string_view payload) const;

    /// "RSA", "EC" or "OKP".
    std::string kty() const;

  private:
    explicit TestKey(std::shared_ptr<void> key) noexcept : key_(std::move(key)) {}
    std::shared_ptr<void> key_;  ///< EVP_PKEY
};

/// {"keys": [...]}
std::string jwks(const std::vector<JsonObject> &keys);

/// {"alg": algorithm, "typ": "JWT", "kid": kid}, the kid left out if empty.
JsonObject jws_header(std::string_view algorithm, std::string_view kid);

/// A compact token from the three parts.
std::string compact(std::string_view header, std::string_view payload, std::string_view signature);

}  // namespace tokenward::support
