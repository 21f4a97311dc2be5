// The scope grammar, the compiled set and its explanation: lines of scopes, then what is asked.
//
//   byte 0        operation, flags of the request, routing_keys
//   lines         vhost, resource, routing key, then one scope each
#include "access/permission_set.hpp"
#include "access/reference.hpp"
#include "access/spelled.hpp"
#include "bounded.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace tokenward::access;

namespace {

// DESIGN section 4, "What a good token may cost": of instructions, and a step is more than one.
constexpr tokenward::fuzz::Limit compile_limit{std::size_t{4} << 20U, 0, 3'000'000, 0};
constexpr tokenward::fuzz::Limit decide_limit{0, 0, 500'000, 0};
constexpr tokenward::fuzz::Limit explain_limit{std::size_t{4} << 20U, 0, 5'000'000, 0};

Verdict decide(const PermissionSet &set, const Request &request) {
    Verdict verdict = Verdict::denied;
    tokenward::fuzz::bounded("decide", decide_limit, request.resource.size(),
                             [&] { verdict = set.decide(request); });
    return verdict;
}

bool explain(const PermissionSet &set, const Request &request) {
    bool allowed = false;
    tokenward::fuzz::bounded("explain", explain_limit, request.resource.size(),
                             [&] { allowed = set.explain(request).allowed; });
    return allowed;
}

void require(bool holds) {
    if (!holds) std::abort();
}

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> lines(1);
    for (const char c : text) {
        if (c == '\n') {
            lines.emplace_back();
        } else {
            lines.back() += c;
        }
    }
    return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const unsigned flags = data[0];
    std::vector<std::string> lines = split_lines({reinterpret_cast<const char *>(data) + 1, size - 1});
    lines.resize(lines.size() < 3 ? 3 : lines.size());
    const std::vector<std::string> texts(lines.begin() + 3, lines.end());
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const bool routing_keys = (flags & 4U) == 0;

    Notes notes;
    std::shared_ptr<const PermissionSet> set;
    tokenward::fuzz::bounded("compile", compile_limit, size,
                             [&] { set = PermissionSet::compile(views, routing_keys, notes); });
    Request request{static_cast<Operation>(1 + (flags & 3U) % 3), lines[0], lines[1], std::nullopt};
    if ((flags & 8U) != 0) request.routing_key = lines[2];
    request.mqtt_topic = (flags & 16U) != 0;

    // The reference is slow: of longer inputs only the costs are looked at.
    const bool is_short = size <= 2048;
    const auto scopes = reference::read_scopes(texts);
    const Verdict verdict = decide(*set, request);
    const bool allowed = verdict == Verdict::allowed;
    // What is too costly is denied, whatever the scopes say.
    if (verdict != Verdict::too_costly) {
        require(explain(*set, request) == allowed);
        if (is_short) require(allowed == reference::allows(scopes, routing_keys, request));
    }
    if (is_short) {
        // With so few bytes no budget is exceeded.
        const bool opens = reference::opens_vhost(scopes, request.vhost);
        require(set->opens_vhost(request.vhost) == opens || (opens && size > 256));
    }

    const std::vector<std::string> spelled = spelled_scopes(*set);
    const std::vector<std::string_view> again(spelled.begin(), spelled.end());
    require(PermissionSet::compile(again, routing_keys, notes) == set);

    // A filter that is granted grants the topics it matches; the resource, without its wildcards, is one.
    request.mqtt_topic = false;
    request.mqtt_filter = true;
    const Verdict subscribed = decide(*set, request);
    if (subscribed != Verdict::too_costly) require(explain(*set, request) == (subscribed == Verdict::allowed));
    if (subscribed != Verdict::allowed || !is_short) return 0;
    require(reference::filter_is_valid(request.resource));
    for (const std::string_view run : {"", "x", "\xff$", "a b"}) {
        std::string topic;
        for (const char c : request.resource) {
            if (c == '+' || c == '#') {
                topic += run;
            } else {
                topic += c;
            }
        }
        if (!reference::filter_matches(request.resource, topic)) continue;
        Request publish{request.operation, request.vhost, topic, request.routing_key};
        publish.mqtt_topic = true;
        require(reference::allows(scopes, routing_keys, publish));
    }
    return 0;
}
