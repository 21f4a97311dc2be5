// What a section says about asking its provider, about tokens or for them, with the content of the files that it names.
#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"
#include "introspection/client.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenward::introspection {

enum class Purpose : std::uint8_t {
    introspection,       ///< what a token is worth (RFC 7662)
    client_credentials,  ///< a token for a client's id and secret (RFC 6749 section 4.4)
};

struct ProviderInput {
    Purpose purpose = Purpose::introspection;
    std::string section;  ///< its title
    std::string issuer;
    std::vector<std::string> issuer_aliases;
    std::string discovery_uri;  ///< empty: nothing is discovered
    std::string endpoint_uri;   ///< empty: it is discovered
    std::int64_t rate = 50;     ///< requests a second
    std::int64_t ttl_s = 60;    ///< how long an answer counts that doesn't say it
    std::shared_ptr<const Client>
        client;               ///< introspection: who asks; else NULL, since each client asks for itself
    std::string auth_method;  ///< how a secret is sent; empty: as the provider offers
    std::string scope;        ///< client_credentials: what is asked for; empty: the provider's default
    std::string audience;     ///< the same
    std::shared_ptr<const std::string> ca_pem;  ///< NULL: the system's
    std::optional<std::string> proxy;           ///< unset: the environment's
    std::int64_t timeout_ms = 5000;

    /// Answers of the one count for the other.
    bool same_as(const ProviderInput &other) const noexcept;
};

/// Reads introspection_client_secret_file. Fails with CONFIG_*. `ca_pem`: content of ca_file. `root_notes`: as
/// read_trusted_file() has it.
Result<ProviderInput> read_introspection_input(const config::Section &section,
                                               std::shared_ptr<const std::string> ca_pem,
                                               std::vector<std::string> *root_notes);
ProviderInput client_credentials_input(const config::Section &section,
                                       std::shared_ptr<const std::string> ca_pem);

}  // namespace tokenward::introspection
