#include "keys/http_hints.hpp"

#include <openssl/x509_vfy.h>

namespace tokenward::keys {
namespace {

std::string_view hint_for_certificate(long verify_result) noexcept {
    switch (verify_result) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "renew the provider's certificate, or set this machine's clock right";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "set this machine's clock right, or the provider's when it makes certificates";
        // The chain is good, or libcurl has set nothing but its own first value.
        case X509_V_OK:
        case X509_V_ERR_UNSPECIFIED:
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "the certificate must name the host that stands in issuer or jwks_uri";
        default:
            return "if the provider has a private CA: set ca_file to that CA's certificate";
    }
}

}  // namespace

std::string_view hint_for_status(long status, bool with_token) noexcept {
    if (status >= 300 && status < 400)
        return "redirects aren't followed: set issuer or jwks_uri to the final address";
    if (status >= 500) return "the provider has a fault of its own: look into its log";
    switch (status) {
        case 401:
        case 403:
            return with_token
                       ? "the provider refuses the token: check the file that jwks_token_file names"
                       : "these keys aren't public: set jwks_token_file, whose token goes to the host of "
                         "issuer or jwks_uri only";
        case 404:
        case 410:
            return "nothing is at that address: check issuer, or set jwks_uri";
        case 406:
            return "the provider has no JSON at that address: check issuer and jwks_uri";
        case 429:
            return "the provider limits requests: raise jwks_refresh_floor and jwks_min_refresh";
        default:
            return "check that issuer or jwks_uri is the provider's address";
    }
}

std::string_view hint_for_error(CURLcode code, long verify_result, long proxy_status) noexcept {
    if (proxy_status != 0 && (proxy_status < 200 || proxy_status >= 300))
        return "the proxy refuses to connect: check proxy and the proxy's rules";
    switch (code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
            return hint_for_certificate(verify_result);
        case CURLE_SSL_CACERT_BADFILE:
            return "check ca_file; without it, install the system's CA certificates";
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CIPHER:
            return "the provider must speak TLS 1.2 or newer at that address and port";
        case CURLE_COULDNT_RESOLVE_HOST:
            return "check the host name in issuer or jwks_uri, and this machine's name service";
        case CURLE_COULDNT_RESOLVE_PROXY:
            return "check the host name in proxy, or in the environment's https_proxy";
        case CURLE_COULDNT_CONNECT:
            return "start the provider, or open the way to its port; if only a proxy reaches it: set proxy";
        case CURLE_OPERATION_TIMEDOUT:
            return "open the way to the provider (firewall, proxy); if it is slow: raise jwks_timeout";
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_LOGIN_DENIED:
            return "check issuer and jwks_uri";
        default:
            return "look at the provider, and at what stands between it and this machine";
    }
}

}  // namespace tokenward::keys
