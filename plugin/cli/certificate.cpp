#include "certificate.hpp"

#include <cstdio>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace tokenward::cli {

std::optional<CertificateHash> certificate_hash(const std::string &pem_file) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(pem_file.c_str(), "r"), BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
    CertificateHash hash{};
    unsigned size = 0;
    const bool done = certificate && X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size) == 1 &&
                      size == hash.size();
    ERR_clear_error();
    if (!done) return std::nullopt;
    return hash;
}

}  // namespace tokenward::cli
