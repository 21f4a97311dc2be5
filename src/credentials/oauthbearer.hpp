// SASL OAUTHBEARER: the client's first message (RFC 7628 section 3.1, gs2 header of RFC 5801 section 4).
#pragma once

#include "credentials/credentials.hpp"

#include <string>
#include <string_view>

namespace tokenward::credentials {

/// The token isn't judged. Fails with MALFORMED_CREDENTIALS, EMPTY_TOKEN. An authzid that had to be decoded is kept in
/// `storage`.
Result<SentToken> from_oauthbearer(std::string_view message, std::string &storage);

}  // namespace tokenward::credentials
