// HTTP Authorization and OAUTHBEARER both have a value of this form: a scheme, then a token.
#pragma once

#include "credentials/credentials.hpp"

#include <optional>
#include <string_view>

namespace tokenward::credentials {

/// The rest of the value after its scheme and one or more spaces (RFC 9110 section 11.4). The scheme is
/// compared without case. Empty optional if the value has another scheme.
std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) noexcept;

/// Takes a token that stands alone. Fails with EMPTY_TOKEN, or with OPAQUE_TOKEN if it doesn't look like a JWT.
Result<SentToken> from_bearer(std::string_view token);

}  // namespace tokenward::credentials
