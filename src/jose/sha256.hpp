// SHA-256 (FIPS 180-4) of a token: the token cache keeps that instead of the token.
#pragma once

#include "jose/openssl_handles.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tokenward::jose {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Keeps its context from one text to the next; not thread-safe. Call it under an ErrorQueueGuard.
class Sha256 {
  public:
    /// Empty if OpenSSL has no SHA-256 or no memory.
    std::optional<Sha256Digest> operator()(std::string_view text) noexcept;

    /// The same, and of the first `size` bytes, in one pass over both.
    std::optional<Sha256Digest> operator()(std::string_view text, std::size_t size,
                                           std::optional<Sha256Digest> &beginning) noexcept;

  private:
    bool begin() noexcept;
    bool add(std::string_view text) noexcept;
    static std::optional<Sha256Digest> finish(EVP_MD_CTX *context) noexcept;

    DigestHandle algorithm_;
    DigestContextHandle context_;
    DigestContextHandle beginning_;
};

}  // namespace tokenward::jose
