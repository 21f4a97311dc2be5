// Strict, canonical base64 (RFC 4648): each text that decodes is the only encoding of its bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tokenward {

/// The decoded size of a text without padding, if it is sound.
constexpr std::size_t base64url_decoded_size(std::size_t encoded) noexcept {
    return encoded / 4 * 3 + encoded % 4 * 3 / 4;
}

/// RFC 4648 section 5 without padding, as RFC 7515 section 2 wants it. Decodes into `out`
/// (base64url_decoded_size bytes of room; on failure they may hold anything); the number of bytes written.
/// Empty if there is padding, white space, another alphabet, a length of 4n+1 or a trailing bit that no byte
/// takes.
std::optional<std::size_t> base64url_decode(std::string_view encoded, void *out) noexcept;
std::string base64url_encode(std::string_view bytes);

/// RFC 4648 section 4 with padding, as RFC 7617 wants it in HTTP Basic.
std::string base64_encode(std::string_view bytes);
/// Replaces `out` by the decoded bytes;
/// false if there is a foreign character, missing or surplus padding, or a trailing bit that no byte takes.
bool base64_decode(std::string_view encoded, std::string &out);

}  // namespace tokenward
