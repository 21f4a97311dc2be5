// tokenward_inspect: what stands in a token, believed by nobody.
#include "base/text.hpp"
#include "claims/scope_sources.hpp"
#include "jose/base64url.hpp"
#include "jose/jws.hpp"
#include "session/backend.hpp"

#include <string>

namespace tokenward::session {
namespace {

void append_list(std::string &out, std::string_view name, const std::vector<std::string> &values) {
    out += ",\"";
    out += name;
    out += "\":[";
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i != 0) out += ',';
        append_json_string(out, values[i]);
    }
    out += ']';
}

/// The header as it stands: also one that no rule would let pass.
Result<JsonValue> decode_any_header(std::string_view encoded, JsonDocument &document) {
    char *buffer = document.buffer(jose::base64url_decoded_size(encoded.size()));
    const auto size = jose::base64url_decode(encoded, buffer);
    if (!size) return fail(Reason::MALFORMED_TOKEN, "the first segment is not canonical base64url");
    auto header = document.parse_in_place(*size, Reason::MALFORMED_HEADER);
    if (header && !header->is_object())
        return fail(Reason::MALFORMED_HEADER, "the header is not a JSON object");
    return header;
}

}  // namespace

Result<std::string> Backend::inspect(const Backend *backend, std::string_view token) {
    const auto loaded = backend != nullptr ? backend->loaded() : nullptr;
    const config::Section no_configuration;
    const std::size_t limit = loaded ? loaded->max_token_bytes : std::size_t{1} << 20;
    if (token.size() > limit) return fail(Reason::TOKEN_TOO_LARGE, "the token is larger than max_token_bytes");

    const auto jws = jose::CompactJws::split(token);
    if (!jws) return tl::unexpected(jws.error());
    Scratch scratch;
    const auto header = decode_any_header(jws->header, scratch.header);
    if (!header) return tl::unexpected(header.error());
    const auto payload = decode_payload(jws->payload, scratch.payload);
    if (!payload) return tl::unexpected(payload.error());

    const config::Section *section = &no_configuration;
    std::string problem;
    if (loaded) {
        const auto chosen = choose_issuer(*loaded, *payload);
        section = chosen ? &(*chosen)->section : &loaded->issuers.front().section;
        const auto claims = claims::check(*payload, section->issuer, section->tokens, backend->clock_.unix_seconds());
        if (!claims) {
            problem = ",\"problem\":{\"reason\":";
            append_json_string(problem, reason_name(claims.error().reason));
            problem += ",\"message\":";
            append_json_string(problem, claims.error().detail);
            problem += ",\"hint\":";
            append_json_string(problem, reason_hint(claims.error().reason));
            problem += '}';
        }
    }
    const bool routing_keys = !loaded || loaded->settings.routing_keys;
    if (auto few = claims::collect_scopes(*payload, section->scopes, routing_keys, scratch.scopes); !few)
        return pass_on(std::move(few));
    access::Notes notes;
    const auto permissions = access::PermissionSet::compile(scratch.scopes.scopes, routing_keys, notes);

    std::string out = "{\"verified\":false,\"header\":";
    header->append_to(out);
    out += ",\"payload\":";
    payload->append_to(out);
    if (loaded) {
        out += ",\"section\":";
        append_json_string(out, section->name);
    }
    append_list(out, "permissions", permissions->scopes());
    notes.malformed.insert(notes.malformed.end(), scratch.scopes.notes.begin(), scratch.scopes.notes.end());
    append_list(out, "notes", notes.malformed);
    out += problem;
    out += '}';
    return out;
}

}  // namespace tokenward::session
