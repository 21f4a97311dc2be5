// The grammar of one scope without its prefix (DESIGN section 4, "Scopes"), and how names are written in it.
#pragma once

#include "access/bytes.hpp"
#include "access/request.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tokenward::access {

/// The request's vhost, in the resource and the routing key of a scope whose vhost part has wildcards.
inline constexpr std::string_view vhost_variable = "{vhost}";

enum class ScopeKind {
    ignored,         ///< grants nothing: not in our grammar
    tag,             ///< tag:<name>
    permission,      ///< operation:<vhost>/<resource>[/<routing key>]
    too_many_parts,  ///< a permission with four parts or more
};

/// Views into the text. The parts are raw: with their wildcards, and still percent-encoded.
struct ScopeText {
    ScopeKind kind = ScopeKind::ignored;
    std::string_view tag;
    Operation operation = Operation::read;
    std::string_view vhost;
    std::string_view resource;
    std::size_t special = std::string_view::npos;  ///< the place of the resource's first '*', '%' or '+'
    std::string_view routing_key;

    /// Three parts. An empty routing key is one, too.
    bool has_routing_key() const noexcept { return routing_key.data() != nullptr; }
};

/// 1 to 64 of A-Z a-z 0-9 _ . -
bool is_tag(std::string_view name) noexcept;

/// `likely_vhost`: a vhost with the slash behind it, or empty. Where the scope begins with the same bytes, `vhost` is a view
/// into these. Most scopes of a token have the same.
[[gnu::always_inline]] inline ScopeText read_scope(std::string_view text,
                                                   std::string_view likely_vhost = {}) noexcept {
    ScopeText scope;
    std::string_view rest;
    const auto take = [&](const auto &name) {
        if (!begins_with_literal(text, name)) return false;
        rest = {text.data() + sizeof name - 1, text.size() - (sizeof name - 1)};
        return true;
    };
    // By the first byte, since to look for the colon costs more.
    switch (text.empty() ? '\0' : text.front()) {
        case 'w':
            scope.operation = Operation::write;
            if (!take("write:")) return scope;
            break;
        case 'r':
            scope.operation = Operation::read;
            if (!take("read:")) return scope;
            break;
        case 'c':
            scope.operation = Operation::configure;
            if (!take("configure:")) return scope;
            break;
        case 't':
            if (!take("tag:") || !is_tag(rest)) return scope;
            scope.kind = ScopeKind::tag;
            scope.tag = rest;
            return scope;
        default:
            return scope;
    }
    std::size_t first = likely_vhost.size() - 1;
    if (!likely_vhost.empty() && begins_with(rest, likely_vhost)) {
        scope.vhost = {likely_vhost.data(), first};
    } else {
        first = find_any<'/'>(rest);
        if (first == std::string_view::npos) return scope;
        scope.vhost = {rest.data(), first};
    }
    scope.kind = ScopeKind::permission;
    scope.resource = {rest.data() + first + 1, rest.size() - first - 1};
    scope.special = find_any<'/', '*', '%', '+'>(scope.resource);
    if (scope.special == std::string_view::npos) return scope;
    std::size_t second = scope.special;
    if (scope.resource[second] == '/') {
        scope.special = std::string_view::npos;
    } else {
        second = find_any<'/'>(scope.resource, second + 1);
        if (second == std::string_view::npos) return scope;
    }
    scope.routing_key = scope.resource.substr(second + 1);
    scope.resource = scope.resource.substr(0, second);
    if (find_any<'/'>(scope.routing_key) != std::string_view::npos) scope.kind = ScopeKind::too_many_parts;
    return scope;
}

/// Why a text is no scope, or never matches; `why` is empty if it is one. `likely`: what its author most likely
/// meant, or empty. Both are printable only as far as the text is: quote them.
struct ScopeFlaw {
    std::string why;
    std::string likely;
};
ScopeFlaw flaw_of(std::string_view text);

/// What the author of a scope with too many parts most likely meant: the first part is the vhost, all the rest
/// is the resource.
std::string likely_spelling(std::string_view text);

/// "configure", "read", "write".
std::string_view operation_name(Operation operation) noexcept;
std::optional<Operation> read_operation(std::string_view name) noexcept;

/// A scope, without its prefix, that grants the request. Where the request has an MQTT filter, it is the
/// narrowest that grants every topic of it; '*' stands for the wildcards.
std::string scope_for(const Request &request);

/// Appends literal bytes. A byte that the grammar would read as something else is percent-encoded.
void append_encoded(std::string &out, std::string_view literal);

/// The same behind any text: the first byte is always an escape. So the literal never completes an escape that the
/// text before it has begun.
void append_encoded_apart(std::string &out, std::string_view literal);

/// Appends raw text. Only what isn't printable ASCII is percent-encoded.
void append_raw(std::string &out, std::string_view raw);

}  // namespace tokenward::access
