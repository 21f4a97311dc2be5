// What a provider says of a token (RFC 7662 section 2.2), or the token that it gives to a client (RFC 6749 section 5).
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tokenward::introspection {

/// Immutable.
struct Answer {
    enum class Kind : std::uint8_t {
        active,    ///< or the client's token
        inactive,  ///< or the client gets none
        failed,    ///< nothing was learned
    };
    Kind kind = Kind::failed;
    std::string content;          ///< active: the answer, a strict JSON object; or the client's token
    std::string problem;          ///< failed, and why a client gets none: what and where, for a log line
    std::string hint;             ///< the same: what to change; may be empty
    std::int64_t lifetime_s = 0;  ///< of the client's token, as the provider says it; 0: it doesn't
    std::int64_t good_until = 0;  ///< on the monotonic clock, in milliseconds

    ~Answer();
};
using AnswerRef = std::shared_ptr<const Answer>;

/// An answer may be so long; claims of a token are not longer.
inline constexpr std::size_t largest_answer = std::size_t{64} << 10;

/// The body of a 200. Fails with INTROSPECTION_FAILED if it is no strict JSON object with a boolean `active`.
Result<Answer> read_answer(std::string body);

/// The body of a 200 to a request for a token. Fails with CLIENT_CREDENTIALS_FAILED if it is no strict JSON object with an
/// access_token of the type Bearer.
Result<Answer> read_token_answer(std::string body);

/// The body of a 400 or 401 to it (section 5.2). Nothing if it says no error: then nothing was learned. A description that
/// holds the secret isn't shown.
std::optional<Answer> read_token_error(const std::string &body, std::string_view secret);

}  // namespace tokenward::introspection
