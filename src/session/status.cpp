// tokenward_status: the backend's health as JSON.
#include "base/text.hpp"
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

void append_key(std::string &out, const jose::Key &key) {
    out += "{\"kid\":";
    append_json_string(out, key.kid());
    out += ",\"type\":";
    append_json_string(out, key.type());
    out += ",\"alg\":";
    if (key.algorithm()) {
        append_json_string(out, jose::algorithm_name(*key.algorithm()));
    } else {
        out += "null";
    }
    fmt::format_to(std::back_inserter(out), ",\"thumbprint\":\"{}\"}}", hex(key.thumbprint()));
}

void append_section(std::string &out, const keys::KeyStatus &status) {
    const auto member = [&](std::string_view name, std::string_view value) {
        fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
        append_json_string(out, value);
    };
    out += "{\"section\":";
    append_json_string(out, status.section);
    member("issuer", status.issuer);
    member("jwks_uri", status.jwks_uri);
    fmt::format_to(std::back_inserter(out),
                   ",\"stale\":{},\"age_seconds\":{},\"last_success\":{},\"next_fetch_in_seconds\":{}",
                   status.stale, status.age_s, status.last_success_unix, status.next_fetch_in_s);
    member("last_error", status.last_error);
    out += ",\"keys\":[";
    for (std::size_t i = 0; i < status.keys.size(); ++i) {
        if (i != 0) out += ',';
        append_key(out, *status.keys[i]);
    }
    out += "]}";
}

}  // namespace

std::string Backend::status() const {
    const auto current = configuration();
    std::string out = fmt::format("{{\"version\":\"{}\",\"live_sessions\":{},\"sections\":[", version,
                                  logins_.counters->live_sessions());
    for (std::size_t i = 0; i < current->sections.size(); ++i) {
        if (i != 0) out += ',';
        append_section(out, current->sections[i].keys->status());
    }
    out += "]}";
    return out;
}

}  // namespace tokenward::session
