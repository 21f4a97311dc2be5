#include "jose/sha256.hpp"

namespace tokenward::jose {

std::optional<Sha256Digest> Sha256::operator()(std::string_view text) noexcept {
    if (!algorithm_) algorithm_.reset(EVP_MD_fetch(nullptr, "SHA2-256", nullptr));
    if (!context_) context_.reset(EVP_MD_CTX_new());
    Sha256Digest digest;
    unsigned size = 0;
    if (!algorithm_ || !context_ || EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) != 1 ||
        EVP_DigestUpdate(context_.get(), text.data(), text.size()) != 1 ||
        EVP_DigestFinal_ex(context_.get(), digest.data(), &size) != 1 || size != digest.size()) {
        return std::nullopt;
    }
    return digest;
}

}  // namespace tokenward::jose
