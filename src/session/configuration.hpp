// One configuration in use: its sections, each with its keys.
#pragma once

#include "access/confinement.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "credentials/credentials.hpp"
#include "denials/denied_list.hpp"
#include "introspection/provider.hpp"
#include "keys/section_keys.hpp"
#include "session/session_origin.hpp"
#include "session/token_cache.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {

/// One section in use.
struct ActiveSection {
    std::string name;
    std::string issuer;  ///< as configured
    config::TokenRules tokens;
    config::ScopeRules scopes;
    std::shared_ptr<keys::SectionKeys> keys;      ///< the same for all sections of a provider
    std::shared_ptr<const SessionOrigin> origin;  ///< what a session that the section lets in begins with
    access::Confinement confinement;
    config::Introspection introspection;
    std::shared_ptr<tokenward::introspection::Provider> asked;  ///< NULL: its provider is asked about no token
    config::ClientCredentials client_credentials;
    std::shared_ptr<tokenward::introspection::Provider> exchange;  ///< NULL: it is asked for no token
};

/// Immutable. A reload makes a new one.
struct Configuration {
    std::int64_t generation = 0;
    config::Settings settings;
    std::vector<ActiveSection> sections;  ///< at least one
    std::shared_ptr<const denials::DeniedList> denied;
    bool token_in_username = false;       ///< true if any section has it: the section isn't known yet
    std::size_t max_token_bytes = 0;      ///< the largest of all sections, for the same reason
    bool opaque_tokens = false;           ///< true if any section has it

    /// The section whose issuer is the payload's iss; if several share it, the one whose audience is in aud. These
    /// are read before the signature is verified, and they are used for nothing else (rules 6 and 7).
    Result<const ActiveSection *> find_section(const JsonValue &payload) const;

    /// The section whose provider is asked about a secret that is no JSON Web Token; NULL: none. No password is shown to a
    /// provider, but for one that begins with opaque_token_prefix, and nothing to two providers.
    const ActiveSection *asked_about(const credentials::SentToken &sent) const noexcept;

    /// Of a secret that nobody is asked about: where its hint is to turn on opaque tokens, and they are on, the hint says what
    /// else it needs.
    void advise_opaque(std::string_view secret, Failure &failure) const;

    /// The section whose provider is asked for a token of the client that sends its id and secret; NULL: none.
    const ActiveSection *exchanges(const credentials::SentToken &sent) const noexcept;

    Result<const ActiveSection *> find_by_audience(const JsonValue &payload, const ActiveSection &one) const;

    /// False if the configuration has changed since the token was verified, or its key is no longer good.
    bool still_accepts(const VerifiedToken &token) const noexcept;

    /// Fails if the username begins with the username_prefix of another section. A host sees the username
    /// alone, so no provider may give out a name that looks like one of another provider's.
    Result<void> check_foreign_prefix(const ActiveSection &own, std::string_view username) const;
};

}  // namespace tokenward::session
