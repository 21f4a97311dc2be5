// tokenward_inspect: shows what a token says. Nothing is verified.
#include "access/permission_set.hpp"
#include "base/at_work.hpp"
#include "base/json_writer.hpp"
#include "claims/claims.hpp"
#include "claims/no_scope.hpp"
#include "claims/scope_sources.hpp"
#include "credentials/scheme.hpp"
#include "jose/crypto.hpp"
#include "jose/jws.hpp"
#include "jose/sha256.hpp"
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

/// Where a token says something.
struct Contents {
    JsonDocument header_document;
    JsonDocument payload_document;
    std::optional<JsonValue> header;   ///< empty: of an opaque token
    std::optional<JsonValue> payload;  ///< what the provider said of it
    claims::Form form = claims::Form::jwt;
};

Result<void> read_jwt(std::string_view token, Contents &contents) {
    const auto jws = jose::CompactJws::split(token);
    if (!jws) return tl::unexpected(jws.error());
    auto header = decode_json_segment(jws->header, Segment::header, contents.header_document);
    if (!header) return pass_on(std::move(header));
    auto payload = decode_json_segment(jws->payload, Segment::payload, contents.payload_document);
    if (!payload) return pass_on(std::move(payload));
    contents.header = *header;
    contents.payload = *payload;
    const auto typ = header->find("typ");
    if (typ && typ->is_string() && jose::is_at_jwt(typ->text())) contents.form = claims::Form::at_jwt;
    return {};
}

/// What a login with this opaque token has learned of the section's provider. False: nothing that still counts.
bool read_lately(const ActiveSection &section, std::string_view token, Contents &contents) {
    const AtWork at_work(WorkingThread::of_host);
    if (!at_work) return false;
    const jose::ErrorQueueGuard error_queue;
    const auto digest = jose::Sha256()(token);
    const auto answer = digest ? section.asked->lately(*digest) : nullptr;
    if (!answer || answer->kind != introspection::Answer::Kind::active) return false;
    const auto payload = contents.payload_document.parse(answer->content, Reason::INTROSPECTION_FAILED);
    if (!payload) return false;
    contents.payload = *payload;
    contents.form = claims::Form::introspection;
    return true;
}

}  // namespace

Result<std::string> Backend::inspect(const Backend *backend, std::string_view token) {
    const auto configuration = backend != nullptr ? backend->configuration() : nullptr;
    const ActiveSection no_section;
    const std::size_t limit = configuration ? configuration->max_token_bytes : std::size_t{1} << 20;
    if (token.size() > limit) return fail(Reason::TOKEN_TOO_LARGE, "the token is larger than max_token_bytes");

    // What was pasted in its place is named as a login names it.
    Contents contents;
    const ActiveSection *asked = nullptr;
    if (auto sent = credentials::from_bearer(token); !sent) {
        if (configuration) asked = configuration->asked_about({token, {}, {}});
        if (asked == nullptr) {
            if (configuration) configuration->advise_opaque(token, sent.error());
            return pass_on(std::move(sent));
        }
        if (!read_lately(*asked, token, contents)) {
            sent.error().hint = "the provider is asked at a login: tokenward check shows what it says";
            return pass_on(std::move(sent));
        }
    } else if (auto read = read_jwt(token, contents); !read) {
        return pass_on(std::move(read));
    }
    const JsonValue payload = *contents.payload;

    const ActiveSection *section = &no_section;
    std::optional<Failure> problem;
    bool is_bound = false;
    if (configuration) {
        auto found =
            asked != nullptr ? Result<const ActiveSection *>(asked) : configuration->find_section(payload);
        section = found ? *found : &configuration->sections.front();
        auto claims = claims::check(payload, section->issuer, section->tokens, contents.form,
                                    backend->clock_.unix_seconds());
        if (!found) {
            problem = std::move(found).error();
        } else if (!claims) {
            problem = std::move(claims).error();
        } else {
            is_bound = claims->bound_to.has_value();
        }
    }
    const bool routing_keys = !configuration || configuration->settings.routing_keys;
    std::string username(claims::names_of(payload, section->tokens).username);
    if (!username.empty()) username.insert(0, section->tokens.username_prefix);
    // No client is here: {mqtt:client_id} stays for its identifier.
    const claims::Connection connection{username, "{mqtt:client_id}", true};
    claims::ScopeList scopes;
    if (auto few = claims::collect_scopes(payload, section->scopes, routing_keys, scopes, connection); !few)
        return pass_on(std::move(few));
    access::Notes notes;
    const auto permissions = access::PermissionSet::compile(scopes.scopes, routing_keys, notes,
                                                            section->confinement, scopes.vhost_scopes);
    notes.malformed.insert(notes.malformed.end(), scopes.notes.begin(), scopes.notes.end());
    notes.malformed.insert(notes.malformed.end(), notes.confined.begin(), notes.confined.end());
    if (permissions->empty() && notes.confined.empty())
        notes.malformed.push_back(claims::explain_no_scope(payload, section->scopes, connection).text());
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
    if (contents.header) write_value(json, "header", *contents.header);
    write_value(json, "payload", payload);
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
