// Where a client came from, as the host tells it.
#pragma once

#include <string_view>

namespace tokenward::session {

/// For log lines only: it decides nothing. Borrowed.
struct Context {
    std::string_view protocol;
    std::string_view peer;
    std::string_view client_id;
    std::string_view listener;
};

}  // namespace tokenward::session
