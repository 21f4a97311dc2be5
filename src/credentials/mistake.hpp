// What people send by mistake where a token should stand, in words. Only what is refused already comes here.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tokenward::credentials {

/// Where the text was sent. An ordinary password may look odd, so that more must speak for a mistake there.
enum class SentAs : std::uint8_t { token, password };

/// If the mistake is a known one, sets `failure`'s detail and hint. If not, returns false, allocates nothing, and
/// `failure` stays as it is. Never shows a byte of the text, but for known beginnings (ory_at_) and an error code
/// (RFC 6749 section 5.2) of a provider's answer. Looks once through the first 64 KiB.
bool name_mistake(std::string_view text, SentAs sent_as, Failure &failure);

/// The same for a username and a password of which neither is taken for a token.
bool name_mistake(std::string_view username, std::string_view password, Failure &failure);

/// For a text that is neither a JSON Web Token nor a known mistake.
void name_opaque(std::size_t size, Failure &failure);

/// The line of the configuration that allows so many bytes; empty if no value does.
std::string hint_for_size(std::size_t token_bytes);

inline constexpr std::string_view send_token_as_password = "send the access token as the password";
inline constexpr std::string_view token_may_be_username =
    "send it as the password, or set token_in_username = true";

}  // namespace tokenward::credentials
