// Why a request is allowed or denied: every scope is looked at, one after the other, without any index.
#include "access/compiled_set.hpp"
#include "access/mqtt_filter.hpp"
#include "access/scope.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tokenward::access {

namespace {

/// A pattern as it stands in its list.
struct Part {
    std::string_view common;
    Pattern pattern;

    bool matches_name(std::string_view name) const noexcept {
        return name.starts_with(common) && matches(pattern, name.substr(common.size()));
    }
    /// How many bytes at the start of the name are as the pattern wants them.
    std::size_t likeness(std::string_view name) const {
        std::string begin(common);
        if (pattern.kind != PatternKind::never) begin += first_literal(pattern);
        return static_cast<std::size_t>(std::ranges::mismatch(begin, name).in1 - begin.begin());
    }
};

/// One scope of the set.
struct Entry {
    Operation operation;
    Part vhost;
    Part resource;
    std::optional<Part> routing_key;

    std::string spelling() const {
        std::string out(operation_name(operation));
        out += ':';
        append_spelling(out, vhost.common, vhost.pattern);
        out += '/';
        append_spelling(out, resource.common, resource.pattern);
        if (routing_key) {
            out += '/';
            append_spelling(out, routing_key->common, routing_key->pattern);
        }
        return out;
    }
};

template <class Visit>
void for_each_operation(Visit &&visit) {
    for (const Operation operation : {Operation::configure, Operation::read, Operation::write}) {
        visit(operation, Operations::bit(operation));
    }
}

template <class Visit>
void visit_list(Level level, std::string_view text, Visit &&visit) {
    if (text.empty()) return;
    const List list(text);
    visit_nodes(level, list, [&](const Node &node) {
        visit(node, Part{list.common, node.pattern});
        return false;
    });
}

template <class Visit>
void for_each_entry(std::string_view block, Visit &&visit) {
    visit_list(Level::vhost, block, [&](const Node &vhost_node, const Part &vhost) {
        visit_list(Level::resource, vhost_node.children, [&](const Node &node, const Part &resource) {
            for_each_operation([&](Operation operation, std::uint8_t bit) {
                if (node.two_parts(bit)) visit(Entry{operation, vhost, resource, std::nullopt});
            });
            visit_list(Level::routing_key, node.children, [&](const Node &key_node, const Part &key) {
                for_each_operation([&](Operation operation, std::uint8_t bit) {
                    if (key_node.two_parts(bit)) visit(Entry{operation, vhost, resource, key});
                });
            });
        });
    });
}

/// What a scope lacks to grant a request, from far to near.
enum class Lack : std::uint8_t {
    everything,
    vhost_and_operation,
    resource_and_operation,
    vhost,
    resource,
    operation,
    needs_routing_key,
    routing_keys_off,
    routing_key,
    nothing,
};

class Examiner {
  public:
    Examiner(const Request &request, bool routing_keys) noexcept
        : request_(request),
          routing_keys_(routing_keys),
          filter_(request.mqtt_filter ? read_mqtt_filter(request.resource) : plain_topic(request.resource)) {}

    bool well_formed() const noexcept { return filter_.well_formed; }

    Lack examine(const Entry &entry) const noexcept {
        const bool operation = entry.operation == request_.operation;
        const bool vhost = entry.vhost.matches_name(request_.vhost);
        const bool resource = matches_resource(entry.resource);
        if (!vhost && !resource) return Lack::everything;
        if (!vhost) return operation ? Lack::vhost : Lack::vhost_and_operation;
        if (!resource) return operation ? Lack::resource : Lack::resource_and_operation;
        if (!operation) return Lack::operation;
        if (entry.routing_key && !routing_keys_) return Lack::routing_keys_off;
        if (!request_.routing_key) return Lack::nothing;
        if (!entry.routing_key) return Lack::needs_routing_key;
        return entry.routing_key->matches_name(*request_.routing_key) ? Lack::nothing : Lack::routing_key;
    }

    std::size_t likeness(const Entry &entry) const {
        return entry.resource.likeness(request_.resource) + entry.vhost.likeness(request_.vhost);
    }

    std::string why(const Entry &entry, Lack lack) const {
        const std::string granted(operation_name(entry.operation));
        const std::string wanted(operation_name(request_.operation));
        switch (lack) {
            case Lack::nothing:
                return {};
            case Lack::routing_key:
                return why_part("routing key", *entry.routing_key, *request_.routing_key);
            case Lack::routing_keys_off:
                return "a scope with three parts grants nothing but vhost access here: routing_keys is off";
            case Lack::needs_routing_key:
                return "it has two parts; a request with a routing key needs a scope with three";
            case Lack::operation:
                return "it grants " + granted + ", not " + wanted;
            case Lack::resource:
                return why_resource(entry.resource);
            case Lack::vhost:
                return why_part("vhost", entry.vhost, request_.vhost);
            case Lack::resource_and_operation:
                return why_resource(entry.resource) + ", and it grants " + granted + ", not " + wanted;
            case Lack::vhost_and_operation:
                return why_part("vhost", entry.vhost, request_.vhost) + ", and it grants " + granted +
                       ", not " + wanted;
            case Lack::everything:
                break;
        }
        return why_part("vhost", entry.vhost, request_.vhost) + ", nor does the resource";
    }

  private:
    bool matches_text(const Part &part) const noexcept { return part.matches_name(request_.resource); }
    bool is_mqtt() const noexcept { return request_.mqtt_filter || request_.mqtt_topic; }

    bool matches_resource(const Part &part) const noexcept {
        return matches_text(part) && (!is_mqtt() || filter_.fits(part.common, part.pattern));
    }

    std::string why_resource(const Part &part) const {
        if (part.pattern.kind == PatternKind::never || !is_mqtt()) {
            return why_part("resource", part, request_.resource);
        }
        if (matches_text(part) && filter_.guards_dollar(part.common, part.pattern)) {
            return "a topic that begins with $ is granted only by a pattern that begins with a literal $";
        }
        if (!filter_.has_wildcard) return why_part("topic", part, request_.resource);
        if (matches_text(part) && filter_.parent.data() != nullptr && !part.matches_name(filter_.parent)) {
            return "the filter also matches the topic " + quote(filter_.parent) + ", which the pattern doesn't";
        }
        return "the pattern doesn't match every topic of the filter " + quote(request_.resource);
    }

    static std::string why_part(std::string_view what, const Part &part, std::string_view name) {
        const std::string named(what);
        if (part.pattern.kind == PatternKind::never) {
            return "its " + named + " has a broken percent escape and never matches";
        }
        return "the " + named + " " + quote(name) + " doesn't match";
    }

    const Request &request_;
    bool routing_keys_;
    MqttFilter filter_;
};

std::vector<std::string_view> split_tags(std::string_view tags) {
    std::vector<std::string_view> out;
    while (!tags.empty()) {
        const std::size_t comma = std::min(tags.find(','), tags.size());
        out.push_back(tags.substr(0, comma));
        tags.remove_prefix(std::min(comma + 1, tags.size()));
    }
    return out;
}

}  // namespace

Explanation CompiledSet::explain(const Request &request) const {
    Explanation explanation;
    const Examiner examiner(request, routing_keys_);
    if (!examiner.well_formed()) {
        explanation.why =
            "the MQTT filter " + quote(request.resource) + " isn't well-formed (MQTT 5 section 4.7.1)";
        return explanation;
    }
    std::optional<Entry> nearest;
    Lack nearest_lack = Lack::everything;
    std::size_t nearest_likeness = 0;
    for_each_entry(block(), [&](const Entry &entry) {
        const Lack lack = examiner.examine(entry);
        if (nearest && lack < nearest_lack) return;
        const std::size_t likeness = examiner.likeness(entry);
        if (nearest && lack == nearest_lack && likeness <= nearest_likeness) return;
        nearest = entry;
        nearest_lack = lack;
        nearest_likeness = likeness;
    });
    if (!nearest) {
        explanation.why = "the token has no scope that grants anything but tags";
        return explanation;
    }
    explanation.allowed = nearest_lack == Lack::nothing;
    (explanation.allowed ? explanation.scope : explanation.nearest) = nearest->spelling();
    explanation.why = examiner.why(*nearest, nearest_lack);
    return explanation;
}

std::vector<std::string> CompiledSet::scopes() const {
    std::vector<std::string> out;
    for (const std::string_view tag : split_tags(tags_)) out.push_back("tag:" + std::string(tag));
    for_each_entry(block(), [&](const Entry &entry) { out.push_back(entry.spelling()); });
    std::ranges::sort(out);
    return out;
}

}  // namespace tokenward::access
