#include "config/options.hpp"

#include <algorithm>
#include <iterator>

namespace tokenward::config {
namespace {

constexpr std::int64_t day = 86400;

template <auto Part, auto Member>
auto &field(Section &section) {
    return section.*Part.*Member;
}
std::string &issuer(Section &section) {
    return section.issuer;
}
template <auto Member>
constexpr auto *keys = &field<&Section::keys, Member>;
template <auto Member>
constexpr auto *tokens = &field<&Section::tokens, Member>;
template <auto Member>
constexpr auto *scopes = &field<&Section::scopes, Member>;
template <auto Member>
constexpr auto *introspection = &field<&Section::introspection, Member>;
template <auto Member>
constexpr auto *client_credentials = &field<&Section::client_credentials, Member>;
template <auto Member>
constexpr auto *confinement = &field<&Section::confinement, Member>;

constexpr Option table[] = {
    // What LavinMQ's [oauth] section has too.
    {"issuer", Type::issuer, issuer, "",
     "the provider's issuer URL, character by character as in `iss`; required without `kubernetes`. "
     "With `jwks_uri` or `jwks_file` any text: no key comes from there"},
    {"resource_server_id", Type::text, scopes<&ScopeRules::resource_server_id>, "",
     "this broker's name at the provider: its entry in `resource_access`, its scope prefix, its audience"},
    {"audience", Type::list, tokens<&TokenRules::audience>, "",
     "`aud` must have one of these; unset: `resource_server_id`. Sections may share an issuer if their "
     "audiences "
     "differ"},
    {"verify_aud", Type::boolean, tokens<&TokenRules::verify_aud>, "true", "check `aud`"},
    {"preferred_username_claims", Type::name_list, tokens<&TokenRules::preferred_username_claims>,
     "sub,client_id", "claims for the username, by name or dotted path; the first one present counts"},
    {"additional_scopes_keys", Type::list, scopes<&ScopeRules::additional_scopes_keys>, "",
     "more claims with scopes, by name or dotted path; `NAME{}`: the member names of an object"},
    {"resource_access", Type::boolean, scopes<&ScopeRules::resource_access>, "true",
     "read the roles under `resource_access`, in the entry of `resource_server_id`"},
    {"scope_prefix", Type::text, scopes<&ScopeRules::scope_prefix>, "",
     "what scopes must begin with; unset: `resource_server_id` and a dot; present and empty: all count"},
    {"scope_aliases", Type::scope_map, scopes<&ScopeRules::scope_aliases>, "",
     "what a scope of the name ALIAS stands for: scopes with their prefix, spaces between them"},
    {"resource_server_type", Type::text, scopes<&ScopeRules::resource_server_type>, "",
     "the `type` under which `authorization_details` (RFC 9396) are for this broker; unset: they aren't read"},
    {"expand_variables", Type::boolean, scopes<&ScopeRules::expand_variables>, "false",
     "replace `{vhost}` and `{CLAIM}` in scopes"},
    {"expand_connection", Type::boolean, scopes<&ScopeRules::expand_connection>, "false",
     "replace `{mqtt:client_id}`, where the broker binds it, and `{session:username}` in scopes"},
    {"jwks_cache_ttl", Type::number, keys<&KeySource::jwks_cache_ttl_s>, "3600",
     "age at which keys are fetched again, where the provider sends no max-age", 0, day, "seconds"},

    // What tokens may say at the most.
    {"vhosts", Type::vhosts, confinement<&Confinement::vhosts>, "",
     "the vhosts that its tokens may name: patterns as in a scope; unset: all; present and empty: none"},
    {"tags", Type::tags, confinement<&Confinement::tags>, "",
     "the tags that its tokens may say; unset: all; present and empty: none"},
    {"operations", Type::operations, confinement<&Confinement::operations>, "",
     "what its tokens may do, of `configure`, `read` and `write`; unset: all; present and empty: nothing"},

    // Tokens.
    {"issuer_aliases", Type::list, tokens<&TokenRules::issuer_aliases>, "",
     "other names of the same provider in `iss`, such as its address inside a cluster"},
    {"required_claims", Type::claim_map, tokens<&TokenRules::required_claims>, "",
     "the claim CLAIM, by name or dotted path, must have one of these values"},
    {"algorithms", Type::algorithms, tokens<&TokenRules::algorithms>,
     "RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA",
     "signature algorithms that are accepted; `Ed25519` is another name of `EdDSA`"},
    {"default_key", Type::text, tokens<&TokenRules::default_key>, "",
     "`kid` of the key for tokens that name none", 0, 256},
    {"max_token_bytes", Type::number, tokens<&TokenRules::max_token_bytes>, "16384", "longest token", 256,
     1048576, "bytes"},
    {"clock_skew", Type::number, tokens<&TokenRules::clock_skew_s>, "10",
     "tolerance for `exp`, `nbf` and `iat`", 0, 3600, "seconds"},
    {"require_exp", Type::boolean, tokens<&TokenRules::require_exp>, "true", "refuse tokens without `exp`"},
    {"require_at_jwt", Type::boolean, tokens<&TokenRules::require_at_jwt>, "false",
     "accept only tokens whose header `typ` is `at+jwt` (RFC 9068)"},
    {"allow_id_token", Type::boolean, tokens<&TokenRules::allow_id_token>, "false", "accept ID tokens too"},
    {"id_token_marks", Type::list, tokens<&TokenRules::id_token_marks>, "at_hash,c_hash,nonce",
     "claims that only ID tokens have; take out what your provider puts into access tokens; present and empty: "
     "none"},
    {"allow_cnf", Type::boolean, tokens<&TokenRules::allow_cnf>, "false",
     "accept tokens that are bound to their sender (`cnf`), without checking that binding"},
    {"bound_tokens", Type::bound_tokens, tokens<&TokenRules::bound_tokens>, "check",
     "tokens bound to a certificate (`cnf` with `x5t#S256`, RFC 8705) need the client's; `require`: others are "
     "refused"},
    {"max_session", Type::number, tokens<&TokenRules::max_session_s>, "0",
     "longest session; 0: as long as the token; unset with `require_exp = false`: 86400", 0, 365 * day,
     "seconds"},

    // Usernames.
    {"require_username_match", Type::boolean, tokens<&TokenRules::require_username_match>, "false",
     "refuse a client that sends another username than its token's"},
    {"token_in_username", Type::boolean, tokens<&TokenRules::token_in_username>, "false",
     "take the token from the username, if the password isn't one"},
    {"username_prefix", Type::text, tokens<&TokenRules::username_prefix>, "",
     "put in front of usernames; with several providers each but one needs its own", 0, 64},

    // Keys.
    {"jwks_uri", Type::https_url, keys<&KeySource::jwks_uri>, "",
     "URL of the key set; unset: found by discovery"},
    {"discovery_uri", Type::https_url, keys<&KeySource::discovery_uri>, "",
     "URL of the discovery document; unset: `issuer` and `/.well-known/openid-configuration`"},
    {"jwks_file", Type::path, keys<&KeySource::jwks_file>, "",
     "file with a fixed key set (JWKS or PEM), instead of the network"},
    {"jwks_file_beside", Type::boolean, keys<&KeySource::jwks_file_beside>, "false",
     "use the keys of `jwks_file` beside those that are fetched"},
    {"jwks_token_file", Type::path, keys<&KeySource::jwks_token_file>, "",
     "file with a bearer token that the provider wants for its keys; read anew for each fetch"},
    {"kubernetes", Type::boolean, keys<&KeySource::kubernetes>, "false",
     "in a pod: take `issuer`, `jwks_uri`, `ca_file` and `jwks_token_file`, where unset, from the cluster"},
    {"jwks_timeout", Type::number, keys<&KeySource::jwks_timeout_s>, "5",
     "time after which a fetch is given up, all its requests together", 1, 30, "seconds"},
    {"jwks_refresh_floor", Type::number, keys<&KeySource::jwks_refresh_floor_s>, "10",
     "least time between two scheduled fetches, whatever the provider says", 1, 3600, "seconds"},
    {"jwks_refresh_ceiling", Type::number, keys<&KeySource::jwks_refresh_ceiling_s>, "86400",
     "longest time between two scheduled fetches, whatever the provider says", 60, day, "seconds"},
    {"jwks_min_refresh", Type::number, keys<&KeySource::jwks_min_refresh_s>, "5",
     "clients with unknown keys cause one fetch per so many seconds, after a burst of three", 1, 60, "seconds"},
    {"jwks_max_stale", Type::number, keys<&KeySource::jwks_max_stale_s>, "86400",
     "how long old keys serve while the provider can't be reached", 60, 30 * day, "seconds"},
    {"jwks_cache_file", Type::path, keys<&KeySource::jwks_cache_file>, "",
     "file that keeps the key set over restarts; one for each provider"},
    {"ca_file", Type::path, keys<&KeySource::ca_file>, "",
     "PEM file with the provider's CA; unset: the system's"},
    {"proxy", Type::proxy_url, keys<&KeySource::proxy>, "",
     "HTTP proxy; unset: the environment's (`https_proxy`); present and empty: none"},

    // What the provider is asked.
    {"opaque_tokens", Type::boolean, introspection<&Introspection::opaque_tokens>, "false",
     "ask the provider about tokens that aren't JSON Web Tokens (RFC 7662)"},
    {"opaque_token_prefix", Type::text, introspection<&Introspection::opaque_token_prefix>, "",
     "a password that begins so is such a token; unset: only what is sent as a bearer token. With several "
     "sections each needs "
     "its own",
     0, 64},
    {"introspect", Type::text, introspection<&Introspection::introspect>, "",
     "`jwt`: ask the provider about JSON Web Tokens, too, whether they were revoked", 0, 16},
    {"introspect_fail", Type::text, introspection<&Introspection::introspect_fail>, "try_again",
     "while the provider doesn't answer about a JSON Web Token: `try_again`, or `open` (it counts)", 0, 16},
    {"introspection_uri", Type::https_url, introspection<&Introspection::introspection_uri>, "",
     "URL that is asked; unset: found by discovery, on the issuer's host"},
    {"introspection_client_id", Type::text, introspection<&Introspection::client_id>, "",
     "the client as which it is asked", 0, 256},
    {"introspection_client_secret_file", Type::path, introspection<&Introspection::client_secret_file>, "",
     "file with that client's secret, or its private key (PEM) for `private_key_jwt`; no access for others"},
    {"introspection_auth_method", Type::text, introspection<&Introspection::auth_method>, "",
     "`client_secret_basic` or `client_secret_post`; unset: what discovery offers, Basic first", 0, 32},
    {"introspection_ttl", Type::number, introspection<&Introspection::ttl_s>, "60",
     "how long an answer counts for logins, at most until the token's `exp`", 1, 3600, "seconds"},
    {"introspection_rate", Type::number, introspection<&Introspection::rate>, "50",
     "requests a second, after a burst of twice as many", 1, 10000, "requests"},

    // Clients that bring an id and a secret.
    {"client_credentials_prefix", Type::text, client_credentials<&ClientCredentials::prefix>, "",
     "a username that begins so is a client's id without it, and its password the client's secret: exchanged "
     "for a token (RFC 6749)",
     0, 64},
    {"client_credentials_scope", Type::text, client_credentials<&ClientCredentials::scope>, "",
     "`scope` of that request; unset: the provider's default", 0, 4096},
    {"client_credentials_audience", Type::text, client_credentials<&ClientCredentials::audience>, "",
     "`audience` of that request, for providers that want it (Auth0)", 0, 1024},
    {"client_credentials_uri", Type::https_url, client_credentials<&ClientCredentials::token_uri>, "",
     "URL of that request; unset: found by discovery, on the issuer's host"},
    {"client_credentials_auth_method", Type::text, client_credentials<&ClientCredentials::auth_method>, "",
     "`client_secret_basic` or `client_secret_post`, as the clients are registered; unset: what discovery "
     "offers, Basic first",
     0, 32},
    {"client_credentials_session", Type::number, client_credentials<&ClientCredentials::session_s>, "3600",
     "how long such a session lasts, whatever its token says: these clients bring no new one", 60, 604800,
     "seconds"},

    // The whole backend.
    {"routing_keys", Type::boolean, &Settings::routing_keys, "true",
     "let scopes with three parts grant; false: the broker has no routing keys"},
    {"token_cache_size", Type::number, &Settings::token_cache_size, "10000",
     "verified tokens that are remembered; 0: none", 0, 1000000, "tokens"},
    {"log_level", Type::log_level, &Settings::log_level, "info", "`error`, `warning`, `info` or `debug`"},
    {"denied_file", Type::path, &Settings::denied_file, "",
     "users, tokens, clients and keys that the operator denies, one a line (see Denials)"},
    {"metrics_file", Type::path, &Settings::metrics_file, "",
     "Prometheus text file, rewritten every 15 seconds"},

    // LavinMQ's management interface.
    {"client_id", Type::text, {}, "", "LavinMQ's single sign-on; no effect here"},
    {"mgmt_base_url", Type::text, {}, "", "LavinMQ's single sign-on; no effect here"},
    {"mgmt_scopes", Type::text, {}, "", "LavinMQ's single sign-on; no effect here"},
};

constexpr std::string_view foreign_sections[] = {"main",         "amqp",       "mqtt", "mgmt",
                                                 "experimental", "clustering", "http"};

}  // namespace

std::span<const Option> options() noexcept {
    return table;
}

const Option *find_option(std::string_view name) noexcept {
    const std::string_view map = name.substr(0, name.find('.'));
    const auto *found = std::find_if(std::begin(table), std::end(table), [&](const Option &o) {
        return o.name == name || (is_map(o.type) && o.name == map);
    });
    return found == std::end(table) ? nullptr : found;
}

bool is_foreign_section(std::string_view name) noexcept {
    return std::find(std::begin(foreign_sections), std::end(foreign_sections), name) !=
               std::end(foreign_sections) ||
           name.substr(0, 4) == "sni:";
}

}  // namespace tokenward::config
