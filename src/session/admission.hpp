// From credentials to rights: the whole way of a token, on one screen (admission.cpp).
#pragma once

#include "access/permission_set.hpp"
#include "access/recent_sets.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "claims/claims.hpp"
#include "claims/scope_list.hpp"
#include "config/settings.hpp"
#include "credentials/credentials.hpp"
#include "jose/sha256.hpp"
#include "keys/section_keys.hpp"
#include "session/session.hpp"
#include "session/token_cache.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {

/// One issuer section at work.
struct Issuer {
    static constexpr unsigned anchor_bits = 3;

    config::Section section;
    std::shared_ptr<keys::SectionKeys> keys;
    std::array<std::shared_ptr<const Anchor>, std::size_t{1} << anchor_bits>
        anchors;  ///< picked by thread_shard

    const SectionIdentity &identity() const noexcept { return anchors.front()->section; }
};

/// One configuration at work; immutable. A reload makes a new one.
struct Loaded {
    std::uint64_t generation = 0;
    config::Settings settings;
    std::vector<Issuer> issuers;      ///< at least one
    bool token_in_username = false;   ///< of any section: it is asked before the section is known
    std::size_t max_token_bytes = 0;  ///< the largest of all sections, likewise
};

/// What a client sent, as the boundary hands it on; borrowed.
struct Presented {
    credentials::Kind kind = credentials::Kind::bearer_token;
    std::string_view data;
    std::string_view username;
    std::string_view password;
};

/// Memory that one admission after another uses; not thread-safe.
struct Scratch {
    JsonDocument header;
    JsonDocument payload;
    std::vector<char> signature;
    claims::ScopeList scopes;
    access::RecentSets recent_sets;
    std::string credentials;
    jose::Sha256 sha256;
};

/// What is known so far, for the audit line; views into the scratch, the
/// configuration or the verified token.
struct Trace {
    std::string_view issuer;    ///< the section's, once it is chosen
    std::string_view username;  ///< once the signature is verified
    std::string_view kid;
    std::string_view jti;
};

/// A client that may come in.
struct Admitted {
    std::shared_ptr<const VerifiedToken> token;
    std::int64_t expires_at = claims::no_end;  ///< of the session
};

/// From what a client sent to the bytes of its token.
Result<credentials::Token> extract_token(const Loaded &loaded, const Presented &presented, Scratch &scratch);

/// The signature and every rule on tokens: the whole way, once per token. `now`: seconds since 1970. Waits for
/// keys up to max_wait_ms. Views in `trace` stay valid as long as `scratch` and `loaded` do.
Result<std::shared_ptr<const VerifiedToken>> verify_token(const Loaded &loaded, std::string_view token,
                                                          std::int64_t now, std::int64_t max_wait_ms,
                                                          Scratch &scratch, Trace &trace, access::Notes &notes);

/// False: the configuration, the key or the key set's age is no longer what the token was verified under.
bool still_counts(const Loaded &loaded, const VerifiedToken &token) noexcept;

/// What depends on the call: the time, and the names that the client sent beside its token.
Result<Admitted> admit(const Loaded &loaded, std::shared_ptr<const VerifiedToken> token,
                       const credentials::Token &sent, std::int64_t now);

/// Decodes a segment into the document and parses it; the reason says which segment (rules 1 and 2).
Result<JsonValue> decode_payload(std::string_view encoded, JsonDocument &document);

/// The section whose issuer is the token's iss: read before the signature is verified, and used for nothing
/// but this choice (rules 6 and 7).
Result<const Issuer *> choose_issuer(const Loaded &loaded, const JsonValue &payload);

}  // namespace tokenward::session
