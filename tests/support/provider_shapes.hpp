// Access tokens in the shape of real providers: what their documents and sources say (named at each), with
// made-up values. Last compared in November 2026.
#pragma once

#include "support/token_mint.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tokenward::support {

struct ShapeRequest {
    std::string issuer;
    std::string audience;
    std::vector<std::string> scopes;  ///< scopes, roles or groups, as the provider stores them
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

/// AD FS 2016 and later, a person. iss is the name of the federation service, with http; typ, x5t; auth_time is a
/// text; a claim with one value is a string, with several an array. There is no sub unless a rule issues one.
/// Source: Microsoft, "AD FS OpenID Connect/OAuth concepts"; access_token_issuer in its discovery document.
TokenShape adfs_shape(const ShapeRequest &request);
/// AD FS, client credentials: appid names the client, nothing names a person, no rule's claims.
TokenShape adfs_client_shape(const ShapeRequest &request);
/// Cognito, a person with a browser login: no aud, client_id instead; token_use access; groups of the pool; no typ in
/// the header. Source: Amazon Cognito Developer Guide, "Understanding the access token".
TokenShape cognito_shape(const ShapeRequest &request);
/// Cognito, client credentials: sub is the client id, there is no username.
TokenShape cognito_client_shape(const ShapeRequest &request);
/// Cognito with resource binding (RFC 8707): aud is the resource that a person's client asked for. Source: the same
/// guide, "Scopes, M2M, and resource servers".
TokenShape cognito_bound_shape(const ShapeRequest &request);
/// A service account's token from a projected volume: aud an array, no scopes, dots in the name kubernetes.io; no typ.
/// Source: kubernetes/kubernetes, pkg/serviceaccount/claims.go; node and jti: since 1.30.
TokenShape kubernetes_shape(const ShapeRequest &request);
/// Zitadel, a service account with client credentials: roles are the member names of an object, the values say which
/// organization granted them; the roles of another project stand beside. The audience is the project's id.
/// Source: zitadel/zitadel, internal/api/oidc/token.go and userinfo.go; zitadel/oidc, pkg/oidc/token.go.
TokenShape zitadel_shape(const ShapeRequest &request);
/// Dex: its access token is an ID token, with at_hash (of a random text) and the client's nonce. Rights are groups; sub
/// is a user and a connector in base64url; aud names the broker if the client asked for it. No typ in the header.
/// Source: dexidp/dex, server/tokens/issuer.go and claims.go.
TokenShape dex_shape(const ShapeRequest &request);
/// Dex, client credentials: no email; one audience is a string.
TokenShape dex_client_shape(const ShapeRequest &request);
/// Authentik, a person: the ID token's claims, also nonce, with azp and uid added. aud is the client's id, iss names
/// the application and ends with a slash. Source: goauthentik/authentik, providers/oauth2/id_token.py, views/token.py.
TokenShape authentik_shape(const ShapeRequest &request);
/// Casdoor, token format JWT: the whole user; roles and permissions are objects; nonce; tokenType tells a refresh token
/// from an access token. Source: casdoor/casdoor, object/token_jwt.go.
TokenShape casdoor_shape(const ShapeRequest &request);
/// Google, a service account's ID token of format full: sub and azp are its number, no scopes. aud is what the client
/// asked for. Source: Google Cloud, "Verify the identity of instances"; gcloud auth print-identity-token.
TokenShape google_shape(const ShapeRequest &request);
/// GitLab CI/CD, an ID token of a job: numbers as strings (but runner_id), null in ci_config_*. Source: GitLab,
/// doc/ci/secrets/id_token_authentication.md.
TokenShape gitlab_ci_shape(const ShapeRequest &request);
/// GitHub Actions, a job's token: sub with the ids of owner and repository (repositories created, renamed or moved after
/// 15 July 2026), empty strings where nothing is to be said. Source: GitHub Docs, "OpenID Connect reference".
TokenShape github_actions_shape(const ShapeRequest &request);
/// GitHub Actions, older repositories and GitHub Enterprise Server: sub by names alone.
TokenShape github_actions_by_name_shape(const ShapeRequest &request);
/// Ory Hydra with JWT access tokens: scp is an array, the consent's claims stand in ext; client credentials: sub is the
/// client. Source: ory/hydra, oauth2/session.go and fosite/token/jwt/claims_jwt.go.
TokenShape hydra_shape(const ShapeRequest &request);
/// Glewlwyd, a person who signed in: sub is a random string, the plugin adds the name; header typ at+jwt. aud is the
/// resource that was asked for. Source: tokens of 2.7.5, the version of tests/mosquitto/glewlwyd.mjs.
TokenShape glewlwyd_shape(const ShapeRequest &request);
/// Glewlwyd, client credentials.
TokenShape glewlwyd_client_shape(const ShapeRequest &request);
/// Glewlwyd, the password grant: aud is the list of scopes.
TokenShape glewlwyd_password_shape(const ShapeRequest &request);
/// PingFederate, JSON token management: scope is an array unless its values are delimited by spaces; iss, aud, jti and
/// kid are there if configured. Source: PingFederate Server, "Configuring JSON token management".
TokenShape pingfederate_shape(const ShapeRequest &request);

}  // namespace tokenward::support
