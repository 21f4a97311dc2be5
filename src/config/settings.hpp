// The configuration after all checks, as the rest of the library reads it.
#pragma once

#include "base/log.hpp"
#include "jose/algorithm.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::config {

/// What options with a name in their key hold.
using NamedLists = std::map<std::string, std::vector<std::string>, std::less<>>;
/// From a scope in a token to the scopes that it stands for.
using ScopeAliases = NamedLists;
/// From a claim, by name or dotted path, to the values of which it must have one.
using RequiredClaims = NamedLists;

/// Where each option was last set, as a message begins: "/etc/tokenward/tokenward.ini:12: [oauth] ".
using Origins = std::map<std::string_view, std::string>;

/// Where a provider's keys come from.
struct KeySource {
    std::string jwks_uri;           ///< empty: by discovery
    std::string discovery_uri;      ///< empty: the issuer's well-known address
    std::string jwks_file;          ///< static set, no network
    bool jwks_file_beside = false;  ///< its keys stand beside those that are fetched
    std::string jwks_cache_file;
    std::string ca_file;
    std::string jwks_token_file;       ///< bearer token for the fetch; empty: none
    std::optional<std::string> proxy;  ///< unset: the environment's; "": none
    bool kubernetes = false;           ///< what was unset above comes from the pod
    std::int64_t jwks_timeout_s = 5;
    std::int64_t jwks_cache_ttl_s = 3600;
    std::int64_t jwks_refresh_floor_s = 10;
    std::int64_t jwks_refresh_ceiling_s = 86400;
    std::int64_t jwks_min_refresh_s = 5;
    std::int64_t jwks_max_stale_s = 86400;

    /// Nothing is fetched.
    bool only_file() const noexcept { return !jwks_file.empty() && !jwks_file_beside; }
    bool operator==(const KeySource &) const = default;
};

/// What is asked of tokens that may be bound to the client's certificate (RFC 8705 section 3): `check` takes those that
/// aren't, too.
enum class BoundTokens : std::uint8_t { check, require };

/// Which tokens are accepted, and under which username.
struct TokenRules {
    std::vector<std::string> issuer_aliases;  ///< other names of the issuer
    std::vector<std::string> audience;        ///< what rule 8 compares with; never empty if verify_aud
    bool verify_aud = true;
    RequiredClaims required_claims;
    std::vector<std::string> preferred_username_claims{"sub", "client_id"};
    std::string username_prefix;
    jose::AlgorithmSet algorithms = jose::AlgorithmSet::all();
    std::string default_key;  ///< kid for tokens without one; empty: none
    std::size_t max_token_bytes = 16384;
    bool require_at_jwt = false;
    bool require_exp = true;
    bool require_username_match = false;
    bool token_in_username = false;
    bool allow_id_token = false;
    std::vector<std::string> id_token_marks{"at_hash", "c_hash", "nonce"};
    bool allow_cnf = false;
    BoundTokens bound_tokens = BoundTokens::check;
    std::int64_t clock_skew_s = 10;
    std::int64_t max_session_s = 0;  ///< 0: off
};

/// Which scopes of a token count, and what they stand for.
struct ScopeRules {
    std::string resource_server_id;  ///< empty: unset
    bool resource_access = true;     ///< read resource_access.<resource_server_id>.roles
    std::vector<std::string> additional_scopes_keys;
    /// Scopes that begin with it count, and it is cut off. If scope_prefix isn't set, this is
    /// resource_server_id and a dot. Unset: neither is set. Unset and "" let all scopes count.
    std::optional<std::string> scope_prefix;
    /// The operator has set scope_prefix. Then one '.' behind it is cut off too.
    bool scope_prefix_explicit = false;
    ScopeAliases scope_aliases;
    std::string resource_server_type;  ///< of authorization_details (RFC 9396); empty: they aren't read
    bool expand_variables = false;     ///< {vhost} and {CLAIM} in scopes
    bool expand_connection = false;    ///< {mqtt:client_id} and {session:username} in scopes
};

/// The longest session by a token that doesn't say when it ends, where max_session says nothing.
inline constexpr std::int64_t max_session_without_exp_s = 86400;

/// What the provider is asked about tokens (RFC 7662).
struct Introspection {
    bool opaque_tokens = false;                 ///< what is no JSON Web Token is asked about
    std::string opaque_token_prefix;            ///< a password that begins so is an opaque token
    std::string introspect;                     ///< empty or jwt
    std::string introspect_fail = "try_again";  ///< or open
    std::string introspection_uri;              ///< empty: by discovery
    std::string client_id;                      ///< who asks
    std::string client_secret_file;             ///< its secret, or its private key
    std::string auth_method;                    ///< how the secret is sent; empty: as discovery says
    std::int64_t ttl_s = 60;                    ///< how long an answer counts
    std::int64_t rate = 50;                     ///< requests a second

    bool asks_about_jwt() const noexcept { return !introspect.empty(); }
    /// A JSON Web Token counts while the provider doesn't answer.
    bool fails_open() const noexcept { return introspect_fail == "open"; }
    bool is_used() const noexcept { return opaque_tokens || asks_about_jwt(); }
};

/// Clients that can't get a token send their id and secret, for which the provider gives one (RFC 6749 section 4.4).
struct ClientCredentials {
    std::string prefix;             ///< a username that begins so is a client's id, without it; empty: none is
    std::string scope;              ///< what is asked for; empty: the provider's default
    std::string audience;           ///< the same
    std::string token_uri;          ///< empty: by discovery
    std::string auth_method;        ///< how the secret is sent; empty: as discovery says
    std::int64_t session_s = 3600;  ///< how long such a session lasts

    bool is_used() const noexcept { return !prefix.empty(); }
};

/// What a section's tokens may say at the most. Unset: everything. Empty: nothing.
struct Confinement {
    using Names = std::optional<std::vector<std::string>>;
    Names vhosts;  ///< patterns, as the first part of a scope
    Names tags;
    Names operations;
};

/// [oauth] or [oauth.NAME]: a provider, and the tokens of it that are for us. README.md lists the defaults.
struct Section {
    std::string name;    ///< "oauth", or NAME of [oauth.NAME]
    std::string issuer;  ///< as configured; compared without one trailing '/'
    KeySource keys;
    TokenRules tokens;
    ScopeRules scopes;
    Introspection introspection;
    ClientCredentials client_credentials;
    Confinement confinement;
    Origins origins;
};

/// As the configuration writes the section's name.
inline std::string section_title(const std::string &name) {
    return name == "oauth" ? "[oauth]" : "[oauth." + name + ']';
}

struct Settings {
    std::vector<Section> sections;  ///< at least one
    LogLevel log_level = LogLevel::info;
    bool routing_keys = true;
    std::string denied_file;  ///< empty: nobody is denied
    std::string metrics_file;
    std::size_t token_cache_size = 10000;
    Origins origins;                    ///< of what is for the whole backend
    std::vector<std::string> warnings;  ///< for the log, such as verify_aud = false
    std::vector<std::string> notes;     ///< for root, who checks the files of the broker's user
};

}  // namespace tokenward::config
