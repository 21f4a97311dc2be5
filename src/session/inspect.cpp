// tokenward_inspect: shows what a token says. Nothing is verified.
#include "base/text.hpp"
#include "claims/scope_sources.hpp"
#include "jose/jws.hpp"
#include "session/backend.hpp"
#include "session/json_segment.hpp"

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

}  // namespace

Result<std::string> Backend::inspect(const Backend *backend, std::string_view token) {
    const auto configuration = backend != nullptr ? backend->configuration() : nullptr;
    const config::Section no_configuration;
    const std::size_t limit = configuration ? configuration->max_token_bytes : std::size_t{1} << 20;
    if (token.size() > limit) return fail(Reason::TOKEN_TOO_LARGE, "the token is larger than max_token_bytes");

    const auto jws = jose::CompactJws::split(token);
    if (!jws) return tl::unexpected(jws.error());
    JsonDocument header_document;
    const auto header = decode_json_segment(jws->header, Segment::header, header_document);
    if (!header) return tl::unexpected(header.error());
    JsonDocument payload_document;
    const auto payload = decode_json_segment(jws->payload, Segment::payload, payload_document);
    if (!payload) return tl::unexpected(payload.error());

    const config::Section *section = &no_configuration;
    std::string problem;
    if (configuration) {
        const auto found = configuration->find_section(*payload);
        section = found ? &(*found)->config : &configuration->sections.front().config;
        const auto claims = claims::check(*payload, *section, backend->clock_.unix_seconds());
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
    const bool routing_keys = !configuration || configuration->settings.routing_keys;
    claims::ScopeList scopes;
    if (auto few = claims::collect_scopes(*payload, *section, routing_keys, scopes); !few)
        return pass_on(std::move(few));
    access::Notes notes;
    const auto permissions = access::PermissionSet::compile(scopes.scopes, routing_keys, notes);

    std::string out = "{\"verified\":false,\"header\":";
    header->append_to(out);
    out += ",\"payload\":";
    payload->append_to(out);
    if (configuration) {
        out += ",\"section\":";
        append_json_string(out, section->name);
    }
    append_list(out, "permissions", permissions->scopes());
    notes.malformed.insert(notes.malformed.end(), scopes.notes.begin(), scopes.notes.end());
    append_list(out, "notes", notes.malformed);
    out += problem;
    out += '}';
    return out;
}

}  // namespace tokenward::session
