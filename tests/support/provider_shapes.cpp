#include "support/provider_shapes.hpp"

namespace tokenward::support {
namespace {

std::string joined(const std::vector<std::string> &words) {
    std::string out;
    for (const auto &word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

JsonObject roles(const std::vector<std::string> &names) {
    return JsonObject().strings("roles", names);
}

void add_times(JsonObject &claims, const ShapeRequest &request) {
    claims.number("exp", request.now + request.lifetime_s).number("iat", request.now);
}

TokenShape keycloak_base(const ShapeRequest &request) {
    TokenShape out{"Keycloak", {}, {}};
    out.header.string("typ", "JWT");
    add_times(out.claims, request);
    out.claims.string("jti", "onrtac:7a0d6ed7-3f44-4d3b-8a5c-0f1f3d3b9c11")
        .string("iss", request.issuer)
        .strings("aud", {request.audience, "account"})
        .string("sub", "f2b1c9a4-6d0e-4a55-9b0a-4c9a5c1f7e21")
        .string("typ", "Bearer")
        .string("azp", "sensor-app")
        .string("sid", "0a8a3f5c-1b7e-4c59-a5d0-72a9b8d7e001")
        .string("acr", "1")
        .strings("allowed-origins", {"/*"})
        .object("realm_access", roles({"offline_access", "uma_authorization", "default-roles-test"}));
    return out;
}

void add_keycloak_user(JsonObject &claims) {
    claims.boolean("email_verified", true)
        .string("name", "Alice Example")
        .string("preferred_username", "alice")
        .string("given_name", "Alice")
        .string("family_name", "Example")
        .string("email", "alice@example.com");
}

constexpr auto tenant = "11111111-2222-3333-4444-555555555555";

}  // namespace

TokenShape keycloak_shape(const ShapeRequest &request) {
    TokenShape out = keycloak_base(request);
    JsonObject access;
    access.object(request.audience, roles(request.scopes))
        .object("account", roles({"manage-account", "view-profile"}))
        .object("another-broker", roles({"configure:*/*", "read:*/*", "write:*/*", "tag:administrator"}));
    out.claims.object("resource_access", access).string("scope", "openid email profile");
    add_keycloak_user(out.claims);
    return out;
}

TokenShape keycloak_23_shape(const ShapeRequest &request) {
    TokenShape out = keycloak_shape(request);
    out.provider = "Keycloak 23";
    out.claims.string("nonce", "d3f1e7f6-0b52-4a43-8d0e-6b8d0e9a7c55");
    return out;
}

TokenShape keycloak_scope_shape(const ShapeRequest &request) {
    TokenShape out = keycloak_base(request);
    out.provider = "Keycloak, client scopes";
    out.claims.object("resource_access", JsonObject().object("account", roles({"view-profile"})))
        .string("scope", "openid email profile " + joined(request.scopes));
    add_keycloak_user(out.claims);
    return out;
}

TokenShape entra_v2_shape(const ShapeRequest &request) {
    TokenShape out{"Entra ID v2", {}, {}};
    out.header.string("typ", "JWT");
    out.claims.string("aud", request.audience).string("iss", request.issuer);
    add_times(out.claims, request);
    out.claims.number("nbf", request.now)
        .string("aio", "k2RgYAhVnVp5x+GGfdG5T8Sq5X8XvgIA")
        .string("azp", "66666666-7777-8888-9999-000000000000")
        .string("azpacr", "1")
        .string("oid", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
        .string("rh", "1.AXkAabc.")
        .strings("roles", request.scopes)
        .string("sub", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
        .string("tid", tenant)
        .string("uti", "Zm9vYmFyYmF6cXV4MTIzNA")
        .string("ver", "2.0");
    return out;
}

TokenShape entra_v1_shape(const ShapeRequest &request) {
    TokenShape out{"Entra ID v1", {}, {}};
    out.header.string("typ", "JWT").string("x5t", "nOo3ZDrODXEK1jKWhXslHR_KXEg");
    out.claims.string("aud", request.audience).string("iss", request.issuer);
    add_times(out.claims, request);
    out.claims.number("nbf", request.now)
        .string("acr", "1")
        .string("aio", "ATQAy/8TAAAAo0example")
        .strings("amr", {"pwd"})
        .string("appid", "66666666-7777-8888-9999-000000000000")
        .string("appidacr", "0")
        .string("family_name", "Example")
        .string("given_name", "Alice")
        .string("ipaddr", "192.0.2.7")
        .string("name", "Alice Example")
        .string("oid", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
        .string("rh", "1.AXkAabc.")
        .string("scp", joined(request.scopes))
        .string("sub", "pairwise-subject-of-the-application")
        .string("tid", tenant)
        .string("unique_name", "alice@example.com")
        .string("upn", "alice@example.com")
        .string("uti", "Zm9vYmFyYmF6cXV4MTIzNA")
        .string("ver", "1.0");
    return out;
}

TokenShape auth0_shape(const ShapeRequest &request) {
    TokenShape out{"Auth0", {}, {}};
    out.header.string("typ", "JWT");
    out.claims.string("iss", request.issuer)
        .string("sub", "kC3vExampleClient@clients")
        .string("aud", request.audience);
    add_times(out.claims, request);
    out.claims.string("scope", joined(request.scopes))
        .string("gty", "client-credentials")
        .string("azp", "kC3vExampleClient")
        .strings("permissions", request.scopes);
    return out;
}

TokenShape okta_shape(const ShapeRequest &request) {
    TokenShape out{"Okta", {}, {}};
    out.claims.number("ver", 1)
        .string("jti", "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE")
        .string("iss", request.issuer)
        .string("aud", request.audience);
    add_times(out.claims, request);
    out.claims.string("cid", "0oabv6kx4qq6h1U5l0h7")
        .string("uid", "00u1example")
        .strings("scp", request.scopes)
        .number("auth_time", request.now - 60)
        .string("sub", "alice@example.com");
    return out;
}

TokenShape uaa_shape(const ShapeRequest &request) {
    TokenShape out{"UAA", {}, {}};
    out.header.string("typ", "JWT").string("jku", request.issuer + "/token_keys");
    out.claims.string("jti", "b3a5d1f0c6e74c0f8f9d2a4b6c8e0f12")
        .string("sub", "sensor_app")
        .strings("authorities", request.scopes)
        .strings("scope", request.scopes)
        .string("client_id", "sensor_app")
        .string("cid", "sensor_app")
        .string("azp", "sensor_app")
        .string("grant_type", "client_credentials")
        .string("rev_sig", "7c1a55f2")
        .string("iss", request.issuer)
        .string("zid", "uaa")
        .strings("aud", {request.audience, "sensor_app"});
    add_times(out.claims, request);
    return out;
}

std::vector<TokenShape> all_provider_shapes(const ShapeRequest &request) {
    return {keycloak_shape(request), keycloak_23_shape(request), keycloak_scope_shape(request),
            entra_v2_shape(request), entra_v1_shape(request),    auth0_shape(request),
            okta_shape(request),     uaa_shape(request)};
}

}  // namespace tokenward::support
