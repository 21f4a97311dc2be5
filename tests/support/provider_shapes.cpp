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

/// AD FS writes one value as a string.
void add_one_or_several(JsonObject &claims, const std::string &name, const std::vector<std::string> &values) {
    if (values.size() == 1) {
        claims.string(name, values.front());
    } else {
        claims.strings(name, values);
    }
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

TokenShape adfs_base(const ShapeRequest &request) {
    TokenShape out{"AD FS", {}, {}};
    out.header.string("typ", "JWT").string("x5t", "qN8ENOO1h0LwxMiAZny00jNpI1o");
    out.claims.string("aud", request.audience)
        .string("iss", request.issuer)
        .number("iat", request.now)
        .number("exp", request.now + request.lifetime_s)
        .string("apptype", "Confidential")
        .string("appid", "66666666-7777-8888-9999-000000000000")
        .string("authmethod", "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password")
        .string("auth_time", "2027-01-15T07:59:00.566Z")
        .string("ver", "1.0");
    return out;
}

constexpr auto cognito_client = "1example23456789";

TokenShape cognito_base(const ShapeRequest &request, const std::vector<std::string> &scopes) {
    TokenShape out{"Cognito", {}, {}};
    out.header.raw("typ", "");
    out.claims.string("client_id", cognito_client)
        .string("iss", request.issuer)
        .number("version", 2)
        .string("token_use", "access")
        .string("scope", joined(scopes))
        .number("auth_time", request.now)
        .number("exp", request.now + request.lifetime_s)
        .number("iat", request.now)
        .string("jti", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    return out;
}

TokenShape glewlwyd_base(const ShapeRequest &request) {
    TokenShape out{"Glewlwyd", {}, {}};
    out.header.string("typ", "at+jwt");
    add_times(out.claims, request);
    out.claims.string("iss", request.issuer)
        .string("jti", "ocAPOH3bSkdnbUGd018sXoHJzlFZOvZB")
        .string("type", "access_token")
        .number("nbf", request.now);
    return out;
}

TokenShape dex_base(const ShapeRequest &request) {
    TokenShape out{"Dex", {}, {}};
    out.header.raw("typ", "");
    add_times(out.claims, request);
    out.claims.string("iss", request.issuer)
        .string("jti", "4f6f4f2c-8a25-4f0e-b0d5-7f0f6a2b3c4d")
        .string("at_hash", "hr6I4TC9OwFhOkLbyFuwMA")
        .strings("groups", request.scopes);
    return out;
}

TokenShape github_base(const ShapeRequest &request) {
    TokenShape out{"GitHub Actions", {}, {}};
    out.header.string("typ", "JWT").string("x5t", "ykNaY4qM_ta4k2TgZOCEYLkcYlA");
    out.claims.string("jti", "6f4762ed-0758-4ccb-808d-ee3af5d723a8")
        .string("environment", "production")
        .string("aud", request.audience)
        .string("ref", "refs/heads/main")
        .string("sha", "1f2e3d4c5b6a79880716253443526170deadbeef")
        .string("repository", "factory/sensors")
        .string("repository_owner", "factory")
        .string("actor_id", "12")
        .string("repository_visibility", "private")
        .string("repository_id", "456789")
        .string("repository_owner_id", "123456")
        .string("run_id", "11223344556")
        .string("run_number", "10")
        .string("run_attempt", "2")
        .string("runner_environment", "github-hosted")
        .string("actor", "alice")
        .string("workflow", "release")
        .string("workflow_ref", "factory/sensors/.github/workflows/release.yml@refs/heads/main")
        .string("head_ref", "")
        .string("base_ref", "")
        .string("event_name", "push")
        .string("ref_type", "branch")
        .string("job_workflow_ref", "factory/sensors/.github/workflows/release.yml@refs/heads/main")
        .string("iss", request.issuer)
        .number("nbf", request.now - 5);
    add_times(out.claims, request);
    return out;
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

TokenShape adfs_shape(const ShapeRequest &request) {
    TokenShape out = adfs_base(request);
    out.claims.string("upn", "alice@corp.example.com")
        .string("unique_name", R"(CORP\alice)")
        .string("scp", "openid");
    add_one_or_several(out.claims, "group", request.scopes);
    return out;
}

TokenShape adfs_client_shape(const ShapeRequest &request) {
    TokenShape out = adfs_base(request);
    out.provider = "AD FS, client credentials";
    out.claims.string("appid", "77777777-7777-8888-9999-000000000000");
    return out;
}

TokenShape cognito_shape(const ShapeRequest &request) {
    std::vector<std::string> scopes{"openid", "aws.cognito.signin.user.admin"};
    scopes.insert(scopes.end(), request.scopes.begin(), request.scopes.end());
    TokenShape out = cognito_base(request, scopes);
    out.claims.string("sub", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
        .strings("cognito:groups", {"operators"})
        .string("origin_jti", "bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee")
        .string("event_id", "cccccccc-bbbb-cccc-dddd-eeeeeeeeeeee")
        .string("username", "alice");
    return out;
}

TokenShape cognito_client_shape(const ShapeRequest &request) {
    TokenShape out = cognito_base(request, request.scopes);
    out.provider = "Cognito, client credentials";
    out.claims.string("sub", cognito_client);
    return out;
}

TokenShape cognito_bound_shape(const ShapeRequest &request) {
    TokenShape out = cognito_shape(request);
    out.provider = "Cognito, resource binding";
    out.claims.string("aud", request.audience);
    return out;
}

TokenShape kubernetes_shape(const ShapeRequest &request) {
    TokenShape out{"Kubernetes", {}, {}};
    out.header.raw("typ", "");
    JsonObject pod;
    pod.string("name", "sensor-5d8f6c9b7-x2x4q").string("uid", "49794341-9c60-4a40-8cb4-5a4f3a7f9b10");
    JsonObject node;
    node.string("name", "worker-1").string("uid", "517eb86e-b863-451b-bf70-86cb61439a3a");
    JsonObject account;
    account.string("name", "sensor").string("uid", "4c0be0c5-6a2f-4e2a-9f57-1d3f4c5b6a79");
    JsonObject bound;
    bound.string("namespace", "factory")
        .object("node", node)
        .object("pod", pod)
        .object("serviceaccount", account)
        .number("warnafter", request.now + 3607);
    out.claims.strings("aud", {request.audience})
        .string("iss", request.issuer)
        .string("jti", "0b6b1f8e-4f4b-4f0a-8a35-a9d0c8d8b5f2")
        .object("kubernetes.io", bound)
        .number("nbf", request.now)
        .string("sub", "system:serviceaccount:factory:sensor");
    add_times(out.claims, request);
    return out;
}

TokenShape zitadel_shape(const ShapeRequest &request) {
    TokenShape out{"Zitadel", {}, {}};
    out.header.string("typ", "JWT");
    const JsonObject granted_by = JsonObject().string("318838541717176321", "factory.zitadel.example.com");
    JsonObject ours;
    for (const auto &role : request.scopes) ours.object(role, granted_by);
    JsonObject others;
    for (const char *role : {"broker.read:*/*", "broker.write:*/*", "broker.tag:administrator"}) {
        others.object(role, granted_by);
    }
    out.claims.string("iss", request.issuer)
        .string("sub", "318838676403912705")
        .strings("aud", {request.audience, "318838999999999999"})
        .string("client_id", "sensor-app")
        .string("jti", "V2_318839001122334455-at_318839001122399991")
        .number("nbf", request.now)
        .object("urn:zitadel:iam:org:project:" + request.audience + ":roles", ours)
        .object("urn:zitadel:iam:org:project:318838999999999999:roles", others);
    add_times(out.claims, request);
    return out;
}

TokenShape dex_shape(const ShapeRequest &request) {
    TokenShape out = dex_base(request);
    out.claims.string("sub", "CiQwOGE4Njg0Yi1kYjg4LTRiNzMtOTBhOS0zY2QxNjYxZjU0NjYSBGxkYXA")
        .strings("aud", {request.audience, "sensor-app"})
        .string("azp", "sensor-app")
        .string("nonce", "d3f1e7f6-0b52-4a43-8d0e-6b8d0e9a7c55")
        .string("email", "alice@example.com")
        .boolean("email_verified", true)
        .string("name", "Alice Example")
        .string("preferred_username", "alice");
    return out;
}

TokenShape dex_client_shape(const ShapeRequest &request) {
    TokenShape out = dex_base(request);
    out.provider = "Dex, client credentials";
    out.claims.string("sub", "CgpzZW5zb3ItYXBw").string("aud", request.audience);
    return out;
}

TokenShape authentik_shape(const ShapeRequest &request) {
    TokenShape out{"Authentik", {}, {}};
    out.header.string("typ", "JWT");
    out.claims.string("iss", request.issuer)
        .string("sub", "5f2b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f506172839")
        .string("aud", request.audience);
    add_times(out.claims, request);
    out.claims.number("auth_time", request.now - 60)
        .string("acr", "goauthentik.io/providers/oauth2/default")
        .strings("amr", {"pwd", "mfa"})
        .string("nonce", "d3f1e7f6-0b52-4a43-8d0e-6b8d0e9a7c55")
        .string("sid", "9e107d9d372bb6826bd81d3542a419d6f1d2c3b4a5968778695a4b3c2d1e0f00")
        .string("email", "alice@example.com")
        .boolean("email_verified", true)
        .string("name", "Alice Example")
        .string("given_name", "Alice Example")
        .string("preferred_username", "alice")
        .string("nickname", "alice")
        .strings("groups", request.scopes)
        .string("azp", request.audience)
        .string("uid", "hWDv7ZlxGzyyK0sFC4Wcr3wKvBZKPVLLlXjrnTtX");
    return out;
}

TokenShape casdoor_shape(const ShapeRequest &request) {
    TokenShape out{"Casdoor", {}, {}};
    out.header.string("typ", "JWT");
    std::string roles;
    for (const auto &name : request.scopes) {
        JsonObject role;
        role.string("owner", "factory")
            .string("name", name)
            .string("displayName", "A role")
            .strings("users", {"factory/alice"})
            .boolean("isEnabled", true);
        roles += (roles.empty() ? "" : ",") + role.json();
    }
    out.claims.string("owner", "factory")
        .string("name", "alice")
        .string("createdTime", "2026-01-15T08:00:00Z")
        .string("id", "f2b1c9a4-6d0e-4a55-9b0a-4c9a5c1f7e21")
        .string("type", "normal-user")
        .string("password", "")
        .string("displayName", "Alice Example")
        .string("email", "alice@example.com")
        .raw("address", "[]")
        .boolean("isAdmin", false)
        .raw("properties", "{}")
        .raw("roles", "[" + roles + "]")
        .raw("permissions", "[]")
        .strings("groups", {"factory/operators"})
        .string("tokenType", "access-token")
        .string("nonce", "d3f1e7f6-0b52-4a43-8d0e-6b8d0e9a7c55")
        .string("tag", "")
        .string("scope", "openid profile")
        .string("azp", request.audience)
        .string("iss", request.issuer)
        .string("sub", "f2b1c9a4-6d0e-4a55-9b0a-4c9a5c1f7e21")
        .strings("aud", {request.audience})
        .number("nbf", request.now)
        .string("jti", "admin/0a8a3f5c-1b7e-4c59-a5d0-72a9b8d7e001");
    add_times(out.claims, request);
    return out;
}

TokenShape google_shape(const ShapeRequest &request) {
    TokenShape out{"Google", {}, {}};
    out.header.string("typ", "JWT");
    JsonObject engine;
    engine.string("project_id", "factory-123")
        .number("project_number", 739419398126)
        .string("zone", "europe-west3-a")
        .string("instance_id", "152986662232938449")
        .string("instance_name", "sensor-1")
        .number("instance_creation_timestamp", request.now - 86400);
    out.claims.string("aud", request.audience)
        .string("azp", "104029292853099978293")
        .string("email", "sensor@factory-123.iam.gserviceaccount.com")
        .boolean("email_verified", true)
        .object("google", JsonObject().object("compute_engine", engine))
        .string("iss", request.issuer)
        .string("sub", "104029292853099978293");
    add_times(out.claims, request);
    return out;
}

TokenShape gitlab_ci_shape(const ShapeRequest &request) {
    TokenShape out{"GitLab CI/CD", {}, {}};
    out.header.string("typ", "JWT");
    out.claims.string("namespace_id", "72")
        .string("namespace_path", "factory")
        .string("project_id", "20")
        .string("project_path", "factory/sensors")
        .string("user_id", "1")
        .string("user_login", "alice")
        .string("user_email", "alice@example.com")
        .string("user_access_level", "developer")
        .raw("user_identities", R"([{"provider":"github","extern_uid":"2435223452345"}])")
        .string("pipeline_id", "574")
        .string("pipeline_source", "push")
        .string("job_id", "302")
        .string("ref", "main")
        .string("ref_type", "branch")
        .string("ref_path", "refs/heads/main")
        .string("ref_protected", "true")
        .strings("groups_direct", {"factory/operators"})
        .number("runner_id", 1)
        .string("runner_environment", "self-hosted")
        .string("sha", "714a629c0b401fdce83e847fc9589983fc6f46bc")
        .string("project_visibility", "private")
        .raw("ci_config_ref_uri", "null")
        .raw("ci_config_sha", "null")
        .string("jti", "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b")
        .string("iss", request.issuer)
        .number("nbf", request.now - 5)
        .string("sub", "project_path:factory/sensors:ref_type:branch:ref:main")
        .string("aud", request.audience);
    add_times(out.claims, request);
    return out;
}

TokenShape github_actions_shape(const ShapeRequest &request) {
    TokenShape out = github_base(request);
    out.claims.string("sub", "repo:factory@123456/sensors@456789:environment:production");
    return out;
}

TokenShape github_actions_by_name_shape(const ShapeRequest &request) {
    TokenShape out = github_base(request);
    out.provider = "GitHub Actions, sub by names";
    out.claims.string("sub", "repo:factory/sensors:environment:production");
    return out;
}

TokenShape hydra_shape(const ShapeRequest &request) {
    TokenShape out{"Ory Hydra", {}, {}};
    out.header.string("typ", "JWT");
    out.claims.strings("aud", {request.audience})
        .string("client_id", "sensor-app")
        .raw("ext", "{}")
        .string("iss", request.issuer)
        .string("jti", "c1a5d1f0-c6e7-4c0f-8f9d-2a4b6c8e0f12")
        .number("nbf", request.now)
        .strings("scp", request.scopes)
        .string("sub", "sensor-app");
    add_times(out.claims, request);
    return out;
}

TokenShape glewlwyd_shape(const ShapeRequest &request) {
    TokenShape out = glewlwyd_base(request);
    out.claims.string("username", "alice")
        .string("client_id", "dashboard")
        .string("aud", request.audience)
        .string("sub", "y4duOYcfTMoFOQbL41q6ms5tzEuNTWwX")
        .string("scope", "openid " + joined(request.scopes));
    return out;
}

TokenShape glewlwyd_client_shape(const ShapeRequest &request) {
    TokenShape out = glewlwyd_base(request);
    out.provider = "Glewlwyd, client credentials";
    out.claims.string("aud", request.audience)
        .string("client_id", "sensor-app")
        .string("sub", "sensor-app")
        .string("scope", joined(request.scopes));
    return out;
}

TokenShape glewlwyd_password_shape(const ShapeRequest &request) {
    TokenShape out = glewlwyd_shape(request);
    out.provider = "Glewlwyd, the password grant";
    out.claims.string("aud", "openid " + joined(request.scopes));
    return out;
}

TokenShape pingfederate_shape(const ShapeRequest &request) {
    TokenShape out{"PingFederate", {}, {}};
    out.header.raw("typ", "").string("pi.atm", "1");
    out.claims.strings("scope", request.scopes)
        .string("client_id", "sensor-app")
        .string("iss", request.issuer)
        .string("aud", request.audience)
        .string("jti", "hWDv7ZlxGzyyK0sFC4Wcr3")
        .number("exp", request.now + request.lifetime_s);
    return out;
}

}  // namespace tokenward::support
