#include "access/explanation.hpp"

#include "access/confinement.hpp"
#include "access/granted_scope.hpp"
#include "access/mqtt_filter.hpp"
#include "access/scope.hpp"
#include "base/text.hpp"

#include <cstdint>
#include <optional>

namespace tokenward::access {

namespace {

using Part = GrantedScope::Part;

/// What a scope lacks to grant the request. The later, the nearer: scopes of the same operation come first, unless
/// another one lacks nothing else.
enum class Lack : std::uint8_t {
    everything,
    vhost_and_operation,
    resource_and_operation,
    vhost_and_resource,
    operation,
    vhost,
    resource,
    needs_routing_key,
    routing_keys_off,
    routing_key,
    nothing,
};

class Examiner {
  public:
    Examiner(const Request &request, std::string_view vhosts, bool routing_keys) noexcept
        : request_(request),
          vhosts_(vhosts),
          within_vhosts_(vhosts.empty() || names_vhost(vhosts, request.vhost, budget_)),
          routing_keys_(routing_keys),
          filter_(request.mqtt_filter ? read_mqtt_filter(request.resource) : plain_topic(request.resource)) {
        if (!request.routing_key || !request.is_mqtt()) return;
        key_.emplace(request);
        filter_ = key_->filter();
    }

    bool well_formed() const noexcept { return filter_.well_formed; }
    /// True: some scopes were not looked at to the end.
    bool gave_up() const noexcept { return budget_.exceeded(); }

    Lack examine(const GrantedScope &scope) const noexcept {
        const bool operation = scope.operation == request_.operation;
        const bool vhost = within_vhosts_ && scope.vhost.matches_name(request_.vhost, budget_);
        const bool resource = matches_resource(scope.resource);
        if (!vhost && !resource) return operation ? Lack::vhost_and_resource : Lack::everything;
        if (!vhost) return operation ? Lack::vhost : Lack::vhost_and_operation;
        if (!resource) return operation ? Lack::resource : Lack::resource_and_operation;
        if (!operation) return Lack::operation;
        if (scope.routing_key && !routing_keys_) return Lack::routing_keys_off;
        if (!request_.routing_key) return Lack::nothing;
        if (!scope.routing_key) return Lack::needs_routing_key;
        return matches_routing_key(*scope.routing_key) ? Lack::nothing : Lack::routing_key;
    }

    std::size_t likeness(const GrantedScope &scope) const {
        return scope.resource.likeness(request_.resource) + scope.vhost.likeness(request_.vhost);
    }

    std::string why(const GrantedScope &scope, Lack lack) const {
        const std::string granted(operation_name(scope.operation));
        const std::string wanted(operation_name(request_.operation));
        switch (lack) {
            case Lack::nothing:
                return {};
            case Lack::routing_key:
                if (key_) return why_mqtt("routing key", *scope.routing_key);
                return why_part("routing key", *scope.routing_key, *request_.routing_key);
            case Lack::routing_keys_off:
                return three_parts_and_no_keys;
            case Lack::needs_routing_key:
                return "the scope has two parts; a request with a routing key needs a scope with three parts";
            case Lack::operation:
                return "it grants " + granted + ", not " + wanted;
            case Lack::resource:
                if (scope.routing_key && !routing_keys_) return three_parts_and_no_keys;
                return why_resource(scope.resource);
            case Lack::vhost:
                return why_vhost(scope.vhost);
            case Lack::resource_and_operation:
                return why_resource(scope.resource) + ", and it grants " + granted + ", not " + wanted;
            case Lack::vhost_and_operation:
                return why_vhost(scope.vhost) + ", and it grants " + granted + ", not " + wanted;
            case Lack::vhost_and_resource:
                return why_vhost(scope.vhost) + ", and the resource doesn't match either";
            case Lack::everything:
                break;
        }
        return why_vhost(scope.vhost) + ", and neither the resource nor the operation does";
    }

  private:
    static constexpr const char *three_parts_and_no_keys =
        "routing_keys is off: a scope with three parts grants access to its vhost and nothing else; a slash "
        "inside "
        "a name is written %2F";

    bool matches_text(const Part &part) const noexcept { return part.matches_name(filter_.text, budget_); }
    bool contains_filter(const Part &part) const noexcept {
        return matches_text(part) && filter_.is_contained_in(part.common, part.pattern, budget_);
    }
    bool is_mqtt_resource() const noexcept { return request_.is_mqtt() && !key_; }

    bool matches_resource(const Part &part) const noexcept {
        return is_mqtt_resource() ? contains_filter(part) : part.matches_name(request_.resource, budget_);
    }
    bool matches_routing_key(const Part &part) const noexcept {
        return key_ ? contains_filter(part) : part.matches_name(*request_.routing_key, budget_);
    }

    std::string why_vhost(const Part &part) const {
        if (within_vhosts_) return why_part("vhost", part, request_.vhost);
        return tell_outside(vhosts_, request_.vhost);
    }
    std::string why_resource(const Part &part) const {
        return is_mqtt_resource() ? why_mqtt("topic", part) : why_part("resource", part, request_.resource);
    }

    /// `what`: what a plain topic is called here.
    std::string why_mqtt(std::string_view what, const Part &part) const {
        if (part.pattern.kind == PatternKind::never) {
            return why_part(key_ ? "routing key" : "resource", part, filter_.text);
        }
        if (matches_text(part) && filter_.lacks_dollar(part.common, part.pattern)) {
            return "a topic that begins with $ is granted only by a pattern that begins with a literal $";
        }
        if (!filter_.has_wildcard) return why_part(what, part, filter_.text);
        if (matches_text(part) && filter_.parent.data() != nullptr &&
            !part.matches_name(filter_.parent, budget_)) {
            return "the filter also matches the topic " + quote(filter_.parent) + ", which the pattern doesn't";
        }
        return "the pattern doesn't match every topic of the filter " + quote(filter_.text);
    }

    /// An exact name, or the beginning of one, that is the same but for its case.
    static bool differs_in_case(const Part &part, std::string_view name) {
        const std::string begin = std::string(part.common) += first_literal(part.pattern);
        if (part.pattern.kind == PatternKind::prefix) name = name.substr(0, begin.size());
        return part.pattern.kind != PatternKind::glob && equals_ignoring_case(begin, name) && begin != name;
    }

    static std::string why_part(std::string_view what, const Part &part, std::string_view name) {
        const std::string named(what);
        if (part.pattern.kind == PatternKind::never) {
            return "its " + named + " has a broken percent escape and never matches";
        }
        return "the " + named + " " + quote(name) + " doesn't match" +
               (differs_in_case(part, name) ? ": upper and lower case differ" : "");
    }

    /// It looks at every scope, where a decision has an index: so it may cost more, but not without end.
    static constexpr std::size_t budget_bytes = 4 * ScanBudget::of_one_request;

    const Request &request_;
    mutable ScanBudget budget_{budget_bytes};
    std::string_view vhosts_;
    bool within_vhosts_;
    bool routing_keys_;
    MqttFilter filter_;           ///< of the resource, or of the routing key
    std::optional<MqttKey> key_;  ///< the routing key is an MQTT topic or filter
};

}  // namespace

Explanation explain(std::string_view permissions, std::string_view vhosts, bool routing_keys,
                    const Request &request) {
    Explanation explanation;
    const Examiner examiner(request, vhosts, routing_keys);
    if (!examiner.well_formed()) {
        explanation.why = "the MQTT filter " + quote(request.routing_key.value_or(request.resource)) +
                          " isn't well-formed (MQTT 5 section 4.7.1), or longer than the library reads";
        return explanation;
    }
    std::optional<GrantedScope> nearest;
    Lack nearest_lack = Lack::everything;
    std::size_t nearest_likeness = 0;
    for_each_scope(permissions, [&](const GrantedScope &scope) {
        const Lack lack = examiner.examine(scope);
        if (nearest && lack < nearest_lack) return;
        const std::size_t likeness = examiner.likeness(scope);
        if (nearest && lack == nearest_lack && likeness <= nearest_likeness) return;
        nearest = scope;
        nearest_lack = lack;
        nearest_likeness = likeness;
    });
    if (!nearest) {
        explanation.why = "the token has no scope that grants anything but tags";
        return explanation;
    }
    explanation.allowed = nearest_lack == Lack::nothing;
    if (!explanation.allowed && examiner.gave_up()) {
        explanation.why =
            "the name is so long, and there are so many patterns with a * inside, that not all of them "
            "were tried";
        return explanation;
    }
    (explanation.allowed ? explanation.scope : explanation.nearest) = nearest->spelling();
    explanation.why = examiner.why(*nearest, nearest_lack);
    return explanation;
}

}  // namespace tokenward::access
