// The bearer token that a provider wants for its keys: the option jwks_token_file.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenward::keys {

inline constexpr std::size_t largest_bearer_file = std::size_t{64} << 10;

/// The token in a file's content, without the white space around it. Fails with CONFIG_INVALID_VALUE; no message shows
/// what the file holds.
Result<std::string> parse_bearer_file(std::string_view content);

/// The same of the file. Fails with CONFIG_*.
Result<std::string> read_bearer_file(const std::string &path);

/// What to send to `url`: the token in the file, read now, so that a rotated one counts. An empty text if `path` is
/// empty, or if `url` isn't https or of another host than `configured`, which is the section's jwks_uri or else its
/// issuer: a discovery document must not send the token elsewhere.
Result<std::string> bearer_token_for(std::string_view url, const std::string &path,
                                     std::string_view configured);

}  // namespace tokenward::keys
