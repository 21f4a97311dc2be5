// Which token each configuration in src/config/examples is for.
//
// Every row gives the same rights: read queues that begin with "orders", write the exchange "events", the tag
// monitoring, all in the vhost "/".
#pragma once

#include "support/provider_shapes.hpp"

#include <ostream>
#include <string>
#include <vector>

namespace tokenward::session {

struct Recipe {
    const char *what;
    const char *file;
    support::TokenShape (*shape)(const support::ShapeRequest &);
    std::vector<std::string> scopes;  ///< scopes, roles or groups, as the provider stores them
    std::string username;
    const char *more = "";          ///< more members for [oauth], each with a comma behind it
    const char *section = "oauth";  ///< the one that the token is for
    std::string issuer = {};        ///< what the token says; empty: what the section says
};

/// A token that differs from a row's in one claim and must be refused.
struct NearMiss {
    const char *what;
    const char *file;
    support::TokenShape (*shape)(const support::ShapeRequest &);
    std::vector<std::string> scopes;
    const char *claim;
    const char *json;  ///< its value; empty: the claim isn't there
    const char *more = "";
};

/// What GoogleTest prints for a row.
inline void PrintTo(const Recipe &row, std::ostream *out) {
    *out << row.what;
}
inline void PrintTo(const NearMiss &row, std::ostream *out) {
    *out << row.what;
}

// Where a provider's names may be scopes, they are.
inline const std::vector<std::string> scopes_with_prefix = {"broker.read:%2F/orders*",
                                                            "broker.write:%2F/events", "broker.tag:monitoring"};
inline const std::vector<std::string> scopes_under_our_id = {"read:%2F/orders*", "write:%2F/events",
                                                             "tag:monitoring"};
// What names its client alone.
inline const std::vector<std::string> no_scopes = {};

// The key set of the tests is a file, and the address of a key set can't stand beside it.
constexpr const char *no_address = R"("jwks_uri":"",)";
// The tests run in no pod.
constexpr const char *no_pod = R"("kubernetes":false,"issuer":"https://kubernetes.default.svc.cluster.local",)";

inline const std::vector<Recipe> &recipes() {
    using namespace support;
    static const std::vector<Recipe> rows = {
        // Keycloak
        {"Keycloak, client roles", "keycloak.ini", keycloak_shape, scopes_under_our_id, "alice"},
        {"Keycloak before 24, with a nonce", "keycloak.ini", keycloak_23_shape, scopes_under_our_id, "alice"},
        {"Keycloak, client scopes", "keycloak.ini", keycloak_scope_shape, scopes_with_prefix, "alice"},
        {"Keycloak, a plain role with an alias", "keycloak.ini", keycloak_shape, {"orders-reader"}, "alice"},
        {"Keycloak by its address in the cluster", "keycloak.ini", keycloak_shape, scopes_under_our_id, "alice",
         R"("issuer_aliases":"https://keycloak.internal:8443/realms/factory",)", "oauth",
         "https://keycloak.internal:8443/realms/factory"},

        // Microsoft
        {"Entra ID, version 2", "entra.ini", entra_v2_shape, scopes_with_prefix,
         "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"},
        {"Entra ID, version 1 by an alias of the issuer", "entra.ini", entra_v1_shape, scopes_with_prefix,
         "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
         R"("issuer_aliases":"https://sts.windows.net/11111111-2222-3333-4444-555555555555/",)"
         R"("additional_scopes_keys":"roles,scp",)",
         "oauth", "https://sts.windows.net/11111111-2222-3333-4444-555555555555/"},
        {"Entra ID, the first of two APIs", "two_audiences.ini", entra_v2_shape, scopes_with_prefix,
         "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"},
        {"Entra ID, the second of two APIs",
         "two_audiences.ini",
         entra_v2_shape,
         {"telemetry.read:%2F/orders*", "telemetry.write:%2F/events", "telemetry.tag:monitoring"},
         "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
         "",
         "telemetry"},
        {"AD FS, one group with a space",
         "adfs.ini",
         adfs_shape,
         {"Orders Readers"},
         "alice@corp.example.com",
         no_address},
        {"AD FS, several groups",
         "adfs.ini",
         adfs_shape,
         {"Domain Users", "Orders Readers"},
         "alice@corp.example.com",
         no_address},
        {"AD FS, a group by its distinguished name",
         "adfs.ini",
         adfs_shape,
         {"CN=Orders Readers,OU=Groups,DC=corp,DC=example,DC=com"},
         "alice@corp.example.com",
         no_address},
        {"AD FS, client credentials", "adfs.ini", adfs_client_shape, no_scopes,
         "77777777-7777-8888-9999-000000000000", no_address},

        // Hosted providers
        {"Auth0", "auth0.ini", auth0_shape, scopes_with_prefix, "kC3vExampleClient@clients"},
        {"Okta", "okta.ini", okta_shape, scopes_with_prefix, "alice@example.com"},
        {"Cognito, a person", "cognito.ini", cognito_shape, {"broker/sensor"}, "alice"},
        {"Cognito, client credentials",
         "cognito.ini",
         cognito_client_shape,
         {"broker/sensor"},
         "1example23456789"},
        {"Cognito, resource binding",
         "cognito.ini",
         cognito_bound_shape,
         {"broker/sensor"},
         "alice",
         R"("verify_aud":true,"audience":"https://broker.example.com",)"},
        {"Google", "google.ini", google_shape, no_scopes, "sensor@factory-123.iam.gserviceaccount.com"},

        // Providers to run oneself
        {"UAA", "uaa.ini", uaa_shape, scopes_with_prefix, "sensor_app"},
        {"Zitadel, plain roles", "zitadel.ini", zitadel_shape, {"orders-reader"}, "318838676403912705"},
        {"Zitadel, roles that are scopes", "zitadel.ini", zitadel_shape, scopes_with_prefix,
         "318838676403912705"},
        {"Dex, a person", "dex.ini", dex_shape, {"orders-readers"}, "alice@example.com"},
        {"Dex, client credentials", "dex.ini", dex_client_shape, {"orders-readers"}, "CgpzZW5zb3ItYXBw"},
        {"Authentik", "authentik.ini", authentik_shape, {"operators", "orders-readers"}, "alice"},
        {"Casdoor", "casdoor.ini", casdoor_shape, {"operator", "orders-reader"}, "alice"},
        {"Ory Hydra", "hydra.ini", hydra_shape, scopes_with_prefix, "sensor-app"},
        {"Glewlwyd, a person", "glewlwyd.ini", glewlwyd_shape, scopes_with_prefix, "alice"},
        {"Glewlwyd, client credentials", "glewlwyd.ini", glewlwyd_client_shape, scopes_with_prefix,
         "sensor-app"},
        {"Glewlwyd, the password grant", "glewlwyd.ini", glewlwyd_password_shape, scopes_with_prefix, "alice",
         R"("verify_aud":false,"required_claims.client_id":"dashboard",)"},
        {"PingFederate", "pingfederate.ini", pingfederate_shape, scopes_with_prefix, "sensor-app", no_address},

        // Workloads
        {"Kubernetes", "kubernetes.ini", kubernetes_shape, no_scopes, "system:serviceaccount:factory:sensor",
         no_pod},
        {"GitHub Actions", "github_actions.ini", github_actions_shape, no_scopes,
         "repo:factory@123456/sensors@456789:environment:production"},
        {"GitHub Actions, sub by names", "github_actions.ini", github_actions_by_name_shape, no_scopes,
         "repo:factory/sensors:environment:production"},
        {"GitLab CI", "gitlab_ci.ini", gitlab_ci_shape, no_scopes,
         "project_path:factory/sensors:ref_type:branch:ref:main"},

        // The rest
        {"Your own keys", "own_keys.ini", auth0_shape, scopes_with_prefix, "kC3vExampleClient@clients"},
        {"LavinMQ's own configuration",
         "lavinmq.ini",
         keycloak_shape,
         {"read:%2F/orders*", "write:%2F/events", "tag:monitoring"},
         "alice"},
    };
    return rows;
}

inline const std::vector<NearMiss> &near_misses() {
    using namespace support;
    static const std::vector<NearMiss> rows = {
        {"Cognito, another client of the pool",
         "cognito.ini",
         cognito_shape,
         {"broker/sensor"},
         "client_id",
         R"("2example23456789")"},
        {"Cognito, an ID token", "cognito.ini", cognito_shape, {"broker/sensor"}, "token_use", R"("id")"},
        {"Google, somebody else's service account", "google.ini", google_shape, no_scopes, "email",
         R"("sensor@elsewhere.iam.gserviceaccount.com")"},
        {"Google, the format standard", "google.ini", google_shape, no_scopes, "email", ""},
        {"GitHub Actions, another owner", "github_actions.ini", github_actions_shape, no_scopes,
         "repository_owner_id", R"("999")"},
        {"GitLab CI, another group", "gitlab_ci.ini", gitlab_ci_shape, no_scopes, "namespace_id", R"("73")"},
        {"GitLab CI, a branch that isn't protected", "gitlab_ci.ini", gitlab_ci_shape, no_scopes,
         "ref_protected", R"("false")"},
        {"Kubernetes, another namespace", "kubernetes.ini", kubernetes_shape, no_scopes, "kubernetes.io",
         R"({"namespace":"guests","serviceaccount":{"name":"sensor"}})", no_pod},
        {"Kubernetes, the token for the API server", "kubernetes.ini", kubernetes_shape, no_scopes, "aud",
         R"(["https://kubernetes.default.svc.cluster.local"])", no_pod},
        {"Dex, an ID token of a browser login",
         "dex.ini",
         dex_shape,
         {"orders-readers"},
         "c_hash",
         R"("hr6I4TC9OwFhOkLbyFuwMA")"},
        {"Dex, a token for the client alone",
         "dex.ini",
         dex_shape,
         {"orders-readers"},
         "aud",
         R"("sensor-app")"},
        {"Authentik, an ID token", "authentik.ini", authentik_shape, {"orders-readers"}, "azp", ""},
        {"Casdoor, a refresh token",
         "casdoor.ini",
         casdoor_shape,
         {"orders-reader"},
         "tokenType",
         R"("refresh-token")"},
        {"Glewlwyd, a request without resource", "glewlwyd.ini", glewlwyd_client_shape, scopes_with_prefix,
         "aud", R"("broker.read:%2F/orders* broker.write:%2F/events broker.tag:monitoring")"},
        {"AD FS, a request without resource",
         "adfs.ini",
         adfs_shape,
         {"Orders Readers"},
         "aud",
         R"("urn:microsoft:userinfo")",
         no_address},
        {"AD FS, the issuer of ID tokens",
         "adfs.ini",
         adfs_shape,
         {"Orders Readers"},
         "iss",
         R"("https://adfs.example.com/adfs")",
         no_address},
        {"Two APIs, a token for both", "two_audiences.ini", entra_v2_shape, scopes_with_prefix, "aud",
         R"(["66666666-7777-8888-9999-000000000000","aaaaaaaa-7777-8888-9999-000000000000"])"},
    };
    return rows;
}

}  // namespace tokenward::session
