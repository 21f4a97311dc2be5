#include "config/vendor.hpp"

#include "base/issuer.hpp"
#include "config/url.hpp"

#include <string>

namespace tokenward::config {
namespace {

struct Sign {
    enum class Where : std::uint8_t { host, host_start, host_end, path_end, inside };
    Vendor vendor;
    Where where;
    std::string_view text;
};
using Where = Sign::Where;

constexpr Sign signs[] = {
    {Vendor::adfs, Where::path_end, "/adfs/services/trust"},
    {Vendor::adfs, Where::path_end, "/adfs"},
    {Vendor::auth0, Where::host_end, ".auth0.com"},
    {Vendor::authentik, Where::inside, "/application/o/"},
    {Vendor::cognito, Where::host_start, "cognito-idp."},
    {Vendor::entra, Where::host, "login.microsoftonline.com"},
    {Vendor::entra, Where::host, "login.microsoftonline.us"},
    {Vendor::entra, Where::host, "login.partner.microsoftonline.cn"},
    {Vendor::entra, Where::host, "sts.windows.net"},
    {Vendor::entra, Where::host_end, ".ciamlogin.com"},
    {Vendor::github, Where::host, "token.actions.githubusercontent.com"},
    {Vendor::google, Where::host, "accounts.google.com"},
    {Vendor::keycloak, Where::inside, "/realms/"},
    {Vendor::okta, Where::host_end, ".okta.com"},
    {Vendor::okta, Where::host_end, ".oktapreview.com"},
    {Vendor::uaa, Where::path_end, "/oauth/token"},
};

}  // namespace

Vendor vendor_of(std::string_view issuer) {
    const std::string_view whole = without_trailing_slash(issuer);
    const std::string host = host_of(whole);
    for (const Sign &sign : signs) {
        switch (sign.where) {
            case Where::host:
                if (host == sign.text) return sign.vendor;
                break;
            case Where::host_start:
                if (host.starts_with(sign.text)) return sign.vendor;
                break;
            case Where::host_end:
                if (host.ends_with(sign.text)) return sign.vendor;
                break;
            case Where::path_end:
                if (whole.ends_with(sign.text)) return sign.vendor;
                break;
            case Where::inside:
                if (whole.find(sign.text) != std::string_view::npos) return sign.vendor;
                break;
        }
    }
    return Vendor::unknown;
}

}  // namespace tokenward::config
