#include "jose/sha256.hpp"

namespace tokenward::jose {

bool Sha256::begin() noexcept {
    if (!algorithm_) algorithm_.reset(EVP_MD_fetch(nullptr, "SHA2-256", nullptr));
    if (!context_) context_.reset(EVP_MD_CTX_new());
    return algorithm_ && context_ && EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) == 1;
}

bool Sha256::add(std::string_view text) noexcept {
    return EVP_DigestUpdate(context_.get(), text.data(), text.size()) == 1;
}

std::optional<Sha256Digest> Sha256::finish(EVP_MD_CTX *context) noexcept {
    Sha256Digest digest;
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context, digest.data(), &size) != 1 || size != digest.size()) return std::nullopt;
    return digest;
}

std::optional<Sha256Digest> Sha256::operator()(std::string_view text) noexcept {
    if (!begin() || !add(text)) return std::nullopt;
    return finish(context_.get());
}

std::optional<Sha256Digest> Sha256::operator()(std::string_view text, std::size_t size,
                                               std::optional<Sha256Digest> &beginning) noexcept {
    beginning.reset();
    if (!beginning_) beginning_.reset(EVP_MD_CTX_new());
    if (!beginning_ || !begin() || !add(text.substr(0, size))) return std::nullopt;
    if (EVP_MD_CTX_copy_ex(beginning_.get(), context_.get()) == 1) beginning = finish(beginning_.get());
    if (!add(text.substr(size))) return std::nullopt;
    return finish(context_.get());
}

}  // namespace tokenward::jose
