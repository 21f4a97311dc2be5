#include "jose/key_material.hpp"

#include "base/base64.hpp"
#include "base/text.hpp"
#include "jose/roca.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include <openssl/core_names.h>

namespace tokenward::jose {
namespace {

constexpr int min_modulus_bits = 2048;
constexpr int max_modulus_bits = 8192;

/// Enough for the largest modulus with a few leading zeros. A longer text isn't decoded.
constexpr std::size_t max_encoded = 2048;

struct Curve {
    std::string_view name;  ///< crv
    KeyKind kind;
    std::size_t coordinate_size;  ///< octets
    const char *group;            ///< OpenSSL's name
};
constexpr Curve curves[] = {
    {"P-256", KeyKind::p256, 32, "P-256"},
    {"P-384", KeyKind::p384, 48, "P-384"},
    {"P-521", KeyKind::p521, 66, "P-521"},
};

constexpr std::size_t ed25519_key_size = 32;
constexpr std::size_t ed25519_signature_size = 64;

const unsigned char *bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char *>(text.data());
}

tl::expected<std::string, Key::Rejection> read_string(const JsonValue &jwk, std::string_view name) {
    const std::optional<JsonValue> member = jwk.find(name);
    if (!member) return broken("it has no " + std::string(name));
    if (!member->is_string()) return broken(std::string(name) + " isn't a string");
    return std::string(member->text());
}

tl::expected<std::string, Key::Rejection> read_octets(const JsonValue &jwk, std::string_view name) {
    auto text = read_string(jwk, name);
    if (!text) return text;
    if (text->size() > max_encoded) return broken(std::string(name) + " is too long");
    // RFC 7518 section 6 has no padding, but some providers write it.
    for (int i = 0; i < 2 && text->ends_with('='); ++i) text->pop_back();
    std::string octets(base64url_decoded_size(text->size()), '\0');
    const std::optional<std::size_t> size = base64url_decode(*text, octets.data());
    if (!size) return broken(std::string(name) + " isn't canonical base64url");
    octets.resize(*size);
    return octets;
}

/// RFC 7638: SHA-256 over the required members in lexicographic order, without white space.
/// Where one of our algorithms is available SHA-256 is, so that only memory can lack.
Thumbprint thumbprint_of(const std::string &canonical_json) {
    Thumbprint thumbprint{};
    std::size_t size = 0;
    if (EVP_Q_digest(nullptr, "SHA256", nullptr, canonical_json.data(), canonical_json.size(),
                     thumbprint.data(), &size) != 1 ||
        size != thumbprint.size()) {
        throw std::bad_alloc();
    }
    return thumbprint;
}

KeyHandle make_key(const char *type, OSSL_PARAM_BLD *builder) {
    const ParamsHandle params(OSSL_PARAM_BLD_to_param(builder));
    const KeyContextHandle context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY *key = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
        return nullptr;
    }
    return KeyHandle(key);
}

MaterialResult finish(KeyHandle key, KeyKind kind, std::size_t signature_size,
                      const std::string &canonical_json, std::string type) {
    return KeyMaterial{std::move(key), kind, signature_size, thumbprint_of(canonical_json), std::move(type)};
}

/// e, if it is an odd number from 3 to 2^32.
std::optional<std::uint64_t> usable_exponent(std::string_view octets) noexcept {
    if (octets.size() > 4) return std::nullopt;
    std::uint64_t e = 0;
    for (const char c : octets) e = e << 8 | static_cast<std::uint8_t>(c);
    if (e < 3 || e % 2 == 0) return std::nullopt;
    return e;
}

MaterialResult read_rsa(const JsonValue &jwk) {
    auto n = read_octets(jwk, "n");
    if (!n) return tl::unexpected(n.error());
    auto e = read_octets(jwk, "e");
    if (!e) return tl::unexpected(e.error());
    // Providers that write signed integers put a zero in front (RFC 7518 section 6.3.1.1 warns of it).
    n->erase(0, n->find_first_not_of('\0'));
    e->erase(0, e->find_first_not_of('\0'));

    const BignumHandle modulus(BN_bin2bn(bytes_of(*n), static_cast<int>(n->size()), nullptr));
    const BignumHandle exponent(BN_bin2bn(bytes_of(*e), static_cast<int>(e->size()), nullptr));
    if (!modulus || !exponent) throw std::bad_alloc();
    const int bits = BN_num_bits(modulus.get());
    if (bits < min_modulus_bits)
        return broken("its RSA modulus has only " + std::to_string(bits) + " bits, not 2048");
    if (bits > max_modulus_bits)
        return broken("its RSA modulus has " + std::to_string(bits) + " bits, more than 8192");
    if (BN_is_odd(modulus.get()) == 0) return broken("its RSA modulus is even");
    if (!usable_exponent(*e)) return broken("its RSA exponent isn't an odd number from 3 to 2^32");
    if (has_roca_fingerprint(modulus.get())) {
        return broken(
            "its RSA modulus has the ROCA fingerprint (CVE-2017-15361): the private key can be computed");
    }

    const ParamBuilderHandle builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
        throw std::bad_alloc();
    }
    KeyHandle key = make_key("RSA", builder.get());
    if (!key) return broken("OpenSSL refuses the RSA key");
    return finish(
        std::move(key), KeyKind::rsa, (static_cast<std::size_t>(bits) + 7) / 8,
        R"({"e":")" + base64url_encode(*e) + R"(","kty":"RSA","n":")" + base64url_encode(*n) + R"("})",
        "RSA " + std::to_string(bits));
}

MaterialResult read_ec(const JsonValue &jwk) {
    auto crv = read_string(jwk, "crv");
    if (!crv) return tl::unexpected(crv.error());
    const auto *curve =
        std::find_if(std::begin(curves), std::end(curves), [&](const Curve &c) { return c.name == *crv; });
    if (curve == std::end(curves)) return not_for_us("crv is " + quote(*crv));
    auto x = read_octets(jwk, "x");
    if (!x) return tl::unexpected(x.error());
    auto y = read_octets(jwk, "y");
    if (!y) return tl::unexpected(y.error());
    if (x->size() != curve->coordinate_size || y->size() != curve->coordinate_size) {
        return broken("its coordinates have " + std::to_string(x->size()) + " and " +
                      std::to_string(y->size()) + " octets, not " + std::to_string(curve->coordinate_size));
    }

    const std::string point = '\x04' + *x + *y;  // uncompressed, SEC 1 section 2.3.3
    const ParamBuilderHandle builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) !=
            1) {
        throw std::bad_alloc();
    }
    KeyHandle key = make_key("EC", builder.get());
    if (!key) return broken("its point isn't on the curve " + std::string(curve->name));
    return finish(std::move(key), curve->kind, 2 * curve->coordinate_size,
                  R"({"crv":")" + *crv + R"(","kty":"EC","x":")" + base64url_encode(*x) + R"(","y":")" +
                      base64url_encode(*y) + R"("})",
                  std::string(curve->name));
}

/// True for a point of order 1, 2, 4 or 8, in any encoding: with such a key one signature can fit every
/// message. The text is y, little-endian, with the sign of x in the top bit (RFC 8032 section 5.1.2).
bool is_of_small_order(const std::string &x) noexcept {
    using Octets = std::array<std::uint8_t, ed25519_key_size>;
    constexpr auto near_prime = [](std::uint8_t lowest) {  // 2^255 - 256 + lowest
        Octets octets{};
        octets.fill(0xFF);
        octets.front() = lowest;
        octets.back() = 0x7F;
        return octets;
    };
    constexpr Octets small[] = {
        {0},               // y = 0, order 4
        {1},               // y = 1, the neutral element
        near_prime(0xEC),  // y = -1, order 2
        near_prime(0xED),  // 0 again, written as the prime
        near_prime(0xEE),  // 1 again, written as the prime + 1
        {0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
         0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05},
        {0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67, 0x0F,
         0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC, 0x03, 0x7A},
    };
    Octets y{};
    std::copy(x.begin(), x.end(), y.begin());
    y.back() &= 0x7F;
    return std::find(std::begin(small), std::end(small), y) != std::end(small);
}

/// False if y isn't below the prime 2^255 - 19: then it is a second way to write a point (RFC 8032 section 5.1.3).
bool is_canonical(std::string_view x) noexcept {
    const auto octet = [x](std::size_t at) { return static_cast<std::uint8_t>(x[at]); };
    if ((octet(ed25519_key_size - 1) & 0x7F) != 0x7F) return true;
    for (std::size_t at = 1; at < ed25519_key_size - 1; ++at) {
        if (octet(at) != 0xFF) return true;
    }
    return octet(0) < 0xED;
}

MaterialResult read_okp(const JsonValue &jwk) {
    auto crv = read_string(jwk, "crv");
    if (!crv) return tl::unexpected(crv.error());
    if (*crv != "Ed25519") return not_for_us("crv is " + quote(*crv));
    auto x = read_octets(jwk, "x");
    if (!x) return tl::unexpected(x.error());
    if (x->size() != ed25519_key_size) {
        return broken("x has " + std::to_string(x->size()) + " octets, not " +
                      std::to_string(ed25519_key_size));
    }
    if (is_of_small_order(*x)) return broken("its Ed25519 point is of small order");
    if (!is_canonical(*x)) return broken("its Ed25519 point isn't written in the canonical way");
    KeyHandle key(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, bytes_of(*x), x->size()));
    if (!key) return broken("OpenSSL refuses the Ed25519 key");
    return finish(std::move(key), KeyKind::ed25519, ed25519_signature_size,
                  R"({"crv":"Ed25519","kty":"OKP","x":")" + base64url_encode(*x) + R"("})", "Ed25519");
}

}  // namespace

tl::unexpected<Key::Rejection> broken(std::string detail) {
    return tl::unexpected(Key::Rejection{false, std::move(detail)});
}

tl::unexpected<Key::Rejection> not_for_us(std::string detail) {
    return tl::unexpected(Key::Rejection{true, std::move(detail)});
}

MaterialResult read_key_material(const JsonValue &jwk) {
    auto kty = read_string(jwk, "kty");
    if (!kty) return tl::unexpected(kty.error());
    if (*kty == "RSA") return read_rsa(jwk);
    if (*kty == "EC") return read_ec(jwk);
    if (*kty == "OKP") return read_okp(jwk);
    return not_for_us("kty is " + quote(*kty));
}

}  // namespace tokenward::jose
