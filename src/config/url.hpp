// What is wrong with a URL in the configuration (RFC 3986), in words for its author.
#pragma once

#include <string>
#include <string_view>

namespace tokenward::config {

/// Each answers what would be right, or an empty text if the URL is. `issuer` has neither query nor fragment
/// (OIDC Discovery section 3) and isn't one of Entra ID's collective names, whose tokens carry the tenant's own
/// issuer.
std::string issuer_problem(std::string_view url);
std::string https_url_problem(std::string_view url);
std::string proxy_problem(std::string_view url);

/// The URL with "***" in the place of what stands in front of an '@': fit for a message.
std::string without_userinfo(std::string_view url);

}  // namespace tokenward::config
