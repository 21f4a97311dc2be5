#include "config/check.hpp"

#include "base/issuer.hpp"
#include "base/text.hpp"
#include "config/kubernetes.hpp"
#include "config/options.hpp"
#include "config/url.hpp"
#include "config/vendor.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace tokenward::config {
namespace {

constexpr std::int64_t generous_clock_skew_s = 300;

std::string title(const Section &section) {
    return section_title(section.name);
}

/// Where the option was set, or where the section begins.
const std::string &origin_of(const SectionDraft &draft, std::string_view option) {
    const auto at = draft.origins.find(option);
    return at == draft.origins.end() ? draft.where : at->second;
}

tl::unexpected<Failure> refuse(const SectionDraft &draft, std::string_view option, const std::string &what,
                               Reason reason = Reason::CONFIG_INVALID_VALUE, std::string hint = {}) {
    return fail(reason, origin_of(draft, option) + std::string(option) + what, std::move(hint));
}

/// How often keys are fetched: each limit must leave room for the others.
Result<void> check_refresh(const SectionDraft &draft) {
    const KeySource &keys = draft.section.keys;
    const auto origin = [&](std::string_view option) { return origin_of(draft, option); };
    if (keys.jwks_refresh_floor_s > keys.jwks_refresh_ceiling_s) {
        return fail(
            Reason::CONFIG_INVALID_VALUE,
            fmt::format("{}jwks_refresh_floor = {}: must be at most jwks_refresh_ceiling = {}",
                        origin("jwks_refresh_floor"), keys.jwks_refresh_floor_s, keys.jwks_refresh_ceiling_s));
    }
    if (keys.jwks_refresh_floor_s > keys.jwks_max_stale_s / 2) {
        return fail(
            Reason::CONFIG_INVALID_VALUE,
            fmt::format("{}jwks_refresh_floor = {}: must be at most half of jwks_max_stale = {}, else keys "
                        "would be too old before they are fetched again",
                        origin("jwks_refresh_floor"), keys.jwks_refresh_floor_s, keys.jwks_max_stale_s));
    }
    return {};
}

/// What would make a good issuer of this one.
std::string hint_for_issuer(const std::string &issuer) {
    if (issuer.starts_with("http://") && issuer.ends_with("/adfs/services/trust")) {
        const std::string host = copyable(host_and_port(issuer));
        return host.empty() ? std::string() : fmt::format("jwks_uri = https://{}/adfs/discovery/keys", host);
    }
    const std::string better = copyable(better_issuer(issuer));
    return better.empty() ? std::string() : "issuer = " + better;
}

/// Rule 7: where keys come from the issuer's address, that is https.
Result<void> check_issuer(const SectionDraft &draft) {
    const Section &section = draft.section;
    if (section.issuer.empty()) {
        return fail(Reason::CONFIG_MISSING_KEY,
                    fmt::format("{}{} has no issuer: set it to the provider's https:// URL", draft.where,
                                title(section)),
                    "issuer = https://..., what iss says in a token");
    }
    if (!section.keys.jwks_uri.empty() || section.keys.only_file()) return {};
    const std::string problem = issuer_problem(section.issuer);
    if (problem.empty()) return {};
    return refuse(draft, "issuer",
                  fmt::format(" = {}: {}", quote(without_userinfo(section.issuer), 128), problem),
                  Reason::CONFIG_INVALID_VALUE, hint_for_issuer(section.issuer));
}

/// Options about the source of keys that say different things.
Result<void> check_key_source(const SectionDraft &draft) {
    const KeySource &keys = draft.section.keys;
    if (keys.jwks_file_beside && keys.jwks_file.empty()) {
        return refuse(draft, "jwks_file_beside", ": set jwks_file too", Reason::CONFIG_MISSING_KEY);
    }
    if (keys.only_file() && !keys.jwks_uri.empty()) {
        return refuse(draft, "jwks_file",
                      fmt::format(": jwks_uri is set too ({}jwks_uri): keep one of them, or set "
                                  "jwks_file_beside = true",
                                  origin_of(draft, "jwks_uri")));
    }
    if (!keys.jwks_uri.empty() && !keys.discovery_uri.empty()) {
        return refuse(
            draft, "discovery_uri",
            fmt::format(": jwks_uri is set too ({}jwks_uri): keep one of them", origin_of(draft, "jwks_uri")));
    }
    return {};
}

/// Another section that has the issuer, and no audience either.
const SectionDraft *same_without_audience(const SectionDraft &draft, const std::vector<SectionDraft> &all) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const SectionDraft &other) {
        return &other != &draft && same_issuer(other.section.issuer, draft.section.issuer) &&
               other.section.tokens.audience.empty() && other.section.scopes.resource_server_id.empty();
    });
    return found == all.end() ? nullptr : &*found;
}

tl::unexpected<Failure> no_audience(const SectionDraft &draft, const std::vector<SectionDraft> &all) {
    const std::string name = title(draft.section);
    if (const SectionDraft *other = same_without_audience(draft, all)) {
        const bool is_first = &draft < other;
        const SectionDraft &first = is_first ? draft : *other;
        const SectionDraft &second = is_first ? *other : draft;
        return fail(Reason::CONFIG_MISSING_KEY,
                    fmt::format("{}{} has the issuer of {}: aud must tell them apart", second.where,
                                title(second.section), title(first.section)),
                    "audience = NAME in each, what aud says in its tokens");
    }
    return fail(Reason::CONFIG_MISSING_KEY,
                fmt::format("{}{} has neither audience nor resource_server_id: tokens that were issued for "
                            "other services would be accepted. Set one of them, or verify_aud = false",
                            draft.where, name),
                "audience = NAME, what aud says in a token for this broker");
}

/// A bearer token's alphabet (RFC 6750 section 2.1), and not the beginning of a JSON Web Token: that is never opaque.
std::string opaque_prefix_problem(std::string_view prefix) {
    const bool good = std::all_of(prefix.begin(), prefix.end(), is_bearer_character);
    if (!good) return "a token has letters, digits and - . _ ~ + / alone";
    if (std::string_view("eyJ").starts_with(prefix) || prefix.starts_with("ey"))
        return "a JSON Web Token begins so, too";
    return {};
}

/// OpenID Connect Core section 9.
Result<void> check_auth_method(const SectionDraft &draft, std::string_view option, const std::string &method) {
    if (method.empty() || method == "client_secret_basic" || method == "client_secret_post") return {};
    return refuse(draft, option,
                  fmt::format(" = {}: must be client_secret_basic or client_secret_post", quote(method)));
}

/// RFC 7662: who is asked, as whom, about what.
Result<void> check_introspection(const SectionDraft &draft, std::size_t sections) {
    const Introspection &asked = draft.section.introspection;
    const auto value = [](const std::string &text) { return fmt::format(" = {}: ", quote(text)); };
    if (!asked.introspect.empty() && asked.introspect != "jwt")
        return refuse(draft, "introspect", value(asked.introspect) + "must be jwt");
    if (asked.introspect_fail != "try_again" && asked.introspect_fail != "open")
        return refuse(draft, "introspect_fail", value(asked.introspect_fail) + "must be try_again or open");
    if (!asked.is_used()) {
        const Introspection unset;
        const std::pair<const char *, bool> has_no_effect[] = {
            {"opaque_token_prefix", !asked.opaque_token_prefix.empty()},
            {"introspect_fail", asked.introspect_fail != unset.introspect_fail},
            {"introspection_uri", !asked.introspection_uri.empty()},
            {"introspection_client_id", !asked.client_id.empty()},
            {"introspection_client_secret_file", !asked.client_secret_file.empty()},
            {"introspection_auth_method", !asked.auth_method.empty()},
            {"introspection_ttl", asked.ttl_s != unset.ttl_s},
            {"introspection_rate", asked.rate != unset.rate},
        };
        for (const auto &[option, is_set] : has_no_effect) {
            if (is_set)
                return refuse(draft, option, ": set opaque_tokens = true or introspect = jwt, too",
                              Reason::CONFIG_MISSING_KEY);
        }
        return {};
    }
    if (auto checked = check_auth_method(draft, "introspection_auth_method", asked.auth_method); !checked)
        return checked;
    const std::string_view used_by = asked.opaque_tokens ? "opaque_tokens" : "introspect";
    if (asked.client_id.empty() || asked.client_secret_file.empty()) {
        return refuse(draft, used_by,
                      ": set introspection_client_id and introspection_client_secret_file: a provider answers "
                      "clients that it knows alone",
                      Reason::CONFIG_MISSING_KEY);
    }
    if (asked.introspection_uri.empty() && !issuer_problem(draft.section.issuer).empty()) {
        return refuse(draft, used_by, ": set introspection_uri: nothing can be discovered at that issuer",
                      Reason::CONFIG_MISSING_KEY);
    }
    if (asked.fails_open() && !asked.asks_about_jwt())
        return refuse(draft, "introspect_fail",
                      " = open: is for introspect = jwt alone: an opaque token says nothing by itself");
    if (!asked.opaque_tokens) {
        if (asked.opaque_token_prefix.empty()) return {};
        return refuse(draft, "opaque_token_prefix", ": set opaque_tokens = true, too",
                      Reason::CONFIG_MISSING_KEY);
    }
    if (asked.opaque_token_prefix.empty()) {
        if (sections == 1) return {};
        return refuse(draft, "opaque_tokens",
                      ": with several sections each needs an opaque_token_prefix: nobody else's token is shown "
                      "to a provider",
                      Reason::CONFIG_MISSING_KEY);
    }
    if (const std::string problem = opaque_prefix_problem(asked.opaque_token_prefix); !problem.empty())
        return refuse(draft, "opaque_token_prefix", value(asked.opaque_token_prefix) + problem);
    return {};
}

/// RFC 6749 section 4.4: for whom, and where.
Result<void> check_client_credentials(const SectionDraft &draft) {
    const ClientCredentials &exchanged = draft.section.client_credentials;
    if (!exchanged.is_used()) {
        const std::pair<const char *, bool> has_no_effect[] = {
            {"client_credentials_scope", !exchanged.scope.empty()},
            {"client_credentials_audience", !exchanged.audience.empty()},
            {"client_credentials_uri", !exchanged.token_uri.empty()},
            {"client_credentials_auth_method", !exchanged.auth_method.empty()},
            {"client_credentials_session", exchanged.session_s != ClientCredentials().session_s},
        };
        for (const auto &[option, is_set] : has_no_effect) {
            if (is_set)
                return refuse(draft, option, ": set client_credentials_prefix, too",
                              Reason::CONFIG_MISSING_KEY);
        }
        return {};
    }
    if (auto checked = check_auth_method(draft, "client_credentials_auth_method", exchanged.auth_method);
        !checked)
        return checked;
    if (exchanged.token_uri.empty() && !issuer_problem(draft.section.issuer).empty()) {
        return refuse(draft, "client_credentials_prefix",
                      ": set client_credentials_uri: nothing can be discovered at that issuer",
                      Reason::CONFIG_MISSING_KEY);
    }
    return {};
}

Result<void> check(SectionDraft &draft, const std::vector<SectionDraft> &all, const std::string &pod_folder,
                   std::vector<std::string> *root_notes) {
    Section &section = draft.section;
    const auto is_set = [&](std::string_view option) { return draft.origins.count(option) != 0; };
    if (section.keys.kubernetes) {
        if (auto completed = complete_from_pod(draft, pod_folder, root_notes); !completed) return completed;
    }
    if (auto checked = check_issuer(draft); !checked) return checked;
    if (auto checked = check_key_source(draft); !checked) return checked;
    if (auto checked = check_refresh(draft); !checked) return checked;
    if (auto checked = check_introspection(draft, all.size()); !checked) return checked;
    if (auto checked = check_client_credentials(draft); !checked) return checked;
    if (section.tokens.verify_aud && section.tokens.audience.empty()) {
        if (section.scopes.resource_server_id.empty()) return no_audience(draft, all);
        section.tokens.audience.push_back(section.scopes.resource_server_id);
    }
    if (!section.scopes.resource_server_type.empty() && section.scopes.resource_server_id.empty()) {
        return fail(Reason::CONFIG_MISSING_KEY,
                    fmt::format("{}resource_server_type: set resource_server_id too: it is the cluster in the "
                                "locations of authorization_details",
                                draft.origins["resource_server_type"]));
    }
    const bool good_prefix =
        std::all_of(section.tokens.username_prefix.begin(), section.tokens.username_prefix.end(),
                    [](char c) { return c > ' ' && c < 0x7F; });
    if (!good_prefix) {
        return fail(Reason::CONFIG_INVALID_VALUE,
                    fmt::format("{}username_prefix = {}: must be printable ASCII without spaces",
                                draft.origins["username_prefix"], quote(section.tokens.username_prefix)));
    }

    if (section.tokens.allow_cnf && section.tokens.bound_tokens == BoundTokens::require) {
        return fail(
            Reason::CONFIG_INVALID_VALUE,
            fmt::format(
                "{}bound_tokens = require: allow_cnf = true takes bound tokens unchecked: keep one of them",
                draft.origins["bound_tokens"]));
    }

    section.scopes.scope_prefix_explicit = is_set("scope_prefix");
    if (!section.scopes.scope_prefix_explicit && !section.scopes.resource_server_id.empty()) {
        section.scopes.scope_prefix = section.scopes.resource_server_id + ".";
    }
    if (!section.tokens.require_exp && !is_set("max_session"))
        section.tokens.max_session_s = max_session_without_exp_s;
    return {};
}

/// A name that both sections have for their provider, if any.
std::optional<std::string> shared_name(const Section &one, const Section &other) {
    if (is_issuer(other.issuer, one.issuer, one.tokens.issuer_aliases)) return other.issuer;
    for (const std::string &alias : other.tokens.issuer_aliases) {
        if (is_issuer(alias, one.issuer, one.tokens.issuer_aliases)) return alias;
    }
    return std::nullopt;
}

std::set<std::string_view> aliases_of(const Section &section) {
    std::set<std::string_view> out;
    for (const std::string &alias : section.tokens.issuer_aliases) out.insert(without_trailing_slash(alias));
    return out;
}

/// An option about the provider that the sections set in different ways; empty: none.
std::string_view different_provider_option(const Section &one, const Section &other) {
    if (!same_issuer(one.issuer, other.issuer)) return "issuer";
    if (aliases_of(one) != aliases_of(other)) return "issuer_aliases";
    if (one.tokens.username_prefix != other.tokens.username_prefix) return "username_prefix";
    if (one.keys == other.keys) return {};
    // The option whose value another KeySource changes.
    Section mine = other;
    Section theirs = other;
    theirs.keys = one.keys;
    for (const Option &option : options()) {
        const bool equal = std::visit(
            [&](auto member) {
                if constexpr (requires { member(mine); }) {
                    return member(mine) == member(theirs);
                } else {
                    return true;
                }
            },
            option.target);
        if (!equal) return option.name;
    }
    return "jwks_uri";
}

/// Sections that share an issuer are one provider, and `aud` tells their tokens apart.
Result<void> check_same_provider(const SectionDraft &one, const SectionDraft &other, const std::string &name) {
    const auto refuse_beside = [&](std::string_view option, std::string_view what) {
        return refuse(other.origins.contains(option) ? other : one, option,
                      fmt::format(": {} and {} have the issuer {}: {}", title(other.section),
                                  title(one.section), quote(without_userinfo(name), 128), what));
    };
    if (const auto option = different_provider_option(one.section, other.section); !option.empty()) {
        return refuse_beside(option, "it must be the same in both, since they are one provider");
    }
    for (const SectionDraft *draft : {&one, &other}) {
        if (draft->section.tokens.verify_aud) continue;
        return refuse(
            *draft, "verify_aud",
            fmt::format(" = false: {} and {} have the issuer {}: aud must tell their tokens apart",
                        title(other.section), title(one.section), quote(without_userinfo(name), 128)));
    }
    for (const std::string &audience : other.section.tokens.audience) {
        const auto &theirs = one.section.tokens.audience;
        if (std::find(theirs.begin(), theirs.end(), audience) == theirs.end()) continue;
        return refuse_beside("audience",
                             fmt::format("both have the audience {}, and aud must tell their tokens "
                                         "apart",
                                         quote(audience)));
    }
    return {};
}

/// A secret is shown to one provider.
Result<void> check_apart(const SectionDraft &one, const SectionDraft &other, std::string_view option,
                         const std::string &a, const std::string &b) {
    if (a.empty() || b.empty() || !(a.starts_with(b) || b.starts_with(a))) return {};
    return refuse(other, option,
                  fmt::format(" = {}: {} has {}: neither may begin with the other", quote(b),
                              title(one.section), quote(a)));
}

/// Users of two providers must never have the same name. So at most one provider has no prefix, and no prefix
/// begins with another one: "a" before "b-alice" would be the same as "ab-" before "alice".
Result<void> check_together(const SectionDraft &one, const SectionDraft &other) {
    if (auto checked =
            check_apart(one, other, "opaque_token_prefix", one.section.introspection.opaque_token_prefix,
                        other.section.introspection.opaque_token_prefix);
        !checked)
        return checked;
    if (auto checked =
            check_apart(one, other, "client_credentials_prefix", one.section.client_credentials.prefix,
                        other.section.client_credentials.prefix);
        !checked)
        return checked;
    if (const auto name = shared_name(one.section, other.section)) {
        return check_same_provider(one, other, *name);
    }
    if (!one.section.keys.jwks_cache_file.empty() &&
        one.section.keys.jwks_cache_file == other.section.keys.jwks_cache_file) {
        return fail(Reason::CONFIG_INVALID_VALUE,
                    fmt::format("{}jwks_cache_file = {}: {} has the same file: each provider needs its own",
                                other.origins.at("jwks_cache_file"), quote(other.section.keys.jwks_cache_file),
                                title(one.section)));
    }
    const std::string &a = one.section.tokens.username_prefix;
    const std::string &b = other.section.tokens.username_prefix;
    if (a.empty() && b.empty()) {
        return fail(
            Reason::CONFIG_MISSING_KEY,
            fmt::format("{}{} and {} need different usernames: set username_prefix in each section but one",
                        other.where, title(other.section), title(one.section)));
    }
    const std::size_t common = std::min(a.size(), b.size());
    if (common != 0 && a.compare(0, common, b, 0, common) == 0) {
        return fail(
            Reason::CONFIG_INVALID_VALUE,
            fmt::format(
                "{}username_prefix = {}: must not begin with {}, the prefix of {}, nor the other way round",
                other.origins.at("username_prefix"), quote(b), quote(a), title(one.section)));
    }
    return {};
}

/// Several providers: what one of them signs must not be more than its operator's trust in it.
void warn_of_trust(const Section &section, std::vector<std::string> &warnings) {
    const auto add = [&](std::string_view text) {
        warnings.push_back(fmt::format("{} {}", title(section), text));
    };
    if (!section.confinement.vhosts) {
        add("vhosts is unset beside another provider: the tokens of this one may name every vhost. List its "
            "vhosts "
            "(vhosts = * says that all are meant)");
    }
    if (!section.confinement.tags) {
        add("tags is unset beside another provider: the tokens of this one may say every tag, also "
            "administrator. "
            "List its tags (an empty list says that none are meant)");
    }
}

/// An alias is useless if its scopes lack the prefix: they are dropped.
void warn_of_aliases(const Section &section, std::vector<std::string> &warnings) {
    if (!section.scopes.scope_prefix) return;
    for (const auto &[alias, scopes] : section.scopes.scope_aliases) {
        for (const std::string &scope : scopes) {
            if (scope.starts_with(*section.scopes.scope_prefix)) continue;
            warnings.push_back(
                fmt::format("{} scope_aliases.{}: {} doesn't begin with the prefix {} and grants nothing",
                            title(section), quote(alias), quote(scope), quote(*section.scopes.scope_prefix)));
        }
    }
}

void warn(const Section &section, std::vector<std::string> &warnings) {
    const auto add = [&](std::string_view text) {
        warnings.push_back(fmt::format("{} {}", title(section), text));
    };
    if (!section.tokens.verify_aud && section.tokens.required_claims.empty()) {
        add(
            fmt::format("verify_aud = false: every token of the issuer is accepted, also those for other "
                        "services. Set required_claims.{}",
                        // Cognito's access tokens have no aud, but client_id.
                        vendor_of(section.issuer) == Vendor::cognito ? "client_id = ID" : "azp = CLIENT"));
    }
    if (section.scopes.scope_prefix_explicit && section.scopes.scope_prefix->empty()) {
        add("scope_prefix is empty: every scope counts, also those for other services");
    }
    if (!section.scopes.scope_prefix) {
        add("neither scope_prefix nor resource_server_id is set: every scope counts, also those for other "
            "services");
    }
    warn_of_aliases(section, warnings);
    if (!section.tokens.require_exp) add("require_exp = false: tokens without exp never expire");
    if (!section.tokens.require_exp && section.tokens.max_session_s == 0) {
        add("max_session = 0 with require_exp = false: sessions may last for ever");
    }
    if (section.tokens.clock_skew_s > generous_clock_skew_s) {
        add(fmt::format("clock_skew = {}: tokens live that many seconds longer than the provider says",
                        section.tokens.clock_skew_s));
    }
    if (section.tokens.allow_id_token)
        add("allow_id_token = true: tokens that were made for a login page open the broker");
    if (section.tokens.allow_id_token && section.tokens.id_token_marks != TokenRules().id_token_marks)
        add("id_token_marks has no effect beside allow_id_token = true: take one out");
    if (section.introspection.fails_open())
        add("introspect_fail = open: a revoked token counts while the provider doesn't answer");
    if (section.tokens.allow_cnf) add("allow_cnf = true: a stolen sender-constrained token works here");
    if (section.tokens.token_in_username)
        add("token_in_username = true: brokers and proxies write usernames into their logs");
    if (section.keys.jwks_max_stale_s < section.keys.jwks_cache_ttl_s && !section.keys.only_file()) {
        add(fmt::format("jwks_max_stale = {} is less than jwks_cache_ttl = {}: keys are fetched more often",
                        section.keys.jwks_max_stale_s, section.keys.jwks_cache_ttl_s));
    }
    if (section.keys.only_file()) {
        const auto no_effect = [&](std::string_view option, const std::string &value) {
            if (!value.empty()) add(fmt::format("{} has no effect beside jwks_file", option));
        };
        no_effect("jwks_cache_file", section.keys.jwks_cache_file);
        no_effect("jwks_token_file", section.keys.jwks_token_file);
        if (!section.introspection.is_used() && !section.client_credentials.is_used())
            no_effect("ca_file", section.keys.ca_file);
        no_effect("discovery_uri", section.keys.discovery_uri);
    }
}

}  // namespace

Result<void> check_and_complete(std::vector<SectionDraft> &drafts, const std::string &pod_folder,
                                std::vector<std::string> &warnings, std::vector<std::string> *root_notes) {
    for (SectionDraft &draft : drafts) {
        if (auto checked = check(draft, drafts, pod_folder, root_notes); !checked) return checked;
    }
    const bool several_providers = std::any_of(drafts.begin(), drafts.end(), [&](const SectionDraft &draft) {
        return !same_issuer(draft.section.issuer, drafts.front().section.issuer);
    });
    for (std::size_t i = 0; i < drafts.size(); ++i) {
        for (std::size_t j = i + 1; j < drafts.size(); ++j) {
            if (auto checked = check_together(drafts[i], drafts[j]); !checked) return checked;
        }
        warn(drafts[i].section, warnings);
        if (several_providers) warn_of_trust(drafts[i].section, warnings);
    }
    return {};
}

}  // namespace tokenward::config
