// What HTTP Authorization and OAUTHBEARER have in common: a scheme and what follows it.
#pragma once

#include "credentials/credentials.hpp"

#include <optional>
#include <string_view>

namespace tokenward::credentials {

/// What follows the scheme (compared without case) and one or more spaces (RFC 9110 section 11.4); empty
/// optional if the value has another scheme.
std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) noexcept;

/// A token that is nothing but a token: EMPTY_TOKEN or OPAQUE_TOKEN where it doesn't look like one.
Result<Token> from_bearer(std::string_view token);

}  // namespace tokenward::credentials
