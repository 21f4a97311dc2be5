#include "support/token_mint.hpp"

#include <map>
#include <mutex>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace tokenward::support {
namespace {

EVP_PKEY *pkey(const std::shared_ptr<void> &key) {
    return static_cast<EVP_PKEY *>(key.get());
}

std::shared_ptr<void> own(EVP_PKEY *key, const char *what) {
    if (key == nullptr) throw std::invalid_argument(what);
    return {key, [](void *p) { EVP_PKEY_free(static_cast<EVP_PKEY *>(p)); }};
}

std::invalid_argument unknown(std::string_view algorithm) {
    return std::invalid_argument("no such algorithm for this key: " + std::string(algorithm));
}

const EVP_MD *hash_of(std::string_view algorithm) {
    const auto bits = algorithm.size() == 5 ? algorithm.substr(2) : std::string_view();
    if (bits == "256") return EVP_sha256();
    if (bits == "384") return EVP_sha384();
    if (bits == "512") return EVP_sha512();
    throw unknown(algorithm);
}

std::string number_bytes(const EVP_PKEY *key, const char *name, std::size_t size) {
    BIGNUM *number = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1)
        throw std::runtime_error("OpenSSL: no number in the key");
    std::string out(size == 0 ? static_cast<std::size_t>(BN_num_bytes(number)) : size, '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char *>(out.data()), static_cast<int>(out.size()));
    BN_free(number);
    return out;
}

struct Curve {
    const char *openssl_name, *jwk_name;
    std::size_t size;
};

Curve curve_of(const EVP_PKEY *key) {
    char name[64] = {};
    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, nullptr);
    for (const Curve &curve : {Curve{"prime256v1", "P-256", 32}, Curve{"secp384r1", "P-384", 48},
                               Curve{"secp521r1", "P-521", 66}, Curve{"secp256k1", "secp256k1", 32}}) {
        if (std::string_view(name) == curve.openssl_name) return curve;
    }
    throw std::invalid_argument("no such curve in a JWK");
}

/// DER to r || s (RFC 7518 section 3.4).
std::string raw_ecdsa(const std::string &der, std::size_t size) {
    const auto *bytes = reinterpret_cast<const unsigned char *>(der.data());
    ECDSA_SIG *pair = d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size()));
    if (pair == nullptr) throw std::runtime_error("OpenSSL: bad ECDSA signature");
    std::string out(2 * size, '\0');
    auto *at = reinterpret_cast<unsigned char *>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), at, static_cast<int>(size));
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), at + size, static_cast<int>(size));
    ECDSA_SIG_free(pair);
    return out;
}

std::string digest_sign(EVP_PKEY *key, const EVP_MD *hash, bool pss, int salt_length, std::string_view input) {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX *)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_PKEY_CTX *settings = nullptr;
    bool good = EVP_DigestSignInit(context.get(), &settings, hash, nullptr, key) == 1;
    if (good && pss) {
        good = EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, salt_length) == 1;
    }
    std::size_t size = 0;
    const auto *data = reinterpret_cast<const unsigned char *>(input.data());
    good = good && EVP_DigestSign(context.get(), nullptr, &size, data, input.size()) == 1;
    std::string out(size, '\0');
    good = good && EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(out.data()), &size, data,
                                  input.size()) == 1;
    if (!good) throw std::runtime_error("OpenSSL: can't sign");
    out.resize(size);
    return out;
}

}  // namespace

TestKey TestKey::generate(std::string_view algorithm, unsigned rsa_bits) {
    if (algorithm.starts_with("RS") || algorithm.starts_with("PS")) {
        hash_of(algorithm);
        return TestKey(own(EVP_RSA_gen(rsa_bits), "OpenSSL: can't make an RSA key of that size"));
    }
    if (algorithm == "ES256") return TestKey(own(EVP_EC_gen("P-256"), "OpenSSL: P-256"));
    if (algorithm == "ES384") return TestKey(own(EVP_EC_gen("P-384"), "OpenSSL: P-384"));
    if (algorithm == "ES512") return TestKey(own(EVP_EC_gen("P-521"), "OpenSSL: P-521"));
    if (algorithm == "secp256k1") return TestKey(own(EVP_EC_gen("secp256k1"), "OpenSSL: secp256k1"));
    if (algorithm == "EdDSA")
        return TestKey(own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), "OpenSSL: Ed25519"));
    if (algorithm == "Ed448")
        return TestKey(own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"), "OpenSSL: Ed448"));
    throw unknown(algorithm);
}

const TestKey &TestKey::shared(std::string_view algorithm, std::size_t index) {
    static std::mutex mutex;
    static std::map<std::string, std::map<std::size_t, TestKey>, std::less<>> keys;
    // The RS and PS algorithms differ in nothing that the key would know.
    const std::string type =
        algorithm.starts_with("PS") || algorithm.starts_with("RS") ? "RS256" : std::string(algorithm);
    const std::lock_guard lock(mutex);
    auto &of_type = keys[type];
    const auto at = of_type.find(index);
    if (at != of_type.end()) return at->second;
    return of_type.emplace(index, generate(type)).first->second;
}

TestKey TestKey::from_pem(std::string_view pem) {
    BIO *bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return TestKey(own(key, "not a private key in PEM"));
}

std::string TestKey::pem() const {
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, pkey(key_), nullptr, nullptr, 0, nullptr, nullptr);
    char *data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
}

std::string TestKey::kty() const {
    switch (EVP_PKEY_get_base_id(pkey(key_))) {
        case EVP_PKEY_RSA:
            return "RSA";
        case EVP_PKEY_EC:
            return "EC";
        default:
            return "OKP";
    }
}

JsonObject TestKey::jwk(std::string_view kid, std::string_view algorithm) const {
    JsonObject out;
    const std::string type = kty();
    EVP_PKEY *key = pkey(key_);
    out.string("kty", type).string("use", "sig");
    if (!kid.empty()) out.string("kid", kid);
    if (!algorithm.empty()) out.string("alg", algorithm);
    if (type == "RSA") {
        out.string("n", base64url_encode(number_bytes(key, OSSL_PKEY_PARAM_RSA_N, 0)));
        out.string("e", base64url_encode(number_bytes(key, OSSL_PKEY_PARAM_RSA_E, 0)));
    } else if (type == "EC") {
        const Curve curve = curve_of(key);
        out.string("crv", curve.jwk_name);
        out.string("x", base64url_encode(number_bytes(key, OSSL_PKEY_PARAM_EC_PUB_X, curve.size)));
        out.string("y", base64url_encode(number_bytes(key, OSSL_PKEY_PARAM_EC_PUB_Y, curve.size)));
    } else {
        std::string x(64, '\0');
        std::size_t size = x.size();
        EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char *>(x.data()), &size);
        x.resize(size);
        out.string("crv", EVP_PKEY_get_base_id(key) == EVP_PKEY_ED448 ? "Ed448" : "Ed25519");
        out.string("x", base64url_encode(x));
    }
    return out;
}

std::string TestKey::signature(std::string_view algorithm, std::string_view signing_input) const {
    const std::string type = kty();
    EVP_PKEY *key = pkey(key_);
    if (type == "OKP" && algorithm == "EdDSA") return digest_sign(key, nullptr, false, 0, signing_input);
    const EVP_MD *hash = hash_of(algorithm);
    const auto family = algorithm.substr(0, 2);
    if (type == "RSA" && family == "RS") return digest_sign(key, hash, false, 0, signing_input);
    if (type == "RSA" && family == "PS") {
        return digest_sign(key, hash, true, RSA_PSS_SALTLEN_DIGEST, signing_input);
    }
    if (type == "EC" && family == "ES") {
        return raw_ecdsa(digest_sign(key, hash, false, 0, signing_input), curve_of(key).size);
    }
    throw unknown(algorithm);
}

std::string TestKey::pss_signature_with_salt(std::string_view algorithm, std::string_view signing_input,
                                             int salt_length) const {
    if (kty() != "RSA") throw unknown(algorithm);
    return digest_sign(pkey(key_), hash_of(algorithm), true, salt_length, signing_input);
}

std::string TestKey::sign(std::string_view algorithm, std::string_view header, std::string_view payload) const {
    const std::string input = base64url_encode(header) + '.' + base64url_encode(payload);
    return input + '.' + base64url_encode(signature(algorithm, input));
}

}  // namespace tokenward::support
