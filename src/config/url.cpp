#include "config/url.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace tokenward::config {
namespace {

constexpr std::string_view https = "https://";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char &c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

/// host [ ":" port ], the host a name, an IPv4 or a bracketed IPv6 address.
bool is_host_and_port(std::string_view authority) {
    std::string_view rest;
    if (starts_with(authority, "[")) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos || end == 1) return false;
        const std::string_view address = authority.substr(1, end - 1);
        const bool good = std::all_of(address.begin(), address.end(), [](char c) {
            return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
        });
        if (!good) return false;
        rest = authority.substr(end + 1);
    } else {
        const std::size_t end = std::min(authority.find(':'), authority.size());
        const std::string_view host = authority.substr(0, end);
        const bool good = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
            return is_alnum(c) || c == '-' || c == '.' || c == '_';
        });
        if (!good) return false;
        rest = authority.substr(end);
    }
    if (rest.empty()) return true;
    if (rest.size() < 2 || rest.size() > 6 || rest.front() != ':') return false;
    unsigned long port = 0;
    for (const char c : rest.substr(1)) {
        if (!is_digit(c)) return false;
        port = port * 10 + static_cast<unsigned long>(c - '0');
    }
    return port >= 1 && port <= 65535;
}

bool has_only_url_characters(std::string_view url) {
    constexpr std::string_view others = "-._~:/?#[]@!$&'()*+,;=%";
    return std::all_of(url.begin(), url.end(),
                       [&](char c) { return is_alnum(c) || others.find(c) != std::string_view::npos; });
}

struct Parts {
    std::string_view authority;
    std::string_view path;
};

Parts split(std::string_view url, std::size_t scheme_size) {
    const std::string_view rest = url.substr(scheme_size);
    const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    return {rest.substr(0, end), rest.substr(end)};
}

/// https://login.microsoftonline.com/common/v2.0 and its like in the national clouds.
bool is_entra_collective(const Parts &url) {
    constexpr std::string_view hosts[] = {"login.microsoftonline.com", "login.microsoftonline.us",
                                          "login.partner.microsoftonline.cn", "login.windows.net",
                                          "sts.windows.net"};
    constexpr std::string_view names[] = {"common", "organizations", "consumers"};
    const std::string host = lower(url.authority.substr(0, url.authority.find(':')));
    if (std::find(std::begin(hosts), std::end(hosts), host) == std::end(hosts) || url.path.empty())
        return false;
    const std::string name = lower(url.path.substr(1, url.path.find('/', 1) - 1));
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

std::string https_url_problem(std::string_view url) {
    if (starts_with(lower(url), "http://"))
        return "must begin with https://: plain http lets anybody forge the keys";
    if (!starts_with(url, https)) return "must be a URL that begins with https:// (in lower case)";
    if (!has_only_url_characters(url)) return "has a character that can't stand in a URL: percent-encode it";
    const Parts parts = split(url, https.size());
    if (parts.authority.find('@') != std::string_view::npos) return "must not have a user or password in it";
    if (!is_host_and_port(parts.authority))
        return "must have a host name or address after https://, and a port from 1 to 65535 if any";
    if (url.find('#') != std::string_view::npos) return "must not have a fragment (#)";
    return {};
}

std::string issuer_problem(std::string_view url) {
    if (url.empty()) return "must be the provider's https:// URL";
    if (std::string problem = https_url_problem(url); !problem.empty()) return problem;
    if (url.find('?') != std::string_view::npos)
        return "must not have a query (?): an issuer has none (OIDC Discovery section 3)";
    const Parts parts = split(url, https.size());
    if (parts.path.find("/.well-known/") != std::string_view::npos) {
        return "must be the issuer, not its discovery document: leave out /.well-known/ and what follows";
    }
    if (is_entra_collective(parts)) {
        return "names no tenant: put the tenant id (a GUID) in the place of common, organizations or "
               "consumers, as in "
               "https://login.microsoftonline.com/TENANT/v2.0";
    }
    return {};
}

std::string proxy_problem(std::string_view url) {
    constexpr std::string_view schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
    const auto *scheme = std::find_if(std::begin(schemes), std::end(schemes),
                                      [&](std::string_view candidate) { return starts_with(url, candidate); });
    if (scheme == std::end(schemes)) return "must begin with http://, https://, socks5:// or socks5h://";
    if (!has_only_url_characters(url)) return "has a character that can't stand in a URL: percent-encode it";
    const Parts parts = split(url, scheme->size());
    const std::size_t at = parts.authority.rfind('@');
    const std::string_view host =
        at == std::string_view::npos ? parts.authority : parts.authority.substr(at + 1);
    if (!is_host_and_port(host) || (!parts.path.empty() && parts.path != "/"))
        return "must be SCHEME://HOST:PORT";
    return {};
}

std::string without_userinfo(std::string_view url) {
    const std::size_t at = url.rfind('@');
    if (at == std::string_view::npos) return std::string(url);
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme == std::string_view::npos || scheme > at ? 0 : scheme + 3;
    return std::string(url.substr(0, begin)) + "***" + std::string(url.substr(at));
}

}  // namespace tokenward::config
