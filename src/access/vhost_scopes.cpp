#include "access/vhost_scopes.hpp"

#include "access/mqtt_filter.hpp"

#include <optional>

namespace tokenward::access {
namespace {

// In bytes that take as long to scan (scan_budget.hpp).
constexpr std::size_t of_a_scope = 96;
constexpr std::size_t of_a_step = 40;

int digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// A raw part, element by element. With a vhost, {vhost} is its bytes, as literal ones.
class Elements {
  public:
    enum class Kind : std::uint8_t { byte, star, broken, end };

    Elements(std::string_view raw, std::optional<std::string_view> vhost) noexcept : raw_(raw), vhost_(vhost) {}

    Kind next(char &byte) noexcept {
        while (true) {
            if (!pending_.empty()) {
                byte = pending_.front();
                pending_.remove_prefix(1);
                return Kind::byte;
            }
            if (!vhost_ || !raw_.starts_with(vhost_variable)) break;
            pending_ = *vhost_;
            raw_.remove_prefix(vhost_variable.size());
        }
        if (raw_.empty()) return Kind::end;
        byte = raw_.front();
        if (byte == '*') {
            raw_.remove_prefix(1);
            return Kind::star;
        }
        if (byte == '+') byte = ' ';
        std::size_t size = 1;
        if (byte == '%') {
            if (raw_.size() < 3 || digit(raw_[1]) < 0 || digit(raw_[2]) < 0) return Kind::broken;
            byte = static_cast<char>(digit(raw_[1]) * 16 + digit(raw_[2]));
            size = 3;
        }
        raw_.remove_prefix(size);
        return Kind::byte;
    }

  private:
    std::string_view raw_;
    std::optional<std::string_view> vhost_;
    std::string_view pending_;  ///< what is left of the vhost, where it is read
};

/// A glob: on a mismatch the last star takes one byte more. A broken escape matches nothing.
bool matches(std::string_view raw, std::string_view name, std::optional<std::string_view> vhost,
             ScanBudget &budget) noexcept {
    Elements pattern(raw, vhost);
    Elements behind_star = pattern;
    bool has_star = false;
    std::size_t at = 0;
    std::size_t star_at = 0;
    while (budget.spend(of_a_step)) {
        Elements next = pattern;
        char byte = 0;
        const Elements::Kind kind = next.next(byte);
        if (kind == Elements::Kind::star) {
            pattern = behind_star = next;
            has_star = true;
            star_at = at;
        } else if (kind == Elements::Kind::byte && at < name.size() && byte == name[at]) {
            pattern = next;
            ++at;
        } else if (kind == Elements::Kind::end && at == name.size()) {
            return true;
        } else if (has_star && star_at < name.size()) {
            pattern = behind_star;
            at = ++star_at;
        } else {
            return false;
        }
    }
    return false;
}

bool grants(const ScopeText &scope, const Request &request, bool any_key, bool routing_keys,
            ScanBudget &budget) noexcept {
    if (scope.operation != request.operation) return false;
    if (scope.has_routing_key() ? !routing_keys : (any_key || request.routing_key.has_value())) return false;
    if (!matches(scope.vhost, request.vhost, std::nullopt, budget) ||
        !matches(scope.resource, request.resource, request.vhost, budget))
        return false;
    return any_key || !request.routing_key ||
           matches(scope.routing_key, *request.routing_key, request.vhost, budget);
}

/// Where an MQTT request is one for a plain topic.
bool is_plain(const Request &request) noexcept {
    if (!request.is_mqtt()) return true;
    if (request.routing_key || request.resource.starts_with('$')) return false;
    if (!request.mqtt_filter) return true;
    const MqttFilter filter = read_mqtt_filter(request.resource);
    return filter.well_formed && !filter.has_wildcard;
}

}  // namespace

std::string_view granting_vhost_scope(std::string_view list, const Request &request, bool routing_keys,
                                      ScanBudget &budget) noexcept {
    std::string_view found;
    if (!is_plain(request)) return found;
    visit_vhost_scopes(list, [&](std::string_view text) {
        if (!budget.spend(of_a_scope)) return true;
        if (grants(read_scope(text), request, false, routing_keys, budget)) found = text;
        return !found.empty();
    });
    return found;
}

bool vhost_scopes_grant(std::string_view list, const Request &request, bool routing_keys,
                        ScanBudget &budget) noexcept {
    return !granting_vhost_scope(list, request, routing_keys, budget).empty();
}

bool vhost_scopes_open(std::string_view list, std::string_view vhost, ScanBudget &budget) noexcept {
    return visit_vhost_scopes(list, [&](std::string_view text) {
        return budget.spend(of_a_scope) && matches(read_scope(text).vhost, vhost, std::nullopt, budget);
    });
}

bool vhost_scopes_grant_some_key(std::string_view list, const Request &request, ScanBudget &budget) noexcept {
    return visit_vhost_scopes(list, [&](std::string_view text) {
        const ScopeText scope = read_scope(text);
        return budget.spend(of_a_scope) && scope.has_routing_key() &&
               grants(scope, request, true, true, budget);
    });
}

}  // namespace tokenward::access
