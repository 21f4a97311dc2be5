// The grammar of one scope without its prefix (DESIGN section 4, "Scopes"), and how names are written in it.
#pragma once

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
    std::optional<std::string_view> routing_key;
};

ScopeText read_scope(std::string_view text) noexcept;

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

/// 1 to 64 of A-Z a-z 0-9 _ . -
bool is_tag(std::string_view name) noexcept;

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
