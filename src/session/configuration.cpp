#include "session/configuration.hpp"

#include "base/text.hpp"
#include "claims/claims.hpp"

#include <string>

#include <fmt/format.h>

namespace tokenward::session {
namespace {

constexpr std::size_t max_quoted_issuer = 128;

}  // namespace

Result<const ActiveSection *> Configuration::find_section(const JsonValue &payload) const {
    const auto iss = payload.find("iss");
    if (!iss) return fail(Reason::NO_ISSUER, "the token has no iss");
    if (!iss->is_string()) return fail(Reason::INVALID_CLAIM, "iss is not a string");
    for (const ActiveSection &section : sections) {
        if (claims::same_issuer(iss->text(), section.config.issuer)) return &section;
    }
    std::string configured;
    for (const ActiveSection &section : sections) {
        if (!configured.empty()) configured += ", ";
        configured += quote(section.config.issuer, max_quoted_issuer);
    }
    return fail(Reason::WRONG_ISSUER,
                fmt::format("iss is {}, configured is {}", quote(iss->text(), max_quoted_issuer), configured));
}

bool Configuration::still_accepts(const VerifiedToken &token) const noexcept {
    return token.generation == generation && sections[token.section].keys->still_good(*token.key);
}

Result<void> Configuration::check_foreign_prefix(const ActiveSection &own, std::string_view username) const {
    for (const ActiveSection &other : sections) {
        const std::string &prefix = other.config.tokens.username_prefix;
        if (&other == &own || prefix.empty() || !username.starts_with(prefix)) continue;
        return fail(Reason::INVALID_USERNAME,
                    fmt::format("{} begins with the username_prefix of [{}], which is another issuer's",
                                quote(username), other.config.name));
    }
    return {};
}

}  // namespace tokenward::session
