// Standard base64 (RFC 4648 section 4), strict: as RFC 7617 wants it in HTTP Basic.
#pragma once

#include <string>
#include <string_view>

namespace tokenward::credentials {

/// Replaces `out` by the decoded bytes; false if there is a foreign character, missing or surplus padding, or a
/// stray trailing bit. Allocates at most the decoded size.
bool base64_decode(std::string_view encoded, std::string &out);

}  // namespace tokenward::credentials
