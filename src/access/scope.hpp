// The grammar of one scope, after the prefix was cut (DESIGN: "Scopes"), and its way back into text.
#pragma once

#include "access/permission_set.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tokenward::access {

enum class ScopeKind {
    ignored,         ///< no scope of ours
    tag,             ///< tag:<name>
    permission,      ///< operation:<vhost>/<resource>[/<routing key>]
    too_many_parts,  ///< a permission with four parts or more
};

/// Views into the text that was read. Parts are raw: still percent-encoded, with their wildcards.
struct ScopeText {
    ScopeKind kind = ScopeKind::ignored;
    std::string_view tag;
    Operation operation = Operation::read;
    std::string_view vhost;
    std::string_view resource;
    std::optional<std::string_view> routing_key;
};

ScopeText read_scope(std::string_view text) noexcept;

/// What the author of a scope with too many parts most likely meant: the first part is the vhost, the
/// slashes behind it belong to the resource.
std::string likely_spelling(std::string_view text);

/// "configure", "read", "write".
std::string_view operation_name(Operation operation) noexcept;

/// Appends literal bytes percent-encoded: what reads back as themselves stands as it is.
void append_encoded(std::string &out, std::string_view literal);

/// Appends raw text as it is, but what isn't printable ASCII percent-encoded.
void append_raw(std::string &out, std::string_view raw);

}  // namespace tokenward::access
