#include "keys/fetch_result.hpp"

#include <array>

namespace tokenward::keys {

std::string_view fetch_result_name(FetchResult result) noexcept {
    static constexpr std::array<std::string_view, fetch_result_count> names{
        "ok",        "not_modified", "empty",     "bad_document", "http_status",
        "too_large", "timeout",      "tls_error", "network_error"};
    const auto index = static_cast<std::size_t>(result);
    return index < names.size() ? names[index] : "unknown";
}

}  // namespace tokenward::keys
