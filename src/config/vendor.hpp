// Which product a provider is, as far as its issuer tells: advice for one vendor is of no use to another's users.
#pragma once

#include <cstdint>
#include <string_view>

namespace tokenward::config {

enum class Vendor : std::uint8_t {
    unknown,
    adfs,
    auth0,
    authentik,
    cognito,
    entra,
    github,
    google,
    keycloak,
    okta,
    uaa,
};

/// By the issuer, as it is configured or as a token says it. Only for what a message advises: it may be wrong.
Vendor vendor_of(std::string_view issuer);

}  // namespace tokenward::config
