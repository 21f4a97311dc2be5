#include "jose/der.hpp"

#include "jose/crypto.hpp"

#include <memory>

#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

namespace tokenward::jose {
namespace {

/// True if OpenSSL's `read` (a d2i function) makes an object of it.
template <class Object>
bool reads_as(std::string_view bytes, Object *(*read)(Object **, const unsigned char **, long),
              void (*free)(Object *)) {
    const auto *at = reinterpret_cast<const unsigned char *>(bytes.data());
    const std::unique_ptr<Object, void (*)(Object *)> object(
        read(nullptr, &at, static_cast<long>(bytes.size())), free);
    if (!object) ErrorQueueGuard::throw_if_out_of_memory();
    return object != nullptr;
}

EVP_PKEY *read_private_key(EVP_PKEY ** /*unused*/, const unsigned char **at, long size) {
    return d2i_AutoPrivateKey(nullptr, at, size);
}

}  // namespace

Der der_kind(std::string_view bytes) {
    constexpr char sequence = 0x30;
    if (bytes.empty() || bytes.front() != sequence) return Der::none;
    const ErrorQueueGuard guard;
    if (reads_as(bytes, &d2i_X509, &X509_free)) return Der::certificate;
    if (reads_as(bytes, &d2i_PKCS12, &PKCS12_free)) return Der::pkcs12;
    if (reads_as(bytes, &d2i_PKCS7, &PKCS7_free)) return Der::pkcs7;
    if (reads_as(bytes, &d2i_PUBKEY, &EVP_PKEY_free)) return Der::public_key;
    if (reads_as(bytes, &read_private_key, &EVP_PKEY_free)) return Der::private_key;
    if (reads_as(bytes, &d2i_X509_SIG, &X509_SIG_free)) return Der::private_key;  // an encrypted one (PKCS#8)
    return Der::none;
}

}  // namespace tokenward::jose
