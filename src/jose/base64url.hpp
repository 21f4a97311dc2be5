// Strict, canonical base64url: RFC 4648 section 5 without padding, as RFC 7515 section 2 wants it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tokenward::jose {

/// Upper bound of the decoded size.
constexpr std::size_t base64url_decoded_size(std::size_t encoded) noexcept {
    return encoded / 4 * 3 + encoded % 4 * 3 / 4;
}

/// Decodes into `out` (base64url_decoded_size bytes of room; on failure they may hold anything); the number of
/// bytes written, or empty if there is padding, white space, another alphabet, a length of 4n+1 or stray
/// trailing bits.
std::optional<std::size_t> base64url_decode(std::string_view encoded, void *out) noexcept;

/// The one encoding that base64url_decode takes for these bytes.
std::string base64url_encode(std::string_view bytes);

}  // namespace tokenward::jose
