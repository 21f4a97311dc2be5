// What an operator may change where a request failed.
#pragma once

#include <string_view>

#include <curl/curl.h>

namespace tokenward::keys {

/// Of a response that is neither 200 nor 304. `with_token`: the request had a bearer token.
std::string_view hint_for_status(long status, bool with_token) noexcept;

/// Of a request without a response. `verify_result` is CURLINFO_SSL_VERIFYRESULT, `proxy_status` what a proxy
/// answered to CONNECT (0: nothing).
std::string_view hint_for_error(CURLcode code, long verify_result, long proxy_status) noexcept;

inline constexpr std::string_view hint_if_too_large =
    "no key set is so large: is issuer or jwks_uri the provider's address?";
inline constexpr std::string_view hint_if_internal =
    "a provider may name no address within the network of the broker, unless it is there itself: if it is "
    "right, set "
    "jwks_uri";
inline constexpr std::string_view hint_if_encoded =
    "the provider, or a proxy in front of it, must answer in gzip or as it is";
inline constexpr std::string_view hint_if_no_socket =
    "raise the limit of open files (ulimit -n, the service's LimitNOFILE)";

}  // namespace tokenward::keys
