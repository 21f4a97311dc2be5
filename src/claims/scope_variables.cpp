#include "claims/scope_variables.hpp"

#include "access/scope.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

enum class Problem : std::uint8_t {
    unclosed,
    no_claim,
    vhost_with_text,
    vhost_with_wildcards,
    too_many_variables,
    too_long,
    too_long_together,
};

class Expander {
  public:
    explicit Expander(const JsonValue &payload) : values_(payload) {}

    /// False: the scope grants nothing, and problem() says why.
    bool expand(const access::ScopeText &scope) {
        out_.clear();
        vhost_.clear();
        variables_ = 0;
        if (!append(out_, access::operation_name(scope.operation)) || !append(out_, ":")) return false;
        if (!vhost_part(scope.vhost) || !append(out_, vhost_)) return false;
        if (!append(out_, "/") || !part(scope.resource, out_)) return false;
        if (scope.routing_key && (!append(out_, "/") || !part(*scope.routing_key, out_))) return false;
        bytes_of_all_ += out_.size();
        return true;
    }
    const std::string &expanded() const noexcept { return out_; }

    std::string problem() const {
        switch (problem_) {
            case Problem::unclosed:
                return "a { has no }";
            case Problem::no_claim:
                return fmt::format("there is no claim {} with a string of 1 to {} bytes", quote(name_),
                                   max_value_bytes);
            case Problem::vhost_with_text:
                return "{vhost} with other text matches no vhost";
            case Problem::vhost_with_wildcards:
                return "{vhost} behind a vhost with wildcards isn't supported";
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
        if (at == std::string_view::npos) return part(text, vhost_);
        const auto only_stars = [](std::string_view rest) {
            return rest.find_first_not_of('*') == std::string_view::npos;
        };
        if (!only_stars(text.substr(0, at)) || !only_stars(text.substr(at + variable.size())))
            return fail(Problem::vhost_with_text);
        return append(vhost_, "*");
    }

    /// One part of a scope, raw, to the end of `out`.
    bool part(std::string_view text, std::string &out) {
        while (!text.empty()) {
            const std::size_t open = std::min(text.find('{'), text.size());
            if (!append(out, text.substr(0, open))) return false;
            text.remove_prefix(open);
            if (text.empty()) break;
            const std::size_t close = text.find('}');
            if (close == std::string_view::npos) return fail(Problem::unclosed);
            if (!variable(text.substr(1, close - 1), out)) return false;
            text.remove_prefix(close + 1);
        }
        return true;
    }

    bool variable(std::string_view name, std::string &out) {
        if (++variables_ > max_variables) return fail(Problem::too_many_variables);
        if (name == "vhost") {
            if (vhost_.find('*') != std::string::npos) return fail(Problem::vhost_with_wildcards);
            return append(out, vhost_);
        }
        const std::string_view value = values_.find(name);
        if (!value.empty()) return append(out, value);
        name_ = name;
        return fail(Problem::no_claim);
    }

    ClaimValues values_;
    std::string out_;    ///< the scope at hand, expanded
    std::string vhost_;  ///< its first part
    std::size_t variables_ = 0;
    std::size_t bytes_of_all_ = 0;
    Problem problem_ = Problem::unclosed;
    std::string_view name_;  ///< of the variable without a claim
};

}  // namespace

void expand_variables(const JsonValue &payload, ScopeList &list) {
    const auto has_variable = [](std::string_view text) { return text.find('{') != std::string_view::npos; };
    if (std::ranges::none_of(list.scopes, has_variable)) return;
    Expander expander(payload);
    std::size_t kept = 0;
    for (const std::string_view text : list.scopes) {
        std::string_view result = text;
        if (has_variable(text)) {
            const access::ScopeText scope = access::read_scope(text);
            if (scope.kind == access::ScopeKind::permission) {
                if (!expander.expand(scope)) {
                    if (list.has_room_for_notes())
                        list.note(fmt::format("{} grants nothing: {}", quote(text), expander.problem()));
                    continue;
                }
                result = list.keep(expander.expanded());
            }
        }
        list.scopes[kept++] = result;
    }
    list.scopes.resize(kept);
}

}  // namespace tokenward::claims
