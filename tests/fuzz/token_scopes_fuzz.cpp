// From a payload to its scopes, with every source, aliases and variables: a byte of flags, then the payload.
#include "base/json.hpp"
#include "claims/scope_sources.hpp"
#include "fuzz_check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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
    return section;
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const unsigned flags = data[0];
    JsonDocument document;
    const auto payload =
        document.parse({reinterpret_cast<const char *>(data) + 1, size - 1}, Reason::MALFORMED_PAYLOAD);
    if (!payload) return 0;

    config::Section section = section_of(flags);
    claims::ScopeList list;
    if (!claims::collect_scopes(*payload, section.scopes, (flags & 128U) == 0, list)) return 0;
    FUZZ_CHECK(list.scopes.size() <= claims::max_scopes);
    for (const std::string &note : list.notes) FUZZ_CHECK(is_printable(note));

    // Variables put no scope in, and nothing else is read for them.
    section.scopes.expand_variables = false;
    claims::ScopeList plain;
    FUZZ_CHECK(claims::collect_scopes(*payload, section.scopes, (flags & 128U) == 0, plain).has_value());
    FUZZ_CHECK(list.scopes.size() <= plain.scopes.size());
    FUZZ_CHECK(flags != 0 || plain.notes.empty());
    return 0;
}
