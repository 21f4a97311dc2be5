#include "access/scope.hpp"

#include "access/bytes.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace tokenward::access {

namespace {

constexpr std::size_t max_tag_bytes = 64;

/// True for printable ASCII that neither the grammar nor a list of scopes between spaces reads as something
/// else.
bool stands_for_itself(char c) noexcept {
    static constexpr auto table = [] {
        std::array<bool, 256> itself{};
        for (unsigned char byte = '!'; byte < 0x7f; ++byte)
            itself[byte] = std::string_view("%*+/\"\\").find(static_cast<char>(byte)) == std::string_view::npos;
        return itself;
    }();
    return table[static_cast<unsigned char>(c)];
}

/// Appends the text; the bytes that don't stand for themselves as percent escapes.
template <class IsPlain>
void append_escaped(std::string &out, std::string_view text, IsPlain is_plain) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::size_t run = 0;  // where the bytes begin that stand for themselves
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (is_plain(text[at])) continue;
        const auto byte = static_cast<unsigned char>(text[at]);
        const char escape[] = {'%', digits[byte >> 4U], digits[byte & 15U]};
        out.append(text, run, at - run).append(escape, sizeof escape);
        run = at + 1;
    }
    out.append(text, run);
}

/// A name, or an MQTT filter with its wildcards, as a part of a scope.
void append_name(std::string &out, std::string_view name, bool is_filter, char separator) {
    if (!is_filter) {
        append_encoded(out, name);
        return;
    }
    // "a/#" matches "a" too.
    const bool parent_too = name.size() > 2 && name.ends_with('#') && name[name.size() - 2] == separator;
    if (parent_too) name.remove_suffix(2);
    for (const char &c : name) {
        if (c == '+' || c == '#') {
            out += '*';
        } else {
            append_encoded(out, {&c, 1});
        }
    }
    if (parent_too) out += '*';
}

}  // namespace

bool is_tag(std::string_view name) noexcept {
    return !name.empty() && name.size() <= max_tag_bytes && std::ranges::all_of(name, [](char c) {
        return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
    });
}

std::string_view operation_name(Operation operation) noexcept {
    switch (operation) {
        case Operation::configure:
            return "configure";
        case Operation::read:
            return "read";
        case Operation::write:
            return "write";
    }
    return "unknown";
}

std::optional<Operation> read_operation(std::string_view name) noexcept {
    for (const Operation operation : {Operation::configure, Operation::read, Operation::write}) {
        if (same_bytes(name, operation_name(operation))) return operation;
    }
    return std::nullopt;
}

namespace {

struct Verb {
    std::string_view name;
    std::string_view meant;
};

/// What people write, and what they mean.
constexpr Verb likely_verbs[] = {{"publish", "write"},    {"pub", "write"},        {"send", "write"},
                                 {"produce", "write"},    {"subscribe", "read"},   {"sub", "read"},
                                 {"consume", "read"},     {"receive", "read"},     {"get", "read"},
                                 {"manage", "configure"}, {"create", "configure"}, {"declare", "configure"},
                                 {"delete", "configure"}};

/// Empty if nobody can tell.
std::string_view meant_by(std::string_view verb) {
    const std::string lower = to_lower(verb);
    for (const std::string_view known : {"configure", "read", "write", "tag"}) {
        if (lower == known) return known;
    }
    for (const Verb &other : likely_verbs) {
        if (lower == other.name) return other.meant;
    }
    return {};
}

/// Where the first broken escape begins, or npos.
std::size_t broken_escape(std::string_view text) noexcept {
    const auto is_hex = [&](std::size_t at) {
        return at < text.size() &&
               std::string_view("0123456789abcdefABCDEF").find(text[at]) != std::string_view::npos;
    };
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
        if (!is_hex(at + 1) || !is_hex(at + 2)) return at;
    }
    return std::string_view::npos;
}

}  // namespace

ScopeFlaw flaw_of(std::string_view text) {
    const std::size_t colon = find_any<':'>(text);
    if (colon == std::string_view::npos) return {"doesn't begin with configure:, read:, write: or tag:", {}};
    const std::string_view verb = text.substr(0, colon);
    const std::string_view rest = text.substr(colon + 1);
    if (verb == "tag") {
        if (is_tag(rest)) return {};
        return {"names no tag: 1 to 64 of letters, digits, _ . and -", {}};
    }
    if (!read_operation(verb)) {
        const std::string_view meant = meant_by(verb);
        ScopeFlaw flaw{"has the verb " + quote(verb, 16) + "; there are configure, read, write and tag", {}};
        if (to_lower(verb) == "admin" || to_lower(verb) == "administrator") flaw.likely = "tag:administrator";
        if (!meant.empty()) flaw.likely = std::string(meant) + ':' + std::string(rest);
        return flaw;
    }
    const auto slashes = std::ranges::count(rest, '/');
    if (slashes == 0) return {"names no vhost", std::string(verb) + ":%2F/" + std::string(rest)};
    if (slashes > 2) return {"has " + std::to_string(slashes + 1) + " parts, at most 3", likely_spelling(text)};
    if (const std::size_t at = broken_escape(rest); at != std::string_view::npos)
        return {"has a broken escape at its byte " + std::to_string(colon + 1 + at), {}};
    return {};
}

std::string likely_spelling(std::string_view text) {
    const std::size_t colon = find_any<':'>(text);
    std::string out(text.substr(0, colon + 1));
    std::string_view rest = text.substr(colon + 1);
    if (rest.starts_with('/')) {
        // The author meant the vhost "/", the default of every broker, not the one with the empty name.
        out += "%2F/";
        rest.remove_prefix(rest.starts_with("//") ? 2 : 1);
    } else {
        const std::size_t slash = rest.find('/');
        out += rest.substr(0, slash + 1);
        rest.remove_prefix(slash + 1);
    }
    for (const char c : rest) {
        if (c == '/') {
            out += "%2F";
        } else {
            out += c;
        }
    }
    return out;
}

std::string scope_for(const Request &request) {
    const bool key_is_mqtt = request.routing_key && request.is_mqtt();
    std::string scope(operation_name(request.operation));
    scope += ':';
    append_encoded(scope, request.vhost);
    scope += '/';
    append_name(scope, request.resource, request.mqtt_filter && !key_is_mqtt, '/');
    if (!request.routing_key) return scope;
    std::string key(*request.routing_key);
    if (key_is_mqtt) std::ranges::replace(key, '/', '.');
    scope += '/';
    append_name(scope, key, request.mqtt_filter, '.');
    return scope;
}

void append_encoded(std::string &out, std::string_view literal) {
    append_escaped(out, literal, stands_for_itself);
}

void append_encoded_apart(std::string &out, std::string_view literal) {
    append_escaped(out, literal.substr(0, 1), [](char) { return false; });
    if (!literal.empty()) append_encoded(out, literal.substr(1));
}

void append_raw(std::string &out, std::string_view raw) {
    append_escaped(out, raw, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace tokenward::access
