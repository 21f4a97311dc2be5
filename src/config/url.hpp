// URLs (RFC 3986), parsed by libcurl, and what is wrong with one in words for its author.
#pragma once

#include <string>
#include <string_view>

namespace tokenward::config {

/// Each says what the URL must be instead, or nothing if it is right. An issuer has neither query nor fragment
/// (OIDC Discovery section 3) and isn't one of Entra ID's names for many tenants: their tokens carry the
/// tenant's own issuer.
std::string issuer_problem(std::string_view url);
std::string https_url_problem(std::string_view url);
std::string proxy_problem(std::string_view url);

/// An address that a provider may name for its keys: https, a host, no user, printable ASCII without spaces and
/// backslashes, 2048 bytes at most.
bool is_https_url(std::string_view url);

/// "host" or "host:port", for a message; the whole text if it isn't a URL.
std::string host_and_port(std::string_view url);

/// The URL with "***" in place of what stands in front of an '@', for a message.
std::string without_userinfo(std::string_view url);

}  // namespace tokenward::config
