// Checks URLs (RFC 3986) with libcurl's parser, and says in words what is wrong.
#pragma once

#include <string>
#include <string_view>

namespace tokenward::config {

/// Each says what is wrong with the URL, or nothing. An issuer has neither query nor fragment (OIDC Discovery
/// section 3). Entra ID's issuers for many tenants are refused: their tokens name the tenant's own issuer.
std::string issuer_problem(std::string_view url);
std::string https_url_problem(std::string_view url);
std::string proxy_problem(std::string_view url);

/// The https URL that is probably meant by one that begins with http:// or isn't in lower case there. Empty: none, or it
/// holds a user.
std::string better_https_url(std::string_view url);
/// The issuer that is probably meant by one that issuer_problem() refuses; empty: unknown.
std::string better_issuer(std::string_view url);

/// An address that a provider may name for its keys: https, a host, no user, printable ASCII without spaces and
/// backslashes, 2048 bytes at most.
bool is_https_url(std::string_view url);

/// Both have the same host, whatever the port. What is no URL has no host.
bool same_host(std::string_view a, std::string_view b);
/// As libcurl reads it: without the brackets of an IPv6 address, an IPv4 address with four decimal numbers.
std::string host_of(std::string_view url);

/// Both are https URLs of the same host and port. What is no URL has no host.
bool same_https_host(std::string_view a, std::string_view b);

/// "host" or "host:port", for a message; the whole text if it isn't a URL.
std::string host_and_port(std::string_view url);

/// The URL for a message: "***" takes the place of user and password.
std::string without_userinfo(std::string_view url);

}  // namespace tokenward::config
