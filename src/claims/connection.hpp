// What a client's connection puts into scopes, beside the token's claims.
#pragma once

#include <string_view>

namespace tokenward::claims {

/// Borrowed. By default nothing is known of the client.
struct Connection {
    std::string_view username;     ///< the session's, with the section's username_prefix
    std::string_view client_id;    ///< MQTT client identifier: what the client chose
    bool client_id_bound = false;  ///< the host ties it to the session's identity
};

}  // namespace tokenward::claims
