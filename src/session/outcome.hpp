// The outcome of a login: the results of tokenward_authenticate.
#pragma once

#include "base/result.hpp"

#include <cstdint>

namespace tokenward::session {

enum class Outcome : std::int32_t { ok = 0, refused = 1, not_a_token = 2, try_again = 3, error = 4 };

/// The one place that says which outcome a reason means.
constexpr Outcome outcome_of(Reason reason) noexcept {
    if (reason == Reason::NONE) return Outcome::ok;
    if (reason == Reason::NOT_A_TOKEN) return Outcome::not_a_token;
    if (reason == Reason::KEYS_PENDING || reason == Reason::NEW_KEY_PENDING ||
        reason == Reason::KEYS_UNAVAILABLE || reason == Reason::INTROSPECTION_PENDING ||
        reason == Reason::INTROSPECTION_FAILED || reason == Reason::CLIENT_CREDENTIALS_PENDING ||
        reason == Reason::CLIENT_CREDENTIALS_FAILED)
        return Outcome::try_again;
    return static_cast<std::int32_t>(reason) < 200 ? Outcome::error : Outcome::refused;
}

/// OpenSSL has cleaned up: nobody can be let in any more.
inline Failure at_process_end() {
    return {Reason::BACKEND_CLOSED, "the process ends", 0, "nothing to do: the broker is stopping"};
}

constexpr const char *outcome_name(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::ok:
            return "ok";
        case Outcome::refused:
            return "refused";
        case Outcome::not_a_token:
            return "not_a_token";
        case Outcome::try_again:
            return "try_again";
        case Outcome::error:
            return "error";
    }
    return "error";
}

}  // namespace tokenward::session
