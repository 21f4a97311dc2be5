// SHA-256 (FIPS 180-4) of a token: the token cache keeps that instead of the token.
#pragma once

#include "jose/openssl_handles.hpp"

#include <array>
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

  private:
    DigestHandle algorithm_;
    DigestContextHandle context_;
};

}  // namespace tokenward::jose
