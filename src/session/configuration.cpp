#include "session/configuration.hpp"

#include "base/issuer.hpp"
#include "base/text.hpp"
#include "claims/claims.hpp"
#include "claims/refusals.hpp"

#include <string>
#include <vector>

#include <fmt/format.h>

namespace tokenward::session {
Result<const ActiveSection *> Configuration::find_section(const JsonValue &payload) const {
    const auto iss = payload.find("iss");
    if (!iss) return fail(Reason::NO_ISSUER, "the token has no iss");
    if (!iss->is_string()) return tl::unexpected(claims::wrong_type("iss", *iss, "a string"));
    const ActiveSection *found = nullptr;
    const ActiveSection *another = nullptr;
    for (const ActiveSection &section : sections) {
        if (!is_issuer(iss->text(), section.issuer, section.tokens.issuer_aliases)) continue;
        (found == nullptr ? found : another) = &section;
    }
    if (another != nullptr) return find_by_audience(payload, *found);
    if (found != nullptr) return found;
    std::vector<std::string> configured;
    for (const ActiveSection &section : sections) configured.push_back(section.issuer);
    return tl::unexpected(claims::wrong_issuer(iss->text(), configured));
}

/// `one` is a section of the provider.
Result<const ActiveSection *> Configuration::find_by_audience(const JsonValue &payload,
                                                              const ActiveSection &one) const {
    const ActiveSection *found = nullptr;
    std::vector<std::string> needed;
    for (const ActiveSection &section : sections) {
        if (section.keys != one.keys) continue;
        const std::vector<std::string> &audience = section.tokens.audience;
        needed.insert(needed.end(), audience.begin(), audience.end());
        if (!claims::check_audience(payload, section.tokens, audience)) continue;
        if (found != nullptr) {
            return fail(Reason::WRONG_AUDIENCE,
                        fmt::format("aud fits {} and {}", config::section_title(found->name),
                                    config::section_title(section.name)),
                        "ask the provider for a token for one of them");
        }
        found = &section;
    }
    if (found != nullptr) return found;
    return pass_on(claims::check_audience(payload, one.tokens, needed));
}

const ActiveSection *Configuration::asked_about(const credentials::SentToken &sent) const noexcept {
    if (!opaque_tokens || !credentials::may_be_opaque_token(sent.token)) return nullptr;
    for (const ActiveSection &section : sections) {
        const std::string &prefix = section.introspection.opaque_token_prefix;
        if (section.introspection.opaque_tokens && !prefix.empty() && sent.token.starts_with(prefix))
            return &section;
    }
    const bool is_only_one = sections.size() == 1 && sections.front().introspection.opaque_tokens;
    return is_only_one && !sent.may_be_password ? &sections.front() : nullptr;
}

void Configuration::advise_opaque(std::string_view secret, Failure &failure) const {
    if (!opaque_tokens || failure.hint.find("opaque_tokens = true") == std::string::npos) return;
    failure.hint = credentials::may_be_opaque_token(secret)
                       ? "the provider is asked about what begins with opaque_token_prefix"
                       : "the provider is asked about opaque tokens of 16 bytes and more, all of a bearer "
                         "token's alphabet (RFC 6750 section 2.1)";
}

const ActiveSection *Configuration::exchanges(const credentials::SentToken &sent) const noexcept {
    if (!sent.may_be_password || sent.token.empty()) return nullptr;
    for (const ActiveSection &section : sections) {
        const std::string &prefix = section.client_credentials.prefix;
        if (section.exchange && sent.username.size() > prefix.size() && sent.username.starts_with(prefix))
            return &section;
    }
    return nullptr;
}

bool Configuration::still_accepts(const VerifiedToken &token) const noexcept {
    return token.generation == generation &&
           (!token.key || sections[token.section].keys->still_good(*token.key));
}

Result<void> Configuration::check_foreign_prefix(const ActiveSection &own, std::string_view username) const {
    for (const ActiveSection &other : sections) {
        const std::string &prefix = other.tokens.username_prefix;
        if (other.keys == own.keys || prefix.empty() || !username.starts_with(prefix)) continue;
        return fail(Reason::INVALID_USERNAME,
                    fmt::format("{} begins with the username_prefix of [{}], which is another issuer's",
                                quote(username), other.name));
    }
    return {};
}

}  // namespace tokenward::session
