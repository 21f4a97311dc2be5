#include "jose/pem.hpp"

#include "base/base64.hpp"
#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "jose/crypto.hpp"
#include "jose/openssl_handles.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace tokenward::jose {
namespace {

constexpr std::string_view begin_mark = "-----BEGIN ";
constexpr std::string_view end_mark = "-----END ";
constexpr std::string_view blanks = " \t\r";

using BioHandle = std::unique_ptr<BIO, Freed<BIO_free>>;
using CertificateHandle = std::unique_ptr<X509, Freed<X509_free>>;

struct OpensslFree {
    void operator()(void *memory) const noexcept { OPENSSL_free(memory); }
};

/// What stands between BEGIN and END.
struct Block {
    std::string label;
    std::string der;
};

std::optional<Block> decode(std::string_view text) {
    const BioHandle bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (!bio) throw std::bad_alloc();
    char *label = nullptr;
    char *header = nullptr;
    unsigned char *data = nullptr;
    long size = 0;
    const bool good = PEM_read_bio(bio.get(), &label, &header, &data, &size) == 1;
    const std::unique_ptr<char, OpensslFree> label_owner(label);
    const std::unique_ptr<char, OpensslFree> header_owner(header);
    const std::unique_ptr<unsigned char, OpensslFree> data_owner(data);
    if (!good) return std::nullopt;
    return Block{label, std::string(reinterpret_cast<const char *>(data), static_cast<std::size_t>(size))};
}

/// Null if it isn't what its label says.
KeyHandle read_key(const Block &block) {
    const auto *at = reinterpret_cast<const unsigned char *>(block.der.data());
    const auto size = static_cast<long>(block.der.size());
    if (block.label == "PUBLIC KEY") return KeyHandle(d2i_PUBKEY(nullptr, &at, size));
    if (block.label == "RSA PUBLIC KEY") return KeyHandle(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, size));
    const CertificateHandle certificate(d2i_X509(nullptr, &at, size));
    return KeyHandle(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
}

bool holds_public_key(std::string_view label) {
    return label == "PUBLIC KEY" || label == "RSA PUBLIC KEY" || label == "CERTIFICATE";
}

/// A number of the key, with at least `size` bytes.
std::string number(const EVP_PKEY *key, const char *name, int size = 0) {
    BIGNUM *raw = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
    const BignumHandle value(raw);
    std::string bytes(static_cast<std::size_t>(std::max(size, BN_num_bytes(value.get()))), '\0');
    BN_bn2binpad(value.get(), reinterpret_cast<unsigned char *>(bytes.data()), static_cast<int>(bytes.size()));
    return bytes;
}

void write_ec(JsonWriter &jwk, const EVP_PKEY *key) {
    struct Curve {
        std::string_view group;  ///< OpenSSL's name
        std::string_view name;   ///< crv
        int size;                ///< of a coordinate, in bytes
    };
    constexpr Curve curves[] = {
        {"prime256v1", "P-256", 32}, {"secp384r1", "P-384", 48}, {"secp521r1", "P-521", 66}};
    std::array<char, 64> group{};
    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), nullptr);
    Curve curve{group.data(), group.data(), 0};
    for (const Curve &known : curves) {
        if (known.group == curve.group) curve = known;
    }
    jwk.member("kty", "EC");
    jwk.member("crv", curve.name);
    jwk.member("x", base64url_encode(number(key, OSSL_PKEY_PARAM_EC_PUB_X, curve.size)));
    jwk.member("y", base64url_encode(number(key, OSSL_PKEY_PARAM_EC_PUB_Y, curve.size)));
}

void write_jwk(JsonWriter &jwk, const EVP_PKEY *key) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) {
        jwk.member("kty", "RSA");
        jwk.member("n", base64url_encode(number(key, OSSL_PKEY_PARAM_RSA_N)));
        jwk.member("e", base64url_encode(number(key, OSSL_PKEY_PARAM_RSA_E)));
    } else if (EVP_PKEY_is_a(key, "EC") == 1) {
        write_ec(jwk, key);
    } else if (EVP_PKEY_is_a(key, "ED25519") == 1) {
        std::string x(32, '\0');
        std::size_t size = x.size();
        EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char *>(x.data()), &size);
        jwk.member("kty", "OKP");
        jwk.member("crv", "Ed25519");
        jwk.member("x", base64url_encode(x));
    } else {
        const char *type = EVP_PKEY_get0_type_name(key);
        jwk.member("kty", type != nullptr ? type : "unknown");
    }
}

/// NAME of the last line "kid: NAME".
std::optional<std::string_view> kid_in(std::string_view text) {
    constexpr std::string_view name = "kid:";
    std::optional<std::string_view> kid;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trim(text.substr(0, end), blanks);
        if (line.starts_with(name)) kid = trim(line.substr(name.size()), blanks);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return kid;
}

auto unusable(std::string detail) {
    return fail(Reason::KEYS_UNAVAILABLE, std::move(detail));
}

}  // namespace

bool looks_like_pem(std::string_view text) noexcept {
    const std::size_t first = without_byte_order_mark(text).find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && without_byte_order_mark(text)[first] != '{' &&
           text.find(begin_mark) != std::string_view::npos;
}

Result<std::string> jwks_from_pem(std::string_view pem) {
    const ErrorQueueGuard guard;
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.name("keys");
    json.begin_array();
    std::size_t blocks = 0;
    for (std::size_t begin = pem.find(begin_mark); begin != std::string_view::npos;
         begin = pem.find(begin_mark)) {
        const std::string_view in_front = pem.substr(0, begin);
        const std::size_t end = pem.find(end_mark, begin);
        if (end == std::string_view::npos) return unusable("a PEM block has no end");
        const std::size_t line_end = std::min(pem.find('\n', end), pem.size());
        const std::optional<Block> block = decode(pem.substr(begin, line_end - begin));
        const std::string where = "PEM block " + std::to_string(++blocks);
        if (!block) {
            ErrorQueueGuard::throw_if_out_of_memory();
            return unusable(where + " can't be decoded");
        }
        if (block->label.find("PRIVATE KEY") != std::string::npos) {
            return fail(Reason::KEYS_UNAVAILABLE, "it holds a private key (" + where + ")",
                        "openssl pkey -in FILE -pubout -out FILE.pub");
        }
        if (holds_public_key(block->label)) {
            const KeyHandle key = read_key(*block);
            if (!key) {
                ErrorQueueGuard::throw_if_out_of_memory();
                return unusable(where + " isn't a " + block->label);
            }
            json.begin_object();
            if (const auto kid = kid_in(in_front)) json.member("kid", *kid);
            write_jwk(json, key.get());
            json.end_object();
        }
        pem.remove_prefix(line_end);
    }
    json.end_array();
    json.end_object();
    return out;
}

}  // namespace tokenward::jose
