// A value, or the one reason why there is none.
#pragma once

#include "base/reason.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace tokenward {

/// Why something is refused. `detail` says what, where and which value, for an operator's eyes; values from
/// outside stand in it only through quote() (base/text.hpp). Never a token, password or claim set.
struct Failure {
    Reason reason = Reason::INTERNAL;
    std::string detail;
    std::int32_t retry_after_ms = 0;  ///< with KEYS_PENDING, NEW_KEY_PENDING, KEYS_UNAVAILABLE: 20 to 1000
    std::string hint;                 ///< empty: the reason's own hint
};

/// What would be right in this case, else in general; may be empty. Valid as long as the failure.
inline std::string_view hint_of(const Failure &failure) noexcept {
    if (!failure.hint.empty()) return failure.hint;
    return hint_for_each_case(failure.reason);
}

template <class T>
using Result = tl::expected<T, Failure>;

inline tl::unexpected<Failure> fail(Reason reason, std::string detail, std::string hint = {}) {
    return tl::unexpected<Failure>(Failure{reason, std::move(detail), 0, std::move(hint)});
}

/// Hands a failure on, whatever the type of the result it came in.
template <class T>
tl::unexpected<Failure> pass_on(Result<T> &&result) {
    return tl::unexpected<Failure>(std::move(result).error());
}

}  // namespace tokenward
