#include "config/apply.hpp"

#include "access/pattern.hpp"
#include "access/scope.hpp"
#include "base/text.hpp"
#include "config/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <memory_resource>
#include <type_traits>

#include <fmt/format.h>

namespace tokenward::config {
namespace {

constexpr std::size_t max_list_size = 64;
constexpr std::size_t max_text_bytes = 1024;
constexpr std::size_t max_aliases = 1024;
constexpr std::size_t max_alias_scopes = 256;

constexpr LogLevel log_levels[] = {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug};

/// LavinMQ's words for true and false, in upper or lower case. LavinMQ takes every other word for false. We
/// refuse it.
constexpr std::string_view true_words[] = {"1", "true", "yes", "on", "y"};
constexpr std::string_view false_words[] = {"0", "false", "no", "off", "n"};

/// UTF-8 without control characters.
bool is_printable(std::string_view text) {
    return is_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
               const auto byte = static_cast<unsigned char>(c);
               return byte < 0x20 || byte == 0x7F;
           });
}

/// A JSON list stays as it is. A text is split at commas; empty elements are left out.
std::vector<std::string> elements_of(const Value &value) {
    if (value.form == Value::Form::list) return value.list;
    std::vector<std::string> elements;
    std::string_view rest = value.text;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(','), rest.size());
        if (const std::string_view element = trim(rest.substr(0, end)); !element.empty()) {
            elements.emplace_back(element);
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return elements;
}

bool is_list(Type type) {
    switch (type) {
        case Type::list:
        case Type::name_list:
        case Type::vhosts:
        case Type::tags:
        case Type::operations:
        case Type::algorithms:
            return true;
        default:
            return false;
    }
}

/// A value as a message may show it. What should be a URL can hold a password, even if it isn't a good URL.
std::string shown(const Option &option, const Value &value) {
    const bool may_hold_a_password =
        option.type == Type::issuer || option.type == Type::https_url || option.type == Type::proxy_url;
    const auto show = [&](const std::string &text) {
        return may_hold_a_password ? without_userinfo(text) : text;
    };
    if (value.form != Value::Form::list) return quote(show(value.text));
    std::string joined;
    for (const std::string &element : value.list) joined += (joined.empty() ? "" : ",") + show(element);
    return quote(joined);
}

/// Each of these fills `out`, and returns what is wrong with the value, or an empty text.
std::string read(const Option &option, const Value &value, std::string &out) {
    out = value.text;
    if (out.size() > max_text_bytes) return fmt::format("must have {} bytes at most", max_text_bytes);
    if (!is_printable(out)) return "must be UTF-8 without control characters";
    if (out.empty()) return {};
    switch (option.type) {
        case Type::https_url:
            return https_url_problem(out);
        case Type::proxy_url:
            return proxy_problem(out);
        case Type::path:
            return out.front() == '/' ? "" : "must be an absolute path: brokers change their working directory";
        default:
            if (out.size() > static_cast<std::size_t>(option.max)) {
                return fmt::format("must have {} bytes at most", option.max);
            }
            return {};
    }
}

std::string read(const Option &option, const Value &value, std::optional<std::string> &out) {
    return read(option, value, out.emplace());
}

std::string read(const Option &option, const Value &value, std::vector<std::string> &out) {
    out = elements_of(value);
    if (out.size() > max_list_size) return fmt::format("must have {} elements at most", max_list_size);
    if (out.empty() && option.type == Type::name_list) return "must name one claim at least";
    for (const std::string &element : out) {
        if (element.empty() || element.size() > max_text_bytes || !is_printable(element)) {
            return fmt::format("elements must have 1 to {} bytes of UTF-8 without control characters",
                               max_text_bytes);
        }
    }
    return {};
}

/// What is wrong with one element of vhosts, tags or operations.
std::string confinement_problem(Type type, const std::string &element) {
    if (type == Type::tags) {
        if (access::is_tag(element)) return {};
        return fmt::format("{} isn't a tag: 1 to 64 of A-Z a-z 0-9 _ . - (without tag: in front)",
                           quote(element));
    }
    if (type == Type::operations) {
        if (access::read_operation(element)) return {};
        return fmt::format("{} isn't one of configure, read, write", quote(element));
    }
    if (element.find('/') != std::string::npos) {
        return fmt::format("{}: a slash in a vhost's name is written %2F, as in a scope", quote(element));
    }
    access::Arena arena;
    if (access::compile_pattern(element, arena).kind == access::PatternKind::never) {
        return fmt::format("{} has a broken percent escape: % and two hex digits (%25 is a percent sign)",
                           quote(element));
    }
    return {};
}

std::string read(const Option &option, const Value &value, Confinement::Names &out) {
    std::string problem = read(option, value, out.emplace());
    for (const std::string &element : *out) {
        if (problem.empty()) problem = confinement_problem(option.type, element);
    }
    return problem;
}

std::string read(const Option &option, const Value &value, bool &out) {
    const std::string word = to_lower(value.text);
    const bool is_true = std::find(std::begin(true_words), std::end(true_words), word) != std::end(true_words);
    const bool is_false =
        std::find(std::begin(false_words), std::end(false_words), word) != std::end(false_words);
    if (!is_true && !is_false) return expectation(option);
    out = is_true;
    return {};
}

std::string read(const Option &option, const Value &value, std::int64_t &out) {
    const char *const end = value.text.data() + value.text.size();
    const auto [stopped, error] = std::from_chars(value.text.data(), end, out);
    if (error != std::errc() || stopped != end || out < option.min || out > option.max)
        return expectation(option);
    return {};
}

std::string read(const Option &option, const Value &value, std::size_t &out) {
    std::int64_t number = 0;
    std::string problem = read(option, value, number);
    if (problem.empty()) out = static_cast<std::size_t>(number);
    return problem;
}

std::string read(const Option &, const Value &value, jose::AlgorithmSet &out) {
    out = jose::AlgorithmSet::none();
    for (const std::string &name : elements_of(value)) {
        const auto algorithm = jose::parse_algorithm(name);
        if (algorithm) {
            out.add(*algorithm);
            continue;
        }
        const std::string folded = to_lower(name);
        if (folded == "none" || folded.substr(0, 2) == "hs") {
            return fmt::format("{} is never accepted: whoever knows the public key could forge a token",
                               quote(name));
        }
        return fmt::format(
            "{} isn't one of RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519", quote(name));
    }
    return out.empty() ? "must name one algorithm at least" : "";
}

std::string read(const Option &option, const Value &value, BoundTokens &out) {
    if (value.text != "check" && value.text != "require") return expectation(option);
    out = value.text == "require" ? BoundTokens::require : BoundTokens::check;
    return {};
}

std::string read(const Option &option, const Value &value, LogLevel &out) {
    const auto *const found =
        std::ranges::find(log_levels, std::string_view(to_lower(value.text)), log_level_name);
    if (found == std::end(log_levels)) return expectation(option);
    out = *found;
    return {};
}

/// A text is split at spaces, as in a token (RFC 6749 section 3.3). In a JSON array each element is a scope.
std::vector<std::string> scopes_of(const Value &value) {
    if (value.form == Value::Form::list) return value.list;
    std::vector<std::string> scopes;
    std::string_view rest = value.text;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        if (end != 0) scopes.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return scopes;
}

/// An empty list removes the name.
void put(std::string_view name, std::vector<std::string> list, NamedLists &out) {
    if (!list.empty()) {
        out.insert_or_assign(std::string(name), std::move(list));
    } else if (const auto found = out.find(name); found != out.end()) {
        out.erase(found);
    }
}

/// One alias.
std::string read_alias(std::string_view alias, const Value &value, ScopeAliases &out) {
    if (alias.empty() || alias.size() > max_text_bytes || !is_printable(alias)) {
        return fmt::format("an alias has 1 to {} bytes of UTF-8 without control characters", max_text_bytes);
    }
    std::vector<std::string> scopes = scopes_of(value);
    if (scopes.size() > max_alias_scopes) {
        return fmt::format("must have {} scopes at most", max_alias_scopes);
    }
    for (const std::string &scope : scopes) {
        if (scope.empty() || scope.size() > max_text_bytes || !is_printable(scope)) {
            return fmt::format("scopes must have 1 to {} bytes of UTF-8 without control characters",
                               max_text_bytes);
        }
        // "read:*/*, write:*/*" would be two scopes, the first with a comma at its end. Nobody means that.
        if (scope.front() == ',' || scope.back() == ',') {
            return "scopes have spaces between them, no commas (write %2C for a comma in a name)";
        }
        if (scope == "=" && value.form == Value::Form::ini) {
            return "the alias ends at the first =";
        }
    }
    put(alias, std::move(scopes), out);
    if (out.size() > max_aliases) return fmt::format("there are more than {} aliases", max_aliases);
    return {};
}

/// The line that was probably meant by an alias with a = in it and without quotes.
std::string quoted_alias(std::string_view alias, std::string_view value) {
    constexpr std::size_t max_shown = 256;
    constexpr std::string_view separator = " = ";
    const std::size_t end = value.rfind(separator);
    if (end == std::string_view::npos || alias.size() + value.size() > max_shown) return {};
    std::string line = fmt::format("scope_aliases.\"{}={}\" = {}", alias, trim(value.substr(0, end)),
                                   value.substr(end + separator.size()));
    const bool plain = std::none_of(line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; });
    return plain && std::count(line.begin(), line.end(), '"') == 2 ? line : std::string();
}

/// The line that was probably meant; empty: unknown.
std::string hint_for(const Option &option, std::string_view alias, const Value &value) {
    if (value.form == Value::Form::list) return {};
    if (option.type == Type::https_url) {
        const std::string better = copyable(better_https_url(value.text));
        return better.empty() ? std::string() : fmt::format("{} = {}", option.name, better);
    }
    if (option.type == Type::scope_map && value.form == Value::Form::ini && !alias.empty())
        return quoted_alias(alias.substr(1), value.text);
    return {};
}

/// One claim and the values of which it must have one.
std::string read_required_claim(const Option &option, std::string_view claim, const Value &value,
                                RequiredClaims &out) {
    if (claim.empty() || claim.size() > max_text_bytes || !is_printable(claim)) {
        return fmt::format("a claim's name has 1 to {} bytes of UTF-8 without control characters",
                           max_text_bytes);
    }
    std::vector<std::string> values;
    if (std::string problem = read(option, value, values); !problem.empty()) return problem;
    put(claim, std::move(values), out);
    if (out.size() > max_list_size) return fmt::format("there are more than {} claims", max_list_size);
    return {};
}

/// A JSON value must have the option's type. Text is good for every type, since INI has only text.
bool form_fits(Type type, Value::Form form) {
    switch (form) {
        case Value::Form::ini:
        case Value::Form::string:
            return true;
        case Value::Form::number:
            return type == Type::number;
        case Value::Form::boolean:
            return type == Type::boolean;
        case Value::Form::list:
            return is_list(type) || is_map(type);
    }
    return false;
}

}  // namespace

std::string expectation(const Option &option) {
    if (is_list(option.type)) return "must be a list";
    switch (option.type) {
        case Type::boolean:
            return "must be true or false";
        case Type::number:
            return fmt::format("must be a whole number from {} to {} ({})", option.min, option.max,
                               option.unit);
        case Type::bound_tokens:
            return "must be check or require";
        case Type::log_level:
            return "must be error, warning, info or debug";
        case Type::scope_map:
            return fmt::format("must be {}.ALIAS = SCOPE SCOPE", option.name);
        case Type::claim_map:
            return fmt::format("must be {}.CLAIM = VALUE,VALUE", option.name);
        case Type::issuer:
        case Type::https_url:
        case Type::proxy_url:
            return "must be a URL";
        case Type::path:
            return "must be a path";
        default:
            return "must be text";
    }
}

Result<void> apply(const Option &option, const Entry &entry, Section &section, Settings &settings) {
    if (option.scope() == Scope::none) return {};
    std::string problem = expectation(option);
    const std::string_view alias = std::string_view(entry.key).substr(option.name.size());  // "" or ".ALIAS"
    if (form_fits(option.type, entry.value.form) && (!is_map(option.type) || !alias.empty())) {
        problem = std::visit(
            [&](auto member) -> std::string {
                if constexpr (std::is_same_v<decltype(member), std::monostate>) {
                    return {};
                } else if constexpr (std::is_same_v<decltype(member), SectionField<NamedLists>>) {
                    if (option.type == Type::scope_map)
                        return read_alias(alias.substr(1), entry.value, member(section));
                    return read_required_claim(option, alias.substr(1), entry.value, member(section));
                } else if constexpr (requires { member(section); }) {
                    return read(option, entry.value, member(section));
                } else {
                    return read(option, entry.value, settings.*member);
                }
            },
            option.target);
    }
    if (problem.empty()) return {};
    return fail(
        Reason::CONFIG_INVALID_VALUE,
        fmt::format("{}{}{} = {}: {}", entry.where, option.name,
                    alias.empty() ? "" : "." + quote(alias.substr(1)), shown(option, entry.value), problem),
        hint_for(option, alias, entry.value));
}

}  // namespace tokenward::config
