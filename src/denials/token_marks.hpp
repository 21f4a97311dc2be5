// What a line of denied_file can match in a token.
#pragma once

#include "base/hash.hpp"

#include <cstdint>
#include <limits>
#include <string_view>

namespace tokenward::denials {

enum class Kind : std::uint8_t { username, jti, client_id, kid, issued_before };

/// A keyed hash of the value; never 0, which says that a token has none. An empty text is no value.
inline std::uint64_t mark_of(Kind kind, std::string_view text) noexcept {
    if (text.empty()) return 0;
    const std::uint64_t hash = hash_bytes(static_cast<std::uint64_t>(kind) + 1, text);
    return hash == 0 ? 1 : hash;
}

/// So much a session keeps of its token, which it doesn't keep: 40 bytes.
struct TokenMarks {
    static constexpr std::int64_t no_issued_at = std::numeric_limits<std::int64_t>::min();

    std::uint64_t jti = 0;
    std::uint64_t client_id = 0;            ///< of the OAuth client, as client_id, cid or appid names it
    std::uint64_t authorized_party = 0;     ///< the same client's, as azp names it
    std::uint64_t kid = 0;                  ///< of the key that the signature is of
    std::int64_t issued_at = no_issued_at;  ///< seconds since 1970; a token without iat is older than any
};
static_assert(sizeof(TokenMarks) == 40);

}  // namespace tokenward::denials
