// From a payload to its scopes, with every source, aliases and variables: a byte of flags, then the payload.
#include "access/permission_set.hpp"
#include "base/json.hpp"
#include "bounded.hpp"
#include "claims/scope_sources.hpp"
#include "fuzz_check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

using namespace tokenward;

namespace {

config::Section section_of(unsigned flags) {
    config::Section section;
    if ((flags & 1U) != 0) section.scopes.resource_server_id = "mq";
    if ((flags & 2U) != 0) {
        section.scopes.scope_prefix = "mq.";
        section.scopes.scope_prefix_explicit = (flags & 4U) != 0;
    }
    if ((flags & 8U) != 0) section.scopes.resource_server_type = "t";
    if ((flags & 16U) != 0) section.scopes.scope_aliases = {{"a", {"mq.read:{vhost}/{sub}", "read:*/*"}}};
    if ((flags & 32U) != 0)
        section.scopes.additional_scopes_keys = {"x", "x.mq.y", "authorization.permissions.scopes", "x{}",
                                                 "x\\.y.mq{}"};
    section.scopes.expand_variables = (flags & 64U) != 0;
    section.scopes.expand_connection = (flags & 4U) != 0;
    return section;
}

// DESIGN section 4, "What a good token may cost": of instructions, and a step is more than one.
constexpr fuzz::Limit login_limit{std::size_t{4} << 20U, 0, 3'000'000, 0};
constexpr fuzz::Limit decide_limit{0, 0, 500'000, 0};
constexpr fuzz::Limit explain_limit{std::size_t{4} << 20U, 0, 5'000'000, 0};

/// The payload is the name too: so it has to do with the scopes.
void decide(const access::PermissionSet &set, std::string_view name) {
    for (const bool topic : {false, true}) {
        for (const bool filter : {false, true}) {
            if (topic && filter) continue;
            access::Request request{access::Operation::write, "v", name, std::nullopt};
            request.mqtt_topic = topic;
            request.mqtt_filter = filter;
            auto verdict = access::Verdict::denied;
            bool explained = false;
            fuzz::bounded("decide", decide_limit, name.size(), [&] { verdict = set.decide(request); });
            fuzz::bounded("explain", explain_limit, name.size(),
                          [&] { explained = set.explain(request).allowed; });
            if (verdict != access::Verdict::too_costly)
                FUZZ_CHECK(explained == (verdict == access::Verdict::allowed));
        }
    }
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const unsigned flags = data[0];
    const bool routing_keys = (flags & 128U) == 0;
    const std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
    config::Section section = section_of(flags);
    JsonDocument document;
    Result<JsonValue> payload = fail(Reason::MALFORMED_PAYLOAD, "not read");
    claims::ScopeList list;
    const claims::Connection connection{"alice", text.substr(0, 64), (flags & 1U) != 0};
    std::shared_ptr<const access::PermissionSet> set;
    fuzz::bounded("login", login_limit, size, [&] {
        payload = document.parse(text, Reason::MALFORMED_PAYLOAD);
        if (!payload || !claims::collect_scopes(*payload, section.scopes, routing_keys, list, connection))
            return;
        access::Notes notes;
        set = access::PermissionSet::compile(list.scopes, routing_keys, notes, {}, list.vhost_scopes);
    });
    if (set == nullptr) return 0;
    decide(*set, text);
    FUZZ_CHECK(list.scopes.size() <= claims::max_scopes);
    for (const std::string &note : list.notes) FUZZ_CHECK(is_printable(note));

    // Variables put no scope in, and nothing else is read for them.
    section.scopes.expand_variables = false;
    section.scopes.expand_connection = false;
    claims::ScopeList plain;
    FUZZ_CHECK(claims::collect_scopes(*payload, section.scopes, routing_keys, plain).has_value());
    FUZZ_CHECK(list.scopes.size() + list.vhost_scopes.size() <= plain.scopes.size());
    FUZZ_CHECK(flags != 0 || plain.notes.empty());
    return 0;
}
