// Owners of OpenSSL objects, for this room only.
#pragma once

#include <memory>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

namespace tokenward::jose {

template <auto free_function>
struct Freed {
    template <class T>
    void operator()(T *object) const noexcept {
        free_function(object);
    }
};

using BignumHandle = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using DigestHandle = std::unique_ptr<EVP_MD, Freed<EVP_MD_free>>;
using DigestContextHandle = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using KeyContextHandle = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyManagementHandle = std::unique_ptr<EVP_KEYMGMT, Freed<EVP_KEYMGMT_free>>;
using ParamBuilderHandle = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using ParamsHandle = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;
using SignatureHandle = std::unique_ptr<EVP_SIGNATURE, Freed<EVP_SIGNATURE_free>>;

}  // namespace tokenward::jose
