// Access tokens in the shape of real providers: what their documentation and tokens show, with made-up values.
#pragma once

#include "support/token_mint.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tokenward::support {

struct ShapeRequest {
    std::string issuer;
    std::string audience;
    std::vector<std::string> scopes;  ///< as the provider stores them: with the prefix, if there is one
    std::int64_t now = 0;             ///< seconds since 1970
    std::int64_t lifetime_s = 300;
};

/// The header without alg and kid, and the payload.
struct TokenShape {
    std::string provider;
    JsonObject header;
    JsonObject claims;
};

/// Keycloak 24 and later: client roles in resource_access.<audience>.roles, an unrelated scope, other clients'
/// roles beside; payload typ Bearer. Username in preferred_username.
TokenShape keycloak_shape(const ShapeRequest &request);
/// The same with the nonce that Keycloak before 24 puts into access tokens.
TokenShape keycloak_23_shape(const ShapeRequest &request);
/// Keycloak with client scopes: they stand in scope, aud comes from an audience mapper.
TokenShape keycloak_scope_shape(const ShapeRequest &request);
/// Entra ID, token version 2: app roles in roles; issuer https://login.microsoftonline.com/TENANT/v2.0.
TokenShape entra_v2_shape(const ShapeRequest &request);
/// Entra ID, token version 1: issuer https://sts.windows.net/TENANT/, delegated scopes in scp.
TokenShape entra_v1_shape(const ShapeRequest &request);
/// Auth0, machine to machine: scope and permissions, sub CLIENT@clients.
TokenShape auth0_shape(const ShapeRequest &request);
/// Okta, custom authorization server: scp is an array.
TokenShape okta_shape(const ShapeRequest &request);
/// Cloud Foundry UAA: scope is an array, aud an array of the scopes' prefixes, jku in the header.
TokenShape uaa_shape(const ShapeRequest &request);

std::vector<TokenShape> all_provider_shapes(const ShapeRequest &request);

}  // namespace tokenward::support
