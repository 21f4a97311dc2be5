// What an operator may change where a request failed: a line to write, or who must do what.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <curl/curl.h>

namespace tokenward::keys {

/// Of a response that is neither 200 nor 304. `location`: of a redirect; may be empty. `with_token`: the request had a
/// bearer token.
std::string hint_for_status(long status, std::string_view url, std::string_view location, bool with_token);

/// A request without a response.
struct FailedRequest {
    std::string_view url;
    CURLcode code = CURLE_OK;
    long verify_result = 0;   ///< CURLINFO_SSL_VERIFYRESULT
    long proxy_status = 0;    ///< what a proxy answered to CONNECT; 0: nothing
    bool plain_http = false;  ///< the other side answered without TLS
};
std::string hint_for_error(const FailedRequest &failed);
/// For what takes so long that nobody knows yet how it ends.
std::string hint_if_silent(std::string_view url);

inline constexpr std::string_view hint_if_too_large =
    "no key set is so large: set issuer or jwks_uri to the provider's own address";
inline constexpr std::string_view hint_if_internal =
    "a provider may name no address within the network of the broker, unless it is there itself: if it is "
    "right, set "
    "jwks_uri";
inline constexpr std::string_view hint_if_encoded =
    "the provider, or a proxy in front of it, must answer in gzip or as it is";
inline constexpr std::string_view hint_if_no_socket =
    "raise the limit of open files (ulimit -n, the service's LimitNOFILE)";

}  // namespace tokenward::keys
