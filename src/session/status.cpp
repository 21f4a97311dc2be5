// tokenward_status: the backend's health as JSON.
#include "base/json_writer.hpp"
#include "session/backend.hpp"
#include "session/version.hpp"

#include <iterator>
#include <string>

#include <fmt/format.h>

namespace tokenward::session {
namespace {

std::string hex(const jose::Thumbprint &thumbprint) {
    std::string out;
    for (const auto byte : thumbprint) fmt::format_to(std::back_inserter(out), "{:02x}", byte);
    return out;
}

void write_key(JsonWriter &json, const jose::Key &key) {
    json.begin_object();
    json.member("kid", key.kid());
    json.member("type", key.type());
    json.name("alg");
    if (key.algorithm()) {
        json.value(jose::algorithm_name(*key.algorithm()));
    } else {
        json.null();
    }
    json.member("thumbprint", hex(key.thumbprint()));
    json.end_object();
}

void write_asked(JsonWriter &json, const introspection::Provider &asked, const char *yes, const char *no) {
    const introspection::Counts counts = asked.counts();
    json.begin_object();
    json.member("endpoint", asked.endpoint());
    json.member(yes, counts.active);
    json.member(no, counts.inactive);
    json.member("failed", counts.failed);
    json.member("limited", counts.limited);
    json.member("last_error", asked.last_problem());
    json.end_object();
}

void write_section(JsonWriter &json, const ActiveSection &section, const keys::KeyStatus &status) {
    json.begin_object();
    json.member("section", section.name);
    json.member("issuer", status.issuer);
    json.member("jwks_uri", status.jwks_uri);
    json.member("stale", status.stale);
    json.member("age_seconds", status.age_s);
    json.member("last_success", status.last_success_unix);
    json.member("next_fetch_in_seconds", status.next_fetch_in_s);
    json.member("last_error", status.last_error);
    json.name("keys");
    json.begin_array();
    for (const keys::KeyRef &key : status.keys) write_key(json, *key);
    json.end_array();
    if (section.asked) {
        json.name("introspection");
        write_asked(json, *section.asked, "active", "inactive");
    }
    if (section.exchange) {
        json.name("client_credentials");
        write_asked(json, *section.exchange, "granted", "refused");
    }
    json.end_object();
}

}  // namespace

std::string Backend::status() const {
    const auto current = configuration();
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("version", version);
    json.member("live_sessions", logins_.counters->live_sessions());
    json.member("denied_lines", current->denied->lines());
    json.name("sections");
    json.begin_array();
    for (const ActiveSection &section : current->sections) write_section(json, section, section.keys->status());
    json.end_array();
    json.end_object();
    return out;
}

}  // namespace tokenward::session
