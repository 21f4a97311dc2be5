// tokenward_inspect: shows what a token says. Nothing is verified.
#include "access/permission_set.hpp"
#include "base/json_writer.hpp"
#include "claims/claims.hpp"
#include "claims/no_scope.hpp"
#include "claims/scope_sources.hpp"
#include "credentials/scheme.hpp"
#include "jose/jws.hpp"
#include "session/backend.hpp"
#include "session/json_segment.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenward::session {
namespace {

void write_list(JsonWriter &json, std::string_view name, const std::vector<std::string> &values) {
    json.name(name);
    json.begin_array();
    for (const std::string &value : values) json.value(value);
    json.end_array();
}

void write_value(JsonWriter &json, std::string_view name, const JsonValue &value) {
    json.name(name);
    value.write_to(json);
}

/// Why a login with these claims would be refused.
void write_problem(JsonWriter &json, const Failure &failure) {
    json.name("problem");
    json.begin_object();
    json.member("reason", reason_name(failure.reason));
    json.member("message", failure.detail);
    json.member("hint", hint_of(failure));
    json.end_object();
}

}  // namespace

Result<std::string> Backend::inspect(const Backend *backend, std::string_view token) {
    const auto configuration = backend != nullptr ? backend->configuration() : nullptr;
    const ActiveSection no_section;
    const std::size_t limit = configuration ? configuration->max_token_bytes : std::size_t{1} << 20;
    if (token.size() > limit) return fail(Reason::TOKEN_TOO_LARGE, "the token is larger than max_token_bytes");

    // What was pasted in its place is named as a login names it.
    if (auto sent = credentials::from_bearer(token); !sent) return pass_on(std::move(sent));
    const auto jws = jose::CompactJws::split(token);
    if (!jws) return tl::unexpected(jws.error());
    JsonDocument header_document;
    const auto header = decode_json_segment(jws->header, Segment::header, header_document);
    if (!header) return tl::unexpected(header.error());
    JsonDocument payload_document;
    const auto payload = decode_json_segment(jws->payload, Segment::payload, payload_document);
    if (!payload) return tl::unexpected(payload.error());

    const ActiveSection *section = &no_section;
    std::optional<Failure> problem;
    bool is_bound = false;
    if (configuration) {
        auto found = configuration->find_section(*payload);
        section = found ? *found : &configuration->sections.front();
        const auto typ = header->find("typ");
        const bool is_at_jwt = typ && typ->is_string() && jose::is_at_jwt(typ->text());
        auto claims =
            claims::check(*payload, section->issuer, section->tokens,
                          is_at_jwt ? claims::Form::at_jwt : claims::Form::jwt, backend->clock_.unix_seconds());
        if (!found) {
            problem = std::move(found).error();
        } else if (!claims) {
            problem = std::move(claims).error();
        } else {
            is_bound = claims->bound_to.has_value();
        }
    }
    const bool routing_keys = !configuration || configuration->settings.routing_keys;
    std::string username(claims::names_of(*payload, section->tokens).username);
    if (!username.empty()) username.insert(0, section->tokens.username_prefix);
    // No client is here: {mqtt:client_id} stays for its identifier.
    const claims::Connection connection{username, "{mqtt:client_id}", true};
    claims::ScopeList scopes;
    if (auto few = claims::collect_scopes(*payload, section->scopes, routing_keys, scopes, connection); !few)
        return pass_on(std::move(few));
    access::Notes notes;
    const auto permissions = access::PermissionSet::compile(scopes.scopes, routing_keys, notes,
                                                            section->confinement, scopes.vhost_scopes);
    notes.malformed.insert(notes.malformed.end(), scopes.notes.begin(), scopes.notes.end());
    notes.malformed.insert(notes.malformed.end(), notes.confined.begin(), notes.confined.end());
    if (permissions->empty() && notes.confined.empty())
        notes.malformed.push_back(claims::explain_no_scope(*payload, section->scopes, connection).text());
    if (scopes.depends_on_client_id) {
        notes.malformed.emplace_back(
            "{mqtt:client_id} stands for the client's identifier if the broker binds it (Mosquitto: "
            "plugin_opt_client_id); else its scopes grant nothing");
    }

    if (is_bound)
        notes.malformed.emplace_back(
            "the token is bound to a certificate: its client must connect by TLS with that one");

    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("verified", false);
    write_value(json, "header", *header);
    write_value(json, "payload", *payload);
    if (configuration) json.member("section", section->name);
    if (configuration && !username.empty()) json.member("username", username);
    json.name("permissions");
    json.begin_array();
    permissions->visit_scopes([&json](std::string_view scope) { json.value(scope); });
    json.end_array();
    write_list(json, "notes", notes.malformed);
    if (problem) write_problem(json, *problem);
    json.end_object();
    return out;
}

}  // namespace tokenward::session
