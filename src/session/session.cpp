#include "session/session.hpp"

#include "access/scope.hpp"
#include "base/dates.hpp"
#include "base/fork.hpp"
#include "base/json_writer.hpp"
#include "base/reason.hpp"
#include "base/text.hpp"
#include "claims/scope_variables.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace tokenward::session {

namespace {

constexpr std::size_t max_scope_shown = 256;

// One domain for all sessions: a domain for each of 100000 sessions would cost 1 KiB each.
constinit EpochDomain session_readers;
const ForkReset session_readers_reset([]() noexcept { session_readers.reset_in_forked_child(); });

}  // namespace

EpochDomain &Session::readers() noexcept {
    return session_readers;
}

Session::Session(std::shared_ptr<const SessionOrigin> origin, std::string username, Rights rights,
                 std::int64_t generation)
    : origin_(std::move(origin)),
      username_(std::move(username)),
      rights_(std::make_unique<const Rights>(std::move(rights))),
      denials_seen_(generation) {
    origin_->counters->session_began();
}

Session::~Session() {
    origin_->counters->session_ended();
}

Decision Session::authorize(const access::Request &request, Until until) const noexcept {
    const EpochDomain::Reader reader(readers());
    const Rights *rights = rights_.get();
    const Decision decision = ended(*rights, until)                  ? Decision::expired
                              : rights->permissions->allows(request) ? Decision::allowed
                                                                     : Decision::denied;
    origin_->counters->authorized(decision);
    return decision;
}

Decision Session::can_access_vhost(std::string_view vhost) const noexcept {
    const EpochDomain::Reader reader(readers());
    const Rights *rights = rights_.get();
    if (ended(*rights, Until::end)) return Decision::expired;
    return rights->permissions->opens_vhost(vhost) ? Decision::allowed : Decision::denied;
}

std::int64_t Session::expires_at() const noexcept {
    const EpochDomain::Reader reader(readers());
    const Rights *rights = rights_.get();
    if (!denied(*rights)) return rights->expires_at;
    return std::min(rights->expires_at, -denials_seen_.load(std::memory_order_relaxed));
}

std::int64_t Session::issued_at() const noexcept {
    const EpochDomain::Reader reader(readers());
    return rights_.get()->marks.issued_at;
}

bool Session::is_denied() const noexcept {
    const EpochDomain::Reader reader(readers());
    return denied(*rights_.get());
}

/// Of several threads the one with the newest denials wins, but for one that found the session denied.
bool Session::look_at_denials(const Rights &rights, std::int64_t seen) const noexcept {
    const denials::DenialsInForce &now = origin_->denials->current();
    const bool is_denied = now.list->find(subject(rights)).has_value();
    const std::int64_t next = is_denied ? -now.since : now.generation;
    while (seen >= 0 && (is_denied || seen < next)) {
        if (denials_seen_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return is_denied;
    }
    return seen < 0;
}

void Session::replace_rights(Rights rights, std::int64_t generation) {
    rights_.replace(std::make_unique<const Rights>(std::move(rights)), readers());
    // Nobody compares the old token any more. The new one was compared with the denials of this generation, but another
    // refresh may have put an older one in its place.
    std::int64_t seen = denials_seen_.load(std::memory_order_relaxed);
    while (seen > generation &&
           !denials_seen_.compare_exchange_weak(seen, generation, std::memory_order_relaxed)) {
    }
}

Rights Session::rights() const noexcept {
    const EpochDomain::Reader reader(readers());
    return *rights_.get();
}

Reason Session::reason_of_denial(const Rights &rights, const access::Request &request,
                                 Until until) const noexcept {
    const access::PermissionSet &permissions = *rights.permissions;
    if (is_denied()) return Reason::DENIED_BY_OPERATOR;
    if (until == Until::end && expired(rights)) return Reason::SESSION_EXPIRED;
    const access::Verdict verdict = permissions.decide(request);
    if (verdict == access::Verdict::allowed) return Reason::NONE;
    if (verdict == access::Verdict::too_costly) return Reason::TOO_COSTLY;
    if (permissions.empty()) return Reason::NO_SCOPE;
    if (!permissions.opens_vhost(request.vhost)) return Reason::NO_VHOST_ACCESS;
    if (request.routing_key && !permissions.allows_some_routing_key(request)) {
        const access::Request without_key{request.operation, request.vhost, request.resource, std::nullopt};
        if (permissions.allows(without_key)) return Reason::ROUTING_KEY_SCOPE_NEEDED;
    }
    return Reason::NO_MATCHING_SCOPE;
}

/// What comes from a client is cut as everywhere in the log: a name may be a whole token.
std::string Session::scope_to_show(access::Request request) const {
    request.vhost = request.vhost.substr(0, max_quoted_bytes);
    request.resource = request.resource.substr(0, max_quoted_bytes);
    if (request.routing_key) request.routing_key = request.routing_key->substr(0, max_quoted_bytes);
    return origin_->scope_prefix + access::scope_for(request);
}

std::string Session::why_unexpanded(const access::Explanation &found) const {
    const auto [variable, option] = unexpanded(found);
    if (variable.empty()) return {};
    return quote(variable) + " stands for itself, since " + std::string(option) + " is off";
}

Session::Unexpanded Session::unexpanded(const access::Explanation &found) const {
    const std::string_view nearest = found.nearest;
    for (std::size_t begin = nearest.find('{'); begin != std::string_view::npos;
         begin = nearest.find('{', begin + 1)) {
        const std::size_t end = nearest.find('}', begin);
        if (end == std::string_view::npos) break;
        const std::string_view variable = nearest.substr(begin, end + 1 - begin);
        const bool of_connection = claims::is_connection_variable(variable.substr(1, variable.size() - 2));
        if (of_connection && !origin_->expand_connection) return {variable, "expand_connection"};
        if (!of_connection && !origin_->expand_variables) return {variable, "expand_variables"};
    }
    return {};
}

std::string Session::hint_for(Reason reason, const Rights &rights, const access::Request &request,
                              const access::Explanation &found) const {
    switch (reason) {
        case Reason::NO_VHOST_ACCESS:
            // The provider's scopes can't open what the section leaves out.
            if (!rights.permissions->why_outside(request.vhost).empty()) return {};
            break;
        case Reason::NO_MATCHING_SCOPE:
        case Reason::ROUTING_KEY_SCOPE_NEEDED:
            break;
        default:
            return reason_hint(reason);
    }
    if (const Unexpanded one = unexpanded(found); !one.variable.empty())
        return std::string(one.option) + " = true";
    // What is cut, or no filter at all, is no scope to add.
    const bool whole = request.vhost.size() <= max_quoted_bytes &&
                       request.resource.size() <= max_quoted_bytes &&
                       request.routing_key.value_or("").size() <= max_quoted_bytes;
    if (!whole || (found.nearest.empty() && request.is_mqtt())) return {};
    return "add the scope " + scope_to_show(request) + (request.resource.empty() ? "*" : "");
}

std::string Session::describe_denied() const {
    const std::int64_t since = -denials_seen_.load(std::memory_order_relaxed);
    std::string out = fmt::format("the operator ended the session at {}", date_of(since));
    const EpochDomain::Reader reader(readers());
    const denials::DeniedList &list = *origin_->denials->current().list;
    if (const auto match = list.find(subject(*rights_.get()))) out += ": " + list.describe(*match);
    return out;
}

std::string Session::describe_end(const Rights &rights) const {
    if (is_denied()) return describe_denied();
    return fmt::format("the session's token ended at {}, {} ago", date_of(rights.expires_at),
                       span_of(seconds_between(rights.expires_at, origin_->clock.unix_seconds())));
}

std::string Session::describe_denial(const Rights &rights, const access::Request &request) const {
    const auto &permissions = rights.permissions;
    if (request.resource.empty() && !permissions->opens_vhost(request.vhost)) {
        const std::string outside = permissions->why_outside(request.vhost);
        return "it needs a scope whose vhost matches, as " +
               quote(scope_to_show(request) + "*", max_scope_shown) + (outside.empty() ? "" : "; " + outside);
    }
    const access::Explanation found = permissions->explain(request);
    std::string out = "it needs " + quote(scope_to_show(request), max_scope_shown);
    // As a token carries it, which is how the one that it needs is written.
    if (!found.nearest.empty())
        out += ", nearest is " + quote(origin_->scope_prefix + found.nearest, max_scope_shown);
    if (!found.why.empty()) out += found.nearest.empty() ? "; " + found.why : " (" + found.why + ")";
    if (const std::string why = why_unexpanded(found); !why.empty()) out += "; " + why;
    return out;
}

std::string Session::explain(const access::Request &request, Until until) const {
    const Rights current = rights();
    const Reason reason = reason_of_denial(current, request, until);
    const access::Explanation found = current.permissions->explain(request);
    std::string out;
    JsonWriter json(out);
    const auto member_unless_empty = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) json.member(name, value);
    };
    json.begin_object();
    json.member("username", username_);
    const bool has_ended = is_end(reason);
    json.member("verdict", reason == Reason::NONE ? "allowed" : has_ended ? "expired" : "denied");
    // An explanation looks further than a decision, and less cleverly: it may know of a scope or miss one.
    const bool too_costly = reason == Reason::TOO_COSTLY;
    member_unless_empty("scope", too_costly ? std::string_view{} : found.scope);
    member_unless_empty("nearest", too_costly && !found.scope.empty() ? found.scope : found.nearest);
    if (reason != Reason::NONE) {
        const std::string unexpanded = why_unexpanded(found);
        member_unless_empty("why", has_ended            ? describe_end(current)
                                   : unexpanded.empty() ? found.why
                                                        : found.why + "; " + unexpanded);
        json.member("reason", reason_name(reason));
        member_unless_empty("hint", hint_for(reason, current, request, found));
    }
    json.end_object();
    return out;
}

}  // namespace tokenward::session
