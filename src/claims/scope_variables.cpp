#include "claims/scope_variables.hpp"

#include "access/scope.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

// DESIGN section 4, "What a good token may cost".
constexpr std::size_t max_value_bytes = 255;          ///< the longest name in AMQP
constexpr std::size_t max_expanded_bytes = 4096;      ///< of one scope
constexpr std::size_t max_variables = 64;             ///< in one scope
constexpr std::size_t max_bytes_of_all = 64 * 1024U;  ///< of all expanded scopes of a token

constexpr std::size_t max_client_id_bytes = 65535;  // MQTT 5 section 1.5.4
constexpr std::string_view vhost_name = "vhost";
constexpr std::string_view username_name = "session:username";
constexpr std::string_view client_id_name = "mqtt:client_id";

/// The claims that a variable can name: each is read and encoded once, however often variables name it.
class ClaimValues {
  public:
    explicit ClaimValues(const JsonValue &payload) {
        for (const JsonValue claim : payload) {
            if (!claim.is_string() || claim.text().empty() || claim.text().size() > max_value_bytes) continue;
            claims_.push_back({claim.name(), claim.text(), {}});
        }
        std::ranges::sort(claims_, {}, &Claim::name);
    }

    /// Percent-encoded; empty if there is no such claim. The view lives as long as this object.
    std::string_view find(std::string_view name) {
        const auto found = std::ranges::lower_bound(claims_, name, {}, &Claim::name);
        if (found == claims_.end() || found->name != name) return {};
        if (found->encoded.empty()) access::append_encoded(found->encoded, found->text);
        return found->encoded;
    }

  private:
    struct Claim {
        std::string_view name;
        std::string_view text;
        std::string encoded;  ///< empty: not asked for yet
    };

    std::vector<Claim> claims_;
};

/// A value of the connection: encoded once, however often variables name it.
class ConnectionValue {
  public:
    explicit ConnectionValue(std::string_view text) : text_(text) {}
    std::string_view text() const noexcept { return text_; }
    /// For texts that fit in a scope.
    std::string_view encoded() {
        if (encoded_.empty()) access::append_encoded_apart(encoded_, text_);
        return encoded_;
    }

  private:
    std::string_view text_;
    std::string encoded_;  ///< empty: not asked for yet
};

enum class Part : std::uint8_t { vhost, resource, routing_key };

enum class Problem : std::uint8_t {
    unclosed,
    no_claim,
    no_username,
    unbound_client_id,
    no_client_id,
    client_id_with_dollar,
    client_id_with_levels,
    vhost_with_text,
    vhost_with_wildcards,
    too_many_variables,
    too_long,
    too_long_together,
};

class Expander {
  public:
    Expander(const JsonValue &payload, const config::ScopeRules &rules, const Connection &connection)
        : rules_(rules),
          username_(connection.username),
          client_id_(connection.client_id),
          client_id_bound_(connection.client_id_bound) {
        if (rules.expand_variables) claims_.emplace(payload);
    }

    bool has_variable(std::string_view scope) const noexcept {
        const std::size_t open = scope.find('{');
        if (open == std::string_view::npos) return false;
        if (rules_.expand_variables) return true;
        for (std::size_t at = open; at != std::string_view::npos; at = scope.find('{', at + 1)) {
            if (!connection_variable(scope.substr(at)).empty()) return true;
        }
        return false;
    }

    /// False: the scope grants nothing, and problem() says why.
    bool expand(const access::ScopeText &scope) {
        out_.clear();
        vhost_.clear();
        variables_ = 0;
        vhost_has_client_id_ = false;
        needs_vhost_ = false;
        if (!append(out_, access::operation_name(scope.operation)) || !append(out_, ":")) return false;
        if (!vhost_part(scope.vhost) || !append(out_, vhost_)) return false;
        if (!append(out_, "/") || !part(scope.resource, out_, Part::resource)) return false;
        if (scope.has_routing_key() &&
            (!append(out_, "/") || !part(scope.routing_key, out_, Part::routing_key)))
            return false;
        bytes_of_all_ += out_.size();
        return true;
    }
    const std::string &expanded() const noexcept { return out_; }

    /// In what is expanded {vhost} stays a variable.
    bool needs_vhost() const noexcept { return needs_vhost_; }
    bool depends_on_client_id() const noexcept { return depends_on_client_id_; }
    /// The scope failed, as each with {mqtt:client_id} does.
    bool is_unbound() const noexcept { return problem_ == Problem::unbound_client_id; }

    std::string problem() const {
        switch (problem_) {
            case Problem::unclosed:
                return "a { has no }";
            case Problem::no_claim:
                return fmt::format("there is no claim {} with a string of 1 to {} bytes{}", quote(name_),
                                   max_value_bytes,
                                   is_connection_variable(name_) ? ", and expand_connection is off" : "");
            case Problem::no_username:
                return "there is no username";
            case Problem::unbound_client_id:
                return "the broker doesn't bind the client identifier (Mosquitto: plugin_opt_client_id)";
            case Problem::no_client_id:
                return fmt::format("there is no client identifier of 1 to {} bytes", max_client_id_bytes);
            case Problem::client_id_with_dollar:
                return "the client identifier begins with $, and a name would begin with it";
            case Problem::client_id_with_levels:
                return "the client identifier has . or /, and would be several levels of a routing key";
            case Problem::vhost_with_text:
                return "{vhost} with other text matches no vhost";
            case Problem::vhost_with_wildcards:
                return "{vhost} behind a vhost with wildcards and {mqtt:client_id} isn't supported";
            case Problem::too_many_variables:
                return fmt::format("it has more than {} variables", max_variables);
            case Problem::too_long:
                return fmt::format("it grows over {} bytes", max_expanded_bytes);
            case Problem::too_long_together:
                break;
        }
        return fmt::format("the token's scopes with variables grow over {} bytes together", max_bytes_of_all);
    }

  private:
    bool fail(Problem problem) noexcept {
        problem_ = problem;
        return false;
    }

    /// All text comes through here, and none is written beyond a bound.
    bool append(std::string &out, std::string_view text) {
        const std::size_t size = out.size() + text.size();
        if (size > max_expanded_bytes) return fail(Problem::too_long);
        if (bytes_of_all_ + size > max_bytes_of_all) return fail(Problem::too_long_together);
        out += text;
        return true;
    }

    /// The vhost part is compared with the request's vhost. {vhost} alone equals every vhost, so it becomes
    /// `*`. {vhost} with other text equals no vhost.
    bool vhost_part(std::string_view text) {
        constexpr std::string_view variable = "{vhost}";
        const std::size_t at = text.find(variable);
        if (at == std::string_view::npos || !rules_.expand_variables) return part(text, vhost_, Part::vhost);
        const auto only_stars = [](std::string_view rest) {
            return rest.find_first_not_of('*') == std::string_view::npos;
        };
        if (!only_stars(text.substr(0, at)) || !only_stars(text.substr(at + variable.size())))
            return fail(Problem::vhost_with_text);
        return append(vhost_, "*");
    }

    /// One part of a scope, raw, to the end of `out`.
    bool part(std::string_view text, std::string &out, Part which) {
        const std::size_t begin = out.size();
        while (!text.empty()) {
            const std::size_t open = std::min(text.find('{'), text.size());
            if (!append(out, text.substr(0, open))) return false;
            text.remove_prefix(open);
            if (text.empty()) break;
            if (const std::string_view name = connection_variable(text); !name.empty()) {
                if (!connection_value(name, out, which, out.size() == begin)) return false;
                text.remove_prefix(name.size() + 2);
                continue;
            }
            if (!rules_.expand_variables) {
                if (!append(out, text.substr(0, 1))) return false;
                text.remove_prefix(1);
                continue;
            }
            const std::size_t close = text.find('}');
            if (close == std::string_view::npos) return fail(Problem::unclosed);
            if (!variable(text.substr(1, close - 1), out, which, out.size() == begin)) return false;
            text.remove_prefix(close + 1);
        }
        return true;
    }

    bool variable(std::string_view name, std::string &out, Part which, bool begins_part) {
        if (++variables_ > max_variables) return fail(Problem::too_many_variables);
        if (name == vhost_name) {
            if (vhost_.find('*') != std::string::npos) {
                // The rules for identifiers can't be kept where a part of the vhost is one.
                if (vhost_has_client_id_) return fail(Problem::vhost_with_wildcards);
                needs_vhost_ = true;
                return append(out, access::vhost_variable);
            }
            if (vhost_has_client_id_ && !client_id_fits(which, begins_part)) return false;
            return append(out, vhost_);
        }
        const std::string_view value = claims_->find(name);
        if (!value.empty()) return append_value(out, value);
        name_ = name;
        return fail(Problem::no_claim);
    }

    /// The name of the connection's variable with which the text begins; empty if it begins with none.
    std::string_view connection_variable(std::string_view text) const noexcept {
        if (!rules_.expand_connection) return {};
        for (const std::string_view name : {username_name, client_id_name}) {
            if (text.size() >= name.size() + 2 && text[name.size() + 1] == '}' &&
                text.substr(1, name.size()) == name)
                return name;
        }
        return {};
    }

    bool connection_value(std::string_view name, std::string &out, Part which, bool begins_part) {
        if (++variables_ > max_variables) return fail(Problem::too_many_variables);
        if (name == username_name)
            return username_.text().empty() ? fail(Problem::no_username) : append_value(out, username_);
        depends_on_client_id_ = true;
        if (!client_id_bound_) return fail(Problem::unbound_client_id);
        const std::string_view id = client_id_.text();
        if (id.empty() || id.size() > max_client_id_bytes) return fail(Problem::no_client_id);
        if (!client_id_fits(which, begins_part)) return false;
        vhost_has_client_id_ = vhost_has_client_id_ || which == Part::vhost;
        return append_value(out, client_id_);
    }

    bool client_id_fits(Part which, bool begins_part) noexcept {
        const std::string_view id = client_id_.text();
        // A pattern that begins with a literal $ opens topics such as $SYS and $CONTROL. The provider may write one,
        // the client may not.
        if (id.starts_with('$') && begins_part && which != Part::vhost)
            return fail(Problem::client_id_with_dollar);
        // Brokers that carry MQTT over a topic exchange make keys of topics: a/b and a.b are one key.
        if (which == Part::routing_key && id.find_first_of("./") != std::string_view::npos)
            return fail(Problem::client_id_with_levels);
        return true;
    }

    bool append_value(std::string &out, ConnectionValue &value) {
        if (value.text().size() > max_expanded_bytes) return fail(Problem::too_long);
        return append_value(out, value.encoded());
    }

    /// A `{` in a value must not begin a variable where {vhost} is still one.
    bool append_value(std::string &out, std::string_view value) {
        if (&out == &vhost_ || vhost_.find('*') == std::string::npos) return append(out, value);
        for (std::size_t at = value.find('{'); at != std::string_view::npos; at = value.find('{')) {
            if (!append(out, value.substr(0, at)) || !append(out, "%7B")) return false;
            value.remove_prefix(at + 1);
        }
        return append(out, value);
    }

    const config::ScopeRules &rules_;
    std::optional<ClaimValues> claims_;  ///< with expand_variables
    ConnectionValue username_;
    ConnectionValue client_id_;
    bool client_id_bound_;
    bool vhost_has_client_id_ = false;
    bool needs_vhost_ = false;
    bool depends_on_client_id_ = false;  ///< a scope asked for it
    std::string out_;                    ///< the scope at hand, expanded
    std::string vhost_;                  ///< its first part
    std::size_t variables_ = 0;
    std::size_t bytes_of_all_ = 0;
    Problem problem_ = Problem::unclosed;
    std::string_view name_;  ///< of the variable without a claim
};

}  // namespace

void expand_variables(const JsonValue &payload, const config::ScopeRules &rules, const Connection &connection,
                      ScopeList &list) {
    if (!rules.expand_variables && !rules.expand_connection) return;
    const auto has_brace = [](std::string_view text) { return text.find('{') != std::string_view::npos; };
    if (std::ranges::none_of(list.scopes, has_brace)) return;
    Expander expander(payload, rules, connection);
    bool told_unbound = false;
    std::size_t kept = 0;
    for (const std::string_view text : list.scopes) {
        std::string_view result = text;
        if (expander.has_variable(text)) {
            const access::ScopeText scope = access::read_scope(text);
            if (scope.kind == access::ScopeKind::permission) {
                if (!expander.expand(scope)) {
                    const bool is_unbound = expander.is_unbound();
                    if (!(is_unbound && told_unbound) && list.has_room_for_notes())
                        list.note(fmt::format("{}{} grants nothing: {}", quote(text),
                                              is_unbound ? ", as each scope with {mqtt:client_id}," : "",
                                              expander.problem()));
                    told_unbound = told_unbound || is_unbound;
                    continue;
                }
                result = list.keep(expander.expanded());
                if (expander.needs_vhost()) {
                    list.vhost_scopes.push_back(result);
                    continue;
                }
            }
        }
        list.scopes[kept++] = result;
    }
    list.scopes.resize(kept);
    list.depends_on_client_id = expander.depends_on_client_id();
}

bool is_connection_variable(std::string_view name) noexcept {
    return name == username_name || name == client_id_name;
}

std::string why_not_expanded(const JsonValue &payload, const config::ScopeRules &rules,
                             const Connection &connection, std::string_view scope) {
    Expander expander(payload, rules, connection);
    const access::ScopeText parts = access::read_scope(scope);
    if (!expander.has_variable(scope) || parts.kind != access::ScopeKind::permission) return {};
    return expander.expand(parts) ? std::string() : expander.problem();
}

}  // namespace tokenward::claims
