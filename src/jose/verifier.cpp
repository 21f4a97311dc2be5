#include "jose/verifier.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include <openssl/rsa.h>

namespace tokenward::jose {
namespace {

const unsigned char *bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char *>(text.data());
}

bool is_sha256(Algorithm algorithm) noexcept {
    const char *const name = traits_of(algorithm).digest_name;
    return name != nullptr && std::string_view(name) == "SHA256";
}

/// OpenSSL takes an ECDSA signature as DER. In a JWS it is two raw numbers, r and s (RFC 7518 section 3.4).
/// OpenSSL refuses numbers that are zero, or not below the group's order.
class DerSignature {
  public:
    explicit DerSignature(std::string_view raw) noexcept {
        const std::size_t half = raw.size() / 2;
        unsigned char body[2 * max_integer];
        std::size_t size = put_integer(body, raw.substr(0, half));
        size += put_integer(body + size, raw.substr(half));
        bytes_[size_++] = 0x30;  // SEQUENCE
        if (size >= 0x80) bytes_[size_++] = 0x81;
        bytes_[size_++] = static_cast<unsigned char>(size);
        std::memcpy(bytes_ + size_, body, size);
        size_ += size;
    }
    const unsigned char *data() const noexcept { return bytes_; }
    std::size_t size() const noexcept { return size_; }

  private:
    static constexpr std::size_t max_coordinate = 66;                   // P-521
    static constexpr std::size_t max_integer = 2 + 1 + max_coordinate;  // tag, length, sign

    static std::size_t put_integer(unsigned char *out, std::string_view number) noexcept {
        while (number.size() > 1 && number.front() == '\0') number.remove_prefix(1);
        const bool sign_octet = (static_cast<unsigned char>(number.front()) & 0x80) != 0;
        std::size_t n = 0;
        out[n++] = 0x02;  // INTEGER
        out[n++] = static_cast<unsigned char>(number.size() + (sign_octet ? 1 : 0));
        if (sign_octet) out[n++] = 0;
        std::memcpy(out + n, number.data(), number.size());
        return n + number.size();
    }

    unsigned char bytes_[3 + 2 * max_integer];
    std::size_t size_ = 0;
};

}  // namespace

/// For one thread at a time. The first use of an algorithm sets up what it needs. Later ones change nothing.
class Verifier::Context {
  public:
    bool verify(EVP_PKEY *key, Algorithm algorithm, std::string_view input, std::string_view signature,
                const Sha256Digest *sha256) noexcept {
        if (traits_of(algorithm).scheme == Scheme::eddsa) return verify_eddsa(key, input, signature);

        Prepared &prepared = prepared_[static_cast<std::size_t>(algorithm)];
        if (!prepared.context && !prepare(prepared, key, traits_of(algorithm))) return false;
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        if (sha256 != nullptr && is_sha256(algorithm)) {
            size = static_cast<unsigned>(sha256->size());
            std::memcpy(digest, sha256->data(), size);
        } else if (!hash(prepared.digest.get(), input, digest, size)) {
            return false;
        }
        if (traits_of(algorithm).scheme != Scheme::ecdsa) {
            return EVP_PKEY_verify(prepared.context.get(), bytes_of(signature), signature.size(), digest,
                                   size) == 1;
        }
        const DerSignature der(signature);
        return EVP_PKEY_verify(prepared.context.get(), der.data(), der.size(), digest, size) == 1;
    }

  private:
    struct Prepared {
        KeyContextHandle context;  ///< null until the first use
        DigestHandle digest;
    };

    /// Sets padding, hashes and salt. A context that is initialised again loses them.
    static bool prepare(Prepared &out, EVP_PKEY *key, const AlgorithmTraits &traits) noexcept {
        DigestHandle digest(EVP_MD_fetch(nullptr, traits.digest_name, nullptr));
        KeyContextHandle context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
        if (!digest || !context || EVP_PKEY_verify_init(context.get()) != 1) return false;
        if (traits.scheme == Scheme::rsa_pkcs1 &&
            EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) {
            return false;
        }
        if (traits.scheme == Scheme::rsa_pss &&
            EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) != 1) {
            return false;
        }
        if (EVP_PKEY_CTX_set_signature_md(context.get(), digest.get()) != 1) return false;
        if (traits.scheme == Scheme::rsa_pss &&
            (EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), digest.get()) != 1 ||
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), traits.digest_size) != 1)) {
            return false;
        }
        out.digest = std::move(digest);
        out.context = std::move(context);
        return true;
    }

    bool hash(const EVP_MD *digest, std::string_view input, unsigned char *out, unsigned &size) noexcept {
        if (!hash_context_) hash_context_.reset(EVP_MD_CTX_new());
        return hash_context_ && EVP_DigestInit_ex2(hash_context_.get(), digest, nullptr) == 1 &&
               EVP_DigestUpdate(hash_context_.get(), input.data(), input.size()) == 1 &&
               EVP_DigestFinal_ex(hash_context_.get(), out, &size) == 1;
    }

    /// OpenSSL 3.0 has no EVP_PKEY_verify for Ed25519. EVP_DigestVerify needs the key each time.
    bool verify_eddsa(EVP_PKEY *key, std::string_view input, std::string_view signature) noexcept {
        if (!hash_context_) hash_context_.reset(EVP_MD_CTX_new());
        return hash_context_ &&
               EVP_DigestVerifyInit(hash_context_.get(), nullptr, nullptr, nullptr, key) == 1 &&
               EVP_DigestVerify(hash_context_.get(), bytes_of(signature), signature.size(), bytes_of(input),
                                input.size()) == 1;
    }

    std::array<Prepared, algorithm_count> prepared_;
    DigestContextHandle hash_context_;
};

Verifier::Verifier(KeyHandle key, KeyKind kind, std::size_t signature_size) noexcept
    : key_(std::move(key)), kind_(kind), signature_size_(signature_size) {}

Verifier::~Verifier() = default;

bool Verifier::verify(Algorithm algorithm, std::string_view signing_input, std::string_view signature,
                      const Sha256Digest *sha256) const {
    // OpenSSL would take an RSA-PSS signature without its leading zero octets.
    if (!fits_kind(algorithm, kind_) || signature.size() != signature_size_) return false;
    const auto context = contexts_.try_take();
    if (!context) throw std::bad_alloc();
    return context->verify(key_.get(), algorithm, signing_input, signature, sha256);
}

}  // namespace tokenward::jose
