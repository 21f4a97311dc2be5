#include "keys/http_hints.hpp"

#include "base/text.hpp"
#include "config/url.hpp"
#include "config/vendor.hpp"
#include "keys/discovery.hpp"

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

namespace tokenward::keys {
namespace {

/// The host and port, to stand in a hint.
std::string host_in(std::string_view url) {
    std::string host = copyable(config::host_and_port(url));
    return host.empty() ? "the provider" : host;
}

std::string hint_for_certificate(long verify_result, std::string_view url) {
    const std::string host = copyable(config::host_of(url));
    switch (verify_result) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return fmt::format("renew the certificate of {}, or set this machine's clock right", host_in(url));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return fmt::format("set this machine's clock right, or that of {} when it makes certificates",
                               host_in(url));
        // The chain is good, or libcurl has set nothing but its own first value.
        case X509_V_OK:
        case X509_V_ERR_UNSPECIFIED:
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return fmt::format(
                "give the provider a certificate that names {}, or write the host that it names into "
                "issuer or jwks_uri",
                host.empty() ? "its host" : host);
        default:
            return fmt::format("if {} has a private CA: ca_file = /PATH/TO/CA.pem, with that CA's certificate",
                               host_in(url));
    }
}

std::string hint_if_nothing_is_there(std::string_view url) {
    if (config::vendor_of(url.substr(0, url.find(well_known))) == config::Vendor::adfs)
        return fmt::format("jwks_uri = https://{}/adfs/discovery/keys", host_in(url));
    // Before version 17, and where its administrators kept the path.
    const std::size_t realms = url.find("/realms/");
    const std::string before(url.substr(0, realms));
    if (realms != std::string_view::npos && !before.ends_with("/auth") && url.ends_with(well_known)) {
        url.remove_suffix(well_known.size());
        if (const std::string rest = copyable(url.substr(realms)); !rest.empty() && !copyable(before).empty())
            return fmt::format("if Keycloak is under /auth: issuer = {}/auth{}", before, rest);
    }
    return "set issuer to what tokens say in iss; if the document or the keys are elsewhere: discovery_uri or "
           "jwks_uri";
}

std::string hint_for_redirect(std::string_view location) {
    const std::string to = config::is_https_url(location) ? copyable(location) : std::string();
    if (to.empty()) return "redirects aren't followed: set issuer or jwks_uri to the final address";
    if (to.ends_with(well_known))
        return "issuer = " + to.substr(0, to.size() - well_known.size()) + ", if tokens say so in iss";
    return "if the keys are there: jwks_uri = " + to;
}

}  // namespace

std::string hint_for_status(long status, std::string_view url, std::string_view location, bool with_token) {
    if (status >= 300 && status < 400) return hint_for_redirect(location);
    if (status >= 500) return fmt::format("{} has a fault of its own: look into its log", host_in(url));
    switch (status) {
        case 401:
        case 403:
            if (with_token)
                return "the provider refuses the token: jwks_token_file must name a file with a good one";
            // Kubernetes' address for them.
            if (url.find("/openid/v1/jwks") != std::string_view::npos ||
                url.find("kubernetes") != std::string_view::npos)
                return "in a pod: kubernetes = true; elsewhere: jwks_token_file = /PATH/TO/TOKEN of a service "
                       "account";
            return fmt::format(
                "these keys aren't public: jwks_token_file = /PATH/TO/TOKEN, which goes to {} only",
                host_in(url));
        case 404:
        case 410:
            return hint_if_nothing_is_there(url);
        case 406:
            return "the provider has no JSON at that address: set jwks_uri to the address of the keys";
        case 429:
            return "the provider limits requests: raise jwks_refresh_floor and jwks_min_refresh";
        default:
            return "set issuer or jwks_uri to the provider's own address";
    }
}

std::string hint_if_silent(std::string_view url) {
    return fmt::format(
        "open the way to {} (firewall); if only a proxy reaches it: proxy = http://HOST:PORT; if it is "
        "slow: jwks_timeout = 15",
        host_in(url));
}

std::string hint_for_error(const FailedRequest &failed) {
    if (failed.proxy_status != 0 && (failed.proxy_status < 200 || failed.proxy_status >= 300))
        return fmt::format("the proxy must let {} through, or set another proxy", host_in(failed.url));
    if (failed.plain_http) {
        const bool keycloak = config::vendor_of(failed.url) == config::Vendor::keycloak;
        return fmt::format(
            "{} must speak TLS, since keys are fetched by https alone{}", host_in(failed.url),
            keycloak ? " (Keycloak: --https-certificate-file and --https-certificate-key-file)" : "");
    }
    switch (failed.code) {
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
            return hint_for_certificate(failed.verify_result, failed.url);
        case CURLE_SSL_CACERT_BADFILE:
            return "install the system's CA certificates (package ca-certificates), or set ca_file";
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CIPHER:
            return fmt::format("{} must speak TLS 1.2 or newer", host_in(failed.url));
        case CURLE_COULDNT_RESOLVE_HOST: {
            const std::string host = copyable(config::host_of(failed.url));
            return fmt::format(
                "correct the host name {}in issuer or jwks_uri, or let this machine's name service know "
                "it",
                host.empty() ? "" : host + " ");
        }
        case CURLE_COULDNT_RESOLVE_PROXY:
            return "correct the host name in proxy, or in the environment's https_proxy";
        case CURLE_COULDNT_CONNECT:
            return fmt::format(
                "start the provider, or open the way to {}; if only a proxy reaches it: proxy = "
                "http://HOST:PORT",
                host_in(failed.url));
        case CURLE_OPERATION_TIMEDOUT:
            return hint_if_silent(failed.url);
        case CURLE_BAD_CONTENT_ENCODING:
            return std::string(hint_if_encoded);
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_LOGIN_DENIED:
            return "set issuer or jwks_uri to an https address without a user";
        default:
            return fmt::format("look at {}, and at what stands between it and this machine",
                               host_in(failed.url));
    }
}

}  // namespace tokenward::keys
