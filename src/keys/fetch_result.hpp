// How a fetch of a key set ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tokenward::keys {

/// A closed set, so that it can be a metric's label.
enum class FetchResult : std::uint8_t {
    ok,             ///< a set with usable keys
    not_modified,   ///< status 304: the set that we have is the current one
    empty,          ///< a well-formed set without keys
    bad_document,   ///< not a discovery document, not a key set, another issuer, or no usable key
    http_status,    ///< neither 200 nor 304
    too_large,      ///< the body is larger than allowed
    timeout,        ///< no whole response in time
    tls_error,      ///< the handshake failed or the certificate isn't accepted
    network_error,  ///< name look-up, connection or protocol
};
inline constexpr std::size_t fetch_result_count = 9;

/// "ok", "bad_document" ...; static.
std::string_view fetch_result_name(FetchResult result) noexcept;

}  // namespace tokenward::keys
