// From credentials to rights: the whole way of a token, on one screen (admission.cpp).
#pragma once

#include "access/permission_set.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "claims/claims.hpp"
#include "config/settings.hpp"
#include "credentials/credentials.hpp"
#include "keys/key_store.hpp"
#include "session/session.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {

/// One issuer section at work.
struct Issuer {
    config::Section section;
    std::shared_ptr<keys::KeyStore> keys;
    std::shared_ptr<const SectionIdentity> identity;
};

/// One configuration at work; immutable. A reload makes a new one.
struct Loaded {
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
    std::vector<std::string_view> scopes;
    std::string credentials;
};

/// What is known so far, for the audit line; views into the scratch and the credentials.
struct Trace {
    std::string_view issuer;    ///< the section's, once it is chosen
    std::string_view username;  ///< once the signature is verified
    std::string_view kid;
    std::string_view jti;
};

/// A token that passed every rule.
struct Admitted {
    const Issuer *issuer = nullptr;
    std::string username;  ///< with the section's username_prefix
    std::shared_ptr<const access::PermissionSet> permissions;
    std::int64_t expires_at = claims::no_end;
    access::Notes notes;
};

/// `now`: seconds since 1970. Waits for keys up to max_wait_ms. Views in `trace` stay valid as long as
/// `scratch` and `presented` do.
Result<Admitted> admit(const Loaded &loaded, const Presented &presented, std::int64_t now,
                       std::int64_t max_wait_ms, Scratch &scratch, Trace &trace);

/// Decodes a segment into the document and parses it; the reason says which segment (rules 1 and 2).
Result<JsonValue> decode_payload(std::string_view encoded, JsonDocument &document);

/// The section whose issuer is the token's iss: read before the signature is verified, and used for nothing
/// but this choice (rules 6 and 7).
Result<const Issuer *> choose_issuer(const Loaded &loaded, const JsonValue &payload);

}  // namespace tokenward::session
