#include "claims/scope_variables.hpp"

#include "access/scope.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace tokenward::claims {
namespace {

constexpr std::size_t max_value_bytes = 255;      ///< the longest name in AMQP
constexpr std::size_t max_expanded_bytes = 4096;  ///< of one scope

class Expander {
  public:
    explicit Expander(const JsonValue &payload) : payload_(payload) {}

    /// Empty: the scope grants nothing, and problem() says why.
    std::optional<std::string> expand(const access::ScopeText &scope) {
        std::string out(access::operation_name(scope.operation));
        out += ':';
        if (!vhost_part(scope.vhost)) return std::nullopt;
        out += vhost_;
        out += '/';
        if (!part(scope.resource, out)) return std::nullopt;
        if (scope.routing_key) {
            out += '/';
            if (!part(*scope.routing_key, out)) return std::nullopt;
        }
        if (out.size() > max_expanded_bytes)
            return fail(fmt::format("it grows over {} bytes", max_expanded_bytes));
        return out;
    }

    const std::string &problem() const noexcept { return problem_; }

  private:
    std::nullopt_t fail(std::string problem) {
        problem_ = std::move(problem);
        return std::nullopt;
    }

    /// The vhost part is compared with the request's vhost. {vhost} alone equals every vhost, so it becomes
    /// `*`. {vhost} with other text equals no vhost.
    bool vhost_part(std::string_view text) {
        constexpr std::string_view variable = "{vhost}";
        const std::size_t at = text.find(variable);
        if (at == std::string_view::npos) {
            vhost_.clear();
            return part(text, vhost_);
        }
        const auto only_stars = [](std::string_view rest) {
            return rest.find_first_not_of('*') == std::string_view::npos;
        };
        if (!only_stars(text.substr(0, at)) || !only_stars(text.substr(at + variable.size()))) {
            fail("{vhost} with other text matches no vhost");
            return false;
        }
        vhost_.assign(1, '*');
        return true;
    }

    /// One part of a scope, raw, to the end of `out`.
    bool part(std::string_view text, std::string &out) {
        while (!text.empty()) {
            const std::size_t open = std::min(text.find('{'), text.size());
            out += text.substr(0, open);
            text.remove_prefix(open);
            if (text.empty()) break;
            const std::size_t close = text.find('}');
            if (close == std::string_view::npos) {
                fail("a { has no }");
                return false;
            }
            if (!variable(text.substr(1, close - 1), out)) return false;
            text.remove_prefix(close + 1);
        }
        return true;
    }

    bool variable(std::string_view name, std::string &out) {
        if (name == "vhost") {
            if (vhost_.find('*') != std::string::npos) {
                fail("{vhost} behind a vhost with wildcards isn't supported");
                return false;
            }
            out += vhost_;
            return true;
        }
        const auto claim = payload_.find(name);
        if (!claim || !claim->is_string() || claim->text().empty() || claim->text().size() > max_value_bytes) {
            fail(fmt::format("there is no claim {} with a string of 1 to {} bytes", quote(name),
                             max_value_bytes));
            return false;
        }
        access::append_encoded(out, claim->text());
        return true;
    }

    const JsonValue &payload_;
    std::string vhost_;  ///< the first part of the scope at hand, expanded
    std::string problem_;
};

}  // namespace

void expand_variables(const JsonValue &payload, ScopeList &list) {
    Expander expander(payload);
    std::size_t kept = 0;
    for (const std::string_view text : list.scopes) {
        std::string_view result = text;
        if (text.find('{') != std::string_view::npos) {
            const access::ScopeText scope = access::read_scope(text);
            if (scope.kind == access::ScopeKind::permission) {
                auto expanded = expander.expand(scope);
                if (!expanded) {
                    list.note(fmt::format("{} grants nothing: {}", quote(text), expander.problem()));
                    continue;
                }
                result = list.keep(*std::move(expanded));
            }
        }
        list.scopes[kept++] = result;
    }
    list.scopes.resize(kept);
}

}  // namespace tokenward::claims
