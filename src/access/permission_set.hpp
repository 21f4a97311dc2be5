// What a session may do: scopes compiled once, asked often.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::access {

enum class Operation : std::uint8_t { configure = 1, read = 2, write = 3 };

struct Request {
    Operation operation;
    std::string_view vhost;
    std::string_view resource;
    std::optional<std::string_view> routing_key;
    bool mqtt_filter =
        false;  ///< resource is an MQTT filter: every topic it matches must be granted by one scope
    bool mqtt_topic = false;  ///< resource is an MQTT topic: one that begins with $ needs a pattern that does
};

/// What compile() found worth telling an operator.
struct Notes {
    std::vector<std::string> malformed;  ///< four or more parts, with the likely spelling (already quoted)
    bool three_parts_ignored = false;    ///< routing_keys = off, and there were scopes with three parts
};

struct Explanation {
    bool allowed = false;
    std::string scope;    ///< the deciding scope (canonical spelling), if allowed
    std::string nearest;  ///< the scope that came nearest, if any and denied
    std::string why;      ///< what the nearest lacks: "the resource doesn't match" ...
};

/// Immutable, thread-safe; sessions with the same scopes share one.
class PermissionSet {
  public:
    virtual ~PermissionSet() = default;

    /// `scopes`: after the prefix was cut (DESIGN section 4, "Scopes"). What isn't a scope is ignored.
    /// Equal sets come back as the same object while one of them lives (interned weakly).
    static std::shared_ptr<const PermissionSet> compile(std::span<const std::string_view> scopes,
                                                        bool routing_keys, Notes &notes);

    /// Never allocates, blocks or throws; linear in the name for any pattern.
    virtual bool allows(const Request &request) const noexcept = 0;
    virtual bool opens_vhost(std::string_view vhost) const noexcept = 0;
    virtual Explanation explain(const Request &request) const = 0;

    virtual const std::string &tags() const noexcept = 0;  ///< sorted, unique, separated by commas
    virtual bool empty() const noexcept = 0;               ///< neither a permission nor a tag
    /// Every permission and tag as scopes in canonical spelling, sorted.
    virtual std::vector<std::string> scopes() const = 0;
};

}  // namespace tokenward::access
