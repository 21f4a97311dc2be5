#include "config/vendor.hpp"

#include <gtest/gtest.h>

namespace tokenward::config {
namespace {

TEST(Vendor, ByTheIssuer) {
    struct Row {
        const char *issuer;
        Vendor vendor;
    };
    const Row rows[] = {
        {"http://fs.example.com/adfs/services/trust", Vendor::adfs},
        {"https://fs.example.com/adfs/", Vendor::adfs},
        {"https://factory.eu.auth0.com/", Vendor::auth0},
        {"https://auth.example.com/application/o/broker/", Vendor::authentik},
        {"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_1", Vendor::cognito},
        {"https://login.microsoftonline.com/0a1b/v2.0", Vendor::entra},
        {"https://sts.windows.net/0a1b/", Vendor::entra},
        {"https://factory.ciamlogin.com/0a1b/v2.0", Vendor::entra},
        {"https://token.actions.githubusercontent.com", Vendor::github},
        {"https://accounts.google.com", Vendor::google},
        {"https://id.example.com:8443/realms/factory", Vendor::keycloak},
        {"https://id.example.com/auth/realms/factory", Vendor::keycloak},
        {"https://dev-1.okta.com/oauth2/default", Vendor::okta},
        {"https://uaa.example.com/oauth/token", Vendor::uaa},
        {"https://id.example.com", Vendor::unknown},
        {"https://auth0.com.example.com/", Vendor::unknown},
        {"https://id.example.com/?x=sts.windows.net", Vendor::unknown},
        {"kubernetes/serviceaccount", Vendor::unknown},
        {"", Vendor::unknown},
    };
    for (const Row &row : rows) EXPECT_EQ(vendor_of(row.issuer), row.vendor) << row.issuer;
}

}  // namespace
}  // namespace tokenward::config
