// Where a client came from, as the host tells it.
#pragma once

#include <string_view>

namespace tokenward::session {

/// For log lines and their limits. It decides only where the configuration asks for it. Borrowed.
struct Context {
    std::string_view protocol;
    std::string_view peer;
    std::string_view client_id;
    std::string_view connection_name;
    std::string_view listener;
    std::string_view client_certificate_sha256;  ///< 32 bytes, or empty
    bool client_id_bound = false;                ///< the host ties the client_id to the session's identity
    bool last_backend = false;                   ///< the host asks nobody else after NOT_A_TOKEN
    bool asks_again = false;                     ///< the host asks once more after TRY_AGAIN
};

}  // namespace tokenward::session
