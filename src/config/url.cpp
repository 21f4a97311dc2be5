#include "config/url.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <new>

#include <curl/curl.h>
#include <fmt/format.h>

namespace tokenward::config {
namespace {

constexpr std::string_view https = "https://";
constexpr std::size_t longest_url_of_a_provider = 2048;

bool has_only(std::string_view text, std::string_view marks) {
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return is_alphanumeric(c) || marks.find(c) != std::string_view::npos; });
}

bool has_only_url_characters(std::string_view url) {
    return has_only(url, "-._~:/?#[]@!$&'()*+,;=%");
}

/// A URL as libcurl parses it. libcurl accepts more than we do: see is_strict().
class Url {
  public:
    explicit Url(std::string_view text) : text_(text), handle_(curl_url(), &curl_url_cleanup) {
        if (!handle_) throw std::bad_alloc();
        const CURLUcode code =
            curl_url_set(handle_.get(), CURLUPART_URL, text_.c_str(), CURLU_NON_SUPPORT_SCHEME);
        if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
        parsed_ = code == CURLUE_OK;
    }

    /// There is a host and, if a port is named, one from 1 to 65535.
    bool is_strict() const {
        const std::string_view authority = this->authority();
        // libcurl skips a third slash, unescapes the host, and takes an empty port and port 0.
        return parsed_ && !authority.empty() && has_only(host_and_port(), "-._:[]") &&
               authority.back() != ':' && part(CURLUPART_PORT) != "0";
    }
    bool names_user() const { return authority().find('@') != std::string_view::npos; }
    std::string host() const { return part(CURLUPART_HOST); }
    std::string path() const { return part(CURLUPART_PATH); }
    /// The scheme's own if none is named.
    std::string port() const { return part(CURLUPART_PORT, CURLU_DEFAULT_PORT); }
    bool parsed() const { return parsed_; }

    /// As it stands in the text, without the user.
    std::string_view host_and_port() const {
        const std::string_view authority = this->authority();
        const std::size_t at = authority.rfind('@');
        return at == std::string_view::npos ? authority : authority.substr(at + 1);
    }

  private:
    /// What stands between "://" and the path (RFC 3986 section 3.2).
    std::string_view authority() const {
        const std::size_t scheme = text_.find("://");
        if (scheme == std::string::npos) return {};
        const std::string_view rest = std::string_view(text_).substr(scheme + 3);
        return rest.substr(0, rest.find_first_of("/?#"));
    }
    std::string part(CURLUPart which, unsigned int flags = 0) const {
        char *value = nullptr;
        const CURLUcode code = curl_url_get(handle_.get(), which, &value, flags);
        if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
        if (code != CURLUE_OK) return {};
        const std::unique_ptr<char, decltype(&curl_free)> owner(value, &curl_free);
        return value;
    }

    std::string text_;
    std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle_;
    bool parsed_ = false;
};

/// https://login.microsoftonline.com/common/v2.0 and its like in the national clouds.
bool is_entra_issuer_of_many_tenants(const Url &url) {
    constexpr std::string_view hosts[] = {"login.microsoftonline.com", "login.microsoftonline.us",
                                          "login.partner.microsoftonline.cn", "login.windows.net",
                                          "sts.windows.net"};
    constexpr std::string_view names[] = {"common", "organizations", "consumers"};
    if (std::find(std::begin(hosts), std::end(hosts), to_lower(url.host())) == std::end(hosts)) return false;
    const std::string path = to_lower(url.path());
    const std::string_view name = std::string_view(path).substr(1, path.find('/', 1) - 1);
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

std::string https_url_problem(std::string_view url) {
    if (equals_ignoring_case(url.substr(0, 7), "http://"))
        return "plain http: the keys would come from there, and anybody on the way could forge them";
    if (url.substr(0, https.size()) != https) return "must be a URL that begins with https:// (in lower case)";
    if (!has_only_url_characters(url)) return "has a character that can't stand in a URL: percent-encode it";
    const Url parsed(url);
    if (parsed.names_user()) return "must not have a user or password in it";
    if (!parsed.is_strict())
        return "must have a host name or address after https://, and a port from 1 to 65535 if any";
    if (url.find('#') != std::string_view::npos) return "must not have a fragment (#)";
    return {};
}

std::string issuer_problem(std::string_view url) {
    if (url.empty()) return "must be the provider's https:// URL";
    if (std::string problem = https_url_problem(url); !problem.empty()) return problem;
    if (url.find('?') != std::string_view::npos)
        return "must not have a query (?): an issuer has none (OIDC Discovery section 3)";
    const Url parsed(url);
    if (parsed.path().find("/.well-known/") != std::string::npos)
        return "that is the discovery document, not the issuer";
    if (is_entra_issuer_of_many_tenants(parsed)) return "names no tenant";
    return {};
}

std::string better_https_url(std::string_view url) {
    if (url.find('@') != std::string_view::npos) return {};
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!equals_ignoring_case(url.substr(0, scheme.size()), scheme)) continue;
        std::string better = std::string(https).append(url.substr(scheme.size()));
        return https_url_problem(better).empty() && better != url ? better : std::string();
    }
    return {};
}

std::string better_issuer(std::string_view url) {
    std::string better = better_https_url(url);
    if (better.empty()) better = url;
    better = better.substr(0, better.find("/.well-known/"));
    if (!https_url_problem(better).empty()) return {};
    const Url parsed(better);
    if (is_entra_issuer_of_many_tenants(parsed))
        return fmt::format("{}{}/TENANT-ID/v2.0", https, parsed.host_and_port());
    return better != url ? better : std::string();
}

std::string proxy_problem(std::string_view url) {
    constexpr std::string_view schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
    if (std::none_of(std::begin(schemes), std::end(schemes),
                     [&](std::string_view scheme) { return url.substr(0, scheme.size()) == scheme; }))
        return "must begin with http://, https://, socks5:// or socks5h://";
    if (!has_only_url_characters(url)) return "has a character that can't stand in a URL: percent-encode it";
    const Url parsed(url);
    const bool ends_there = parsed.path() == "/" && url.find_first_of("?#") == std::string_view::npos;
    return parsed.is_strict() && ends_there ? "" : "must be SCHEME://HOST:PORT";
}

bool is_https_url(std::string_view url) {
    if (url.size() > longest_url_of_a_provider || !equals_ignoring_case(url.substr(0, https.size()), https))
        return false;
    if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~' && c != '\\'; }))
        return false;
    const Url parsed(url);
    // libcurl skips a third slash: the path's first segment would be the host.
    return parsed.parsed() && !parsed.names_user() && !parsed.host_and_port().empty();
}

bool same_https_host(std::string_view a, std::string_view b) {
    if (!is_https_url(a) || !is_https_url(b)) return false;
    const Url one(a);
    const Url other(b);
    return equals_ignoring_case(one.host(), other.host()) && one.port() == other.port();
}

std::string host_of(std::string_view url) {
    std::string host = Url(url).host();
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    return host;
}

bool same_host(std::string_view a, std::string_view b) {
    const std::string host = host_of(a);
    return !host.empty() && equals_ignoring_case(host, host_of(b));
}

std::string host_and_port(std::string_view url) {
    const Url parsed(url);
    return std::string(parsed.parsed() ? parsed.host_and_port() : url);
}

std::string without_userinfo(std::string_view url) {
    const std::size_t at = url.rfind('@');
    if (at == std::string_view::npos) return std::string(url);
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme == std::string_view::npos || scheme > at ? 0 : scheme + 3;
    return std::string(url.substr(0, begin)) + "***" + std::string(url.substr(at));
}

}  // namespace tokenward::config
