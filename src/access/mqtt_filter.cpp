#include "access/mqtt_filter.hpp"

#include <algorithm>

namespace tokenward::access {
namespace {

constexpr std::size_t max_filter_bytes = 16384;  // of wildcards alone: to check each costs more than to compare

}  // namespace

MqttFilter read_mqtt_filter(std::string_view text) noexcept {
    MqttFilter filter;
    filter.text = text;
    if (text.empty() || text.size() > max_filter_bytes) return filter;
    for (std::size_t at = find_any<'+', '#'>(text); at != std::string_view::npos;
         at = find_any<'+', '#'>(text, at + 1)) {
        const bool begins_level = at == 0 || text[at - 1] == '/';
        const bool ends_text = at + 1 == text.size();
        if (!begins_level) return filter;
        if (!ends_text && (text[at] == '#' || text[at + 1] != '/')) return filter;
        filter.has_wildcard = true;
    }
    // "/#" has no parent: no topic name is empty.
    if (text.size() > 2 && text.back() == '#') filter.parent = text.substr(0, text.size() - 2);
    filter.well_formed = true;
    return filter;
}

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): bytes_ is written as far as it is read
MqttKey::MqttKey(const Request &request) noexcept {
    const std::string_view key = *request.routing_key;
    if (key.size() > max_bytes) return;
    filter_ = request.mqtt_filter ? read_mqtt_filter(key) : plain_topic(key);
    std::ranges::replace_copy(key, bytes_.begin(), '/', '.');
    filter_.text = {bytes_.data(), key.size()};
    // A literal '*' in a filter becomes a wildcard of the binding key.
    if (request.mqtt_filter && key.find('*') != std::string_view::npos) {
        std::replace(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(key.size()), '*', '+');
        filter_.has_wildcard = true;
    }
    if (filter_.parent.data() != nullptr) filter_.parent = filter_.text.substr(0, filter_.parent.size());
}

bool MqttFilter::lacks_dollar(std::string_view common, const Pattern &pattern) const noexcept {
    return text.starts_with('$') && common.empty() && first_literal(pattern).empty();
}

bool MqttFilter::is_contained_in(std::string_view common, const Pattern &pattern,
                                 ScanBudget &budget) const noexcept {
    if (lacks_dollar(common, pattern)) return false;
    if (!has_wildcard) return true;
    if (common.find('+') != std::string_view::npos || common.find('#') != std::string_view::npos ||
        literals_hold_wildcard(pattern))
        return false;
    if (parent.data() == nullptr) return true;
    return parent.starts_with(common) && matches(pattern, parent.substr(common.size()), budget);
}

}  // namespace tokenward::access
