#include "keys/ca_file.hpp"

#include "jose/crypto.hpp"
#include "jose/der.hpp"
#include "keys/file_problem.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <string_view>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace tokenward::keys {
namespace {

struct FreeInfos {
    void operator()(STACK_OF(X509_INFO) * infos) const noexcept {
        sk_X509_INFO_pop_free(infos, X509_INFO_free);
    }
};
using Infos = std::unique_ptr<STACK_OF(X509_INFO), FreeInfos>;

/// Without it OpenSSL asks on the terminal of the process.
int no_passphrase(char * /*buffer*/, int /*size*/, int /*writing*/, void * /*user*/) {
    return -1;
}

/// The line on which the last PEM block of `text` begins.
std::ptrdiff_t line_of_last_block(std::string_view text) {
    const std::string_view in_front = text.substr(0, std::min(text.rfind(begin_mark), text.size()));
    return std::count(in_front.begin(), in_front.end(), '\n') + 1;
}

}  // namespace

Result<void> check_ca_file(const std::string &content) {
    if (const auto text = check_text(content); !text) return text;
    switch (jose::der_kind(content)) {
        case jose::Der::certificate:
            return bad_file("it is DER, PEM is needed", "openssl x509 -inform der -in FILE -out FILE.pem");
        case jose::Der::pkcs12:
            return bad_file("it is PKCS#12, PEM is needed", "openssl pkcs12 -in FILE -nokeys -out FILE.pem");
        case jose::Der::pkcs7:
            return bad_file("it is PKCS#7, PEM is needed",
                            "openssl pkcs7 -inform der -print_certs -in FILE -out FILE.pem");
        case jose::Der::public_key:
        case jose::Der::private_key:
            return bad_file("it is a key in DER, a certificate in PEM is needed");
        case jose::Der::none:
            break;
    }
    // As libcurl does it: every block must be good.
    const jose::ErrorQueueGuard guard;
    const std::unique_ptr<BIO, int (*)(BIO *)> bio(
        BIO_new_mem_buf(content.data(), static_cast<int>(content.size())), &BIO_free);
    if (!bio) throw std::bad_alloc();
    const Infos infos(PEM_X509_INFO_read_bio(bio.get(), nullptr, &no_passphrase, nullptr));
    if (!infos) {
        jose::ErrorQueueGuard::throw_if_out_of_memory();
        const std::size_t read = content.size() - static_cast<std::size_t>(BIO_pending(bio.get()));
        return bad_file(fmt::format("the PEM block that begins on line {} can't be read",
                                    line_of_last_block(std::string_view(content).substr(0, read))));
    }
    for (int i = 0; i < sk_X509_INFO_num(infos.get()); ++i) {
        if (sk_X509_INFO_value(infos.get(), i)->x509 != nullptr) return {};
    }
    return holds_none("certificate", content);
}

}  // namespace tokenward::keys
