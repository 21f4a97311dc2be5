#include "support/test_ca.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace tokenward::support {
namespace {

using Pkey = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

constexpr long day = 24L * 3600;

Pkey new_key() {
    return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void add_name(X509 *certificate, const char *common_name) {
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char *>(common_name),
                               -1, -1, 0);
}

void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    if (extension == nullptr) throw std::runtime_error("OpenSSL: bad certificate extension");
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

Certificate new_certificate(EVP_PKEY *key, const char *common_name, long from, long until) {
    Certificate certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), X509_VERSION_3);
    unsigned char serial[16];
    RAND_bytes(serial, sizeof serial);
    serial[0] = static_cast<unsigned char>((serial[0] & 0x3fU) | 0x40U);  // positive and of full length
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
    BN_free(number);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), until);
    X509_set_pubkey(certificate.get(), key);
    add_name(certificate.get(), common_name);
    return certificate;
}

template <class Write>
std::string pem_of(Write write) {
    BIO *bio = BIO_new(BIO_s_mem());
    write(bio);
    char *data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
}

}  // namespace

struct TestCa::Impl {
    Pkey key = new_key();
    Certificate root = new_certificate(key.get(), "Tokenward test CA", -day, day);
    std::string root_pem;

    Impl() {
        X509_set_issuer_name(root.get(), X509_get_subject_name(root.get()));
        add_extension(root.get(), root.get(), NID_basic_constraints, "critical,CA:TRUE");
        add_extension(root.get(), root.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
        add_extension(root.get(), root.get(), NID_subject_key_identifier, "hash");
        X509_sign(root.get(), key.get(), EVP_sha256());
        root_pem = pem_of([&](BIO *bio) { PEM_write_bio_X509(bio, root.get()); });
    }
};

TestCa::TestCa() : impl_(std::make_shared<Impl>()) {}

const std::string &TestCa::root_pem() const noexcept {
    return impl_->root_pem;
}

ServerCertificate TestCa::issue(Kind kind) const {
    const Pkey key = new_key();
    const long until = kind == Kind::expired ? -3600 : day;
    const Certificate certificate = new_certificate(key.get(), "Tokenward test server", -day, until);
    X509 *root = impl_->root.get();
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(root));
    add_extension(certificate.get(), root, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate.get(), root, NID_key_usage, "critical,digitalSignature");
    add_extension(certificate.get(), root, NID_ext_key_usage, "serverAuth");
    add_extension(certificate.get(), root, NID_authority_key_identifier, "keyid");
    add_extension(certificate.get(), root, NID_subject_alt_name,
                  kind == Kind::wrong_host ? "DNS:wrong.example" : "DNS:localhost,IP:127.0.0.1,IP:::1");
    X509_sign(certificate.get(), impl_->key.get(), EVP_sha256());
    return {pem_of([&](BIO *bio) { PEM_write_bio_X509(bio, certificate.get()); }), pem_of([&](BIO *bio) {
                PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
}

void TestCa::write(const std::string &directory) const {
    const ServerCertificate server = issue();
    write_file(directory + "/ca.pem", root_pem());
    write_file(directory + "/server.pem", server.certificate_pem);
    write_file(directory + "/server.key", server.key_pem);
}

void write_file(const std::string &path, const std::string &text) {
    const std::string temporary = path + ".new";
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << text;
    file.close();
    std::error_code error;
    if (file.fail()) throw std::runtime_error("can't write " + temporary);
    std::filesystem::permissions(temporary, std::filesystem::perms(0644), error);
    std::filesystem::rename(temporary, path, error);
    if (error) throw std::runtime_error("can't write " + path + ": " + error.message());
}

}  // namespace tokenward::support
