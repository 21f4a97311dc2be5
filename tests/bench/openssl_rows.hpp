// What the signature alone costs: the two rows that everything else is measured against.
#pragma once

#include "world.hpp"

#include <memory>

#include <openssl/rsa.h>

namespace tokenward::bench {

struct DigestContextFree {
    void operator()(EVP_MD_CTX *context) const noexcept { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestContextFree>;

struct KeyContextFree {
    void operator()(EVP_PKEY_CTX *context) const noexcept { EVP_PKEY_CTX_free(context); }
};
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, KeyContextFree>;

inline const unsigned char *bytes_of(const std::string &text) noexcept {
    return reinterpret_cast<const unsigned char *>(text.data());
}

inline bool set_pss(EVP_PKEY_CTX *context) noexcept {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
}

/// EVP_DigestVerify with a new context, as its manual page shows it.
inline bool verify_with_new_context(const Sample &sample) noexcept {
    const DigestContext context(EVP_MD_CTX_new());
    EVP_PKEY_CTX *key_context = nullptr;
    if (!context ||
        EVP_DigestVerifyInit(context.get(), &key_context, sample.is_eddsa() ? nullptr : EVP_sha256(), nullptr,
                             sample.key.get()) != 1) {
        return false;
    }
    if (sample.is_pss() && !set_pss(key_context)) return false;
    return EVP_DigestVerify(context.get(), bytes_of(sample.signature), sample.signature.size(),
                            bytes_of(sample.signing_input), sample.signing_input.size()) == 1;
}

/// All contexts made once and kept; for one thread.
class KeptContexts {
  public:
    explicit KeptContexts(const Sample &sample)
        : sample_(sample),
          digest_context_(EVP_MD_CTX_new()),
          digest_(EVP_MD_fetch(nullptr, "SHA256", nullptr)) {
        if (sample.is_eddsa()) return;
        key_context_.reset(EVP_PKEY_CTX_new(sample.key.get(), nullptr));
        EVP_PKEY_verify_init(key_context_.get());
        if (sample.is_pss()) set_pss(key_context_.get());
        EVP_PKEY_CTX_set_signature_md(key_context_.get(), digest_);
    }
    ~KeptContexts() { EVP_MD_free(digest_); }
    KeptContexts(const KeptContexts &) = delete;
    KeptContexts &operator=(const KeptContexts &) = delete;

    bool verify() noexcept {
        if (sample_.is_eddsa()) {
            return EVP_DigestVerifyInit(digest_context_.get(), nullptr, nullptr, nullptr, sample_.key.get()) ==
                       1 &&
                   EVP_DigestVerify(digest_context_.get(), bytes_of(sample_.signature),
                                    sample_.signature.size(), bytes_of(sample_.signing_input),
                                    sample_.signing_input.size()) == 1;
        }
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        return EVP_DigestInit_ex2(digest_context_.get(), digest_, nullptr) == 1 &&
               EVP_DigestUpdate(digest_context_.get(), sample_.signing_input.data(),
                                sample_.signing_input.size()) == 1 &&
               EVP_DigestFinal_ex(digest_context_.get(), digest, &size) == 1 &&
               EVP_PKEY_verify(key_context_.get(), bytes_of(sample_.signature), sample_.signature.size(),
                               digest, size) == 1;
    }

  private:
    const Sample &sample_;
    DigestContext digest_context_;
    KeyContext key_context_;
    EVP_MD *digest_;
};

}  // namespace tokenward::bench
