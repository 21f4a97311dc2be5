#include "introspection/client.hpp"

#include "base/base64.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "base/wipe.hpp"
#include "jose/crypto.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

namespace tokenward::introspection {
namespace {

constexpr Reason bad_value = Reason::CONFIG_INVALID_VALUE;
constexpr std::int64_t assertion_lifetime_s = 60;

/// A key with a passphrase isn't asked for one on the broker's terminal.
int no_passphrase(char *, int, int, void *) {
    return -1;
}

struct KeyKind {
    const char *algorithm = nullptr;
    const EVP_MD *digest = nullptr;    ///< NULL: the algorithm has its own
    std::size_t coordinate_bytes = 0;  ///< of ECDSA
};

KeyKind kind_of(const EVP_PKEY *key) noexcept {
    constexpr int least_rsa_bits = 2048;
    switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA:
            return EVP_PKEY_get_bits(key) < least_rsa_bits ? KeyKind{} : KeyKind{"RS256", EVP_sha256(), 0};
        case EVP_PKEY_ED25519:
            return {"EdDSA", nullptr, 0};
        case EVP_PKEY_EC:
            switch (EVP_PKEY_get_bits(key)) {
                case 256:
                    return {"ES256", EVP_sha256(), 32};
                case 384:
                    return {"ES384", EVP_sha384(), 48};
                case 521:
                    return {"ES512", EVP_sha512(), 66};
                default:
                    return {};
            }
        default:
            return {};
    }
}

/// r and s, each of a fixed size (RFC 7518 section 3.4). Empty: no memory.
std::string raw_signature(const std::string &der, std::size_t coordinate_bytes) {
    const auto *bytes = reinterpret_cast<const unsigned char *>(der.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> signature(
        d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())), &ECDSA_SIG_free);
    if (!signature) return {};
    std::string raw(2 * coordinate_bytes, '\0');
    auto *out = reinterpret_cast<unsigned char *>(raw.data());
    const int size = static_cast<int>(coordinate_bytes);
    const bool fits = BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, size) == size &&
                      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + size, size) == size;
    return fits ? raw : std::string();
}

/// Empty: OpenSSL can't.
std::string sign(EVP_PKEY *key, std::string_view text) {
    const KeyKind kind = kind_of(key);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const auto *bytes = reinterpret_cast<const unsigned char *>(text.data());
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, kind.digest, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1)
        return {};
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &size, bytes,
                       text.size()) != 1)
        return {};
    signature.resize(size);
    return kind.coordinate_bytes == 0 ? signature : raw_signature(signature, kind.coordinate_bytes);
}

/// RFC 6749 appendix B: as a form has it.
std::string form_encoded(std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    constexpr std::string_view marks = "-._~";
    std::string out;
    out.reserve(text.size() * 3);  // no copy of a secret is left behind by growing
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_alphanumeric(c) || marks.find(c) != std::string_view::npos) {
            out += c;
        } else {
            out += '%';
            out += hex[byte >> 4U];
            out += hex[byte & 15U];
        }
    }
    return out;
}

}  // namespace

void add_to_form(std::string &form, std::string_view name, std::string_view value) {
    std::string encoded = form_encoded(value);
    const WipedAtEnd wiped(encoded);
    std::string longer;  // growing would leave a copy behind
    longer.reserve(form.size() + name.size() + encoded.size() + 2);
    longer += form;
    if (!longer.empty()) longer += '&';
    longer += name;
    longer += '=';
    longer += encoded;
    form.swap(longer);
    wipe(longer.data(), longer.size());
}

Client::Client(std::string id, std::string secret) : id_(std::move(id)), secret_(std::move(secret)) {}

Client::~Client() {
    wipe(secret_.data(), secret_.size());
}

std::shared_ptr<const Client> Client::with_secret(std::string id, std::string secret) {
    return std::shared_ptr<const Client>(new Client(std::move(id), std::move(secret)));
}

Result<std::shared_ptr<const Client>> Client::read(std::string id, std::string_view content) {
    const std::string_view secret = trim(content, " \t\r\n");
    if (secret.empty()) return fail(bad_value, "it is empty", "write the client's secret, and nothing else");
    const std::shared_ptr<Client> client(new Client(std::move(id), std::string(secret)));
    if (!secret.starts_with("-----BEGIN")) {
        const bool printable =
            std::all_of(secret.begin(), secret.end(), [](char c) { return c >= ' ' && c <= '~'; });
        if (!printable)
            return fail(bad_value, "it holds more than one line, or characters that no secret has",
                        "write the client's secret, and nothing else");
        return std::shared_ptr<const Client>(client);
    }
    const jose::ErrorQueueGuard guard;
    const std::unique_ptr<BIO, decltype(&BIO_free)> bytes(
        BIO_new_mem_buf(secret.data(), static_cast<int>(secret.size())), &BIO_free);
    if (bytes) client->key_.reset(PEM_read_bio_PrivateKey(bytes.get(), nullptr, &no_passphrase, nullptr));
    if (!client->key_)
        return fail(bad_value, "it holds no private key in PEM that can be read without a passphrase",
                    "openssl pkey -in FILE -out NEW takes a passphrase away");
    client->algorithm_ = kind_of(client->key_.get()).algorithm;
    if (client->algorithm_ == nullptr)
        return fail(bad_value, "its key is none of RSA (2048 bits or more), P-256, P-384, P-521, Ed25519");
    return std::shared_ptr<const Client>(client);
}

AuthMethod Client::method(std::span<const std::string> offered) const {
    if (key_) return AuthMethod::private_key_jwt;
    const auto offers = [offered](std::string_view name) {
        return std::ranges::find(offered, name) != offered.end();
    };
    return offers("client_secret_post") && !offers("client_secret_basic") ? AuthMethod::client_secret_post
                                                                          : AuthMethod::client_secret_basic;
}

Result<void> Client::sign_in(keys::HttpRequest &request, AuthMethod method, std::string_view audience,
                             std::int64_t now) const {
    switch (method) {
        case AuthMethod::client_secret_basic: {
            // RFC 6749 section 2.3.1: each is encoded by itself, so that a colon tells them apart.
            std::string secret = form_encoded(secret_);
            const WipedAtEnd wiped(secret);
            const std::string id = form_encoded(id_);
            std::string pair;
            pair.reserve(id.size() + secret.size() + 1);
            pair += id;
            pair += ':';
            pair += secret;
            const WipedAtEnd also(pair);
            request.basic = base64_encode(pair);
            return {};
        }
        case AuthMethod::client_secret_post:
            add_to_form(request.form, "client_id", id_);
            add_to_form(request.form, "client_secret", secret_);
            return {};
        case AuthMethod::private_key_jwt: {
            Result<std::string> signed_text = assertion(audience, now);
            if (!signed_text) return pass_on(std::move(signed_text));
            add_to_form(request.form, "client_id", id_);
            add_to_form(request.form, "client_assertion_type",
                        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            add_to_form(request.form, "client_assertion", *signed_text);
            return {};
        }
    }
    return {};
}

/// RFC 7523 section 3.
Result<std::string> Client::assertion(std::string_view audience, std::int64_t now) const {
    const jose::ErrorQueueGuard guard;
    std::array<unsigned char, 16> id{};
    if (RAND_bytes(id.data(), static_cast<int>(id.size())) != 1)
        return fail(Reason::INTROSPECTION_FAILED, "OpenSSL has no random numbers");
    std::string header;
    {
        JsonWriter json(header);
        json.begin_object();
        json.member("alg", std::string_view(algorithm_));
        json.member("typ", std::string_view("JWT"));
        json.end_object();
    }
    std::string payload;
    {
        JsonWriter json(payload);
        json.begin_object();
        json.member("iss", std::string_view(id_));
        json.member("sub", std::string_view(id_));
        json.member("aud", audience);
        json.member("jti",
                    std::string_view(base64url_encode({reinterpret_cast<const char *>(id.data()), id.size()})));
        json.member("iat", now);
        json.member("exp", now + assertion_lifetime_s);
        json.end_object();
    }
    std::string text = base64url_encode(header) + '.' + base64url_encode(payload);
    const std::string signature = sign(key_.get(), text);
    if (signature.empty()) return fail(Reason::INTROSPECTION_FAILED, "OpenSSL can't sign with the private key");
    return text + '.' + base64url_encode(signature);
}

}  // namespace tokenward::introspection
