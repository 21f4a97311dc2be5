#include "session/session.hpp"

#include "base/fork.hpp"
#include "base/json_writer.hpp"
#include "base/reason.hpp"

#include <utility>

namespace tokenward::session {

namespace {

// One domain for all sessions: a domain for each of 100000 sessions would cost 1 KiB each.
constinit EpochDomain session_readers;
const ForkReset session_readers_reset([]() noexcept { session_readers.reset_in_forked_child(); });

}  // namespace

EpochDomain &Session::readers() noexcept {
    return session_readers;
}

Session::Session(std::shared_ptr<const SessionOrigin> origin, std::string username, Rights rights)
    : origin_(std::move(origin)),
      username_(std::move(username)),
      rights_(std::make_unique<const Rights>(std::move(rights))) {
    origin_->counters->session_began();
}

Session::~Session() {
    origin_->counters->session_ended();
}

Decision Session::authorize(const access::Request &request) const noexcept {
    const EpochDomain::Reader reader(readers());
    const Rights *rights = rights_.get();
    const Decision decision = expired(*rights)                       ? Decision::expired
                              : rights->permissions->allows(request) ? Decision::allowed
                                                                     : Decision::denied;
    origin_->counters->authorized(decision);
    return decision;
}

Decision Session::can_access_vhost(std::string_view vhost) const noexcept {
    const EpochDomain::Reader reader(readers());
    const Rights *rights = rights_.get();
    if (expired(*rights)) return Decision::expired;
    return rights->permissions->opens_vhost(vhost) ? Decision::allowed : Decision::denied;
}

std::int64_t Session::expires_at() const noexcept {
    const EpochDomain::Reader reader(readers());
    return rights_.get()->expires_at;
}

void Session::replace_rights(Rights rights) {
    rights_.replace(std::make_unique<const Rights>(std::move(rights)), readers());
}

std::string Session::explain(const access::Request &request) const {
    std::shared_ptr<const access::PermissionSet> permissions;
    bool over = false;
    {
        const EpochDomain::Reader reader(readers());
        permissions = rights_.get()->permissions;
        over = expired(*rights_.get());
    }
    const access::Explanation found = permissions->explain(request);

    Reason reason = Reason::NONE;
    if (over) {
        reason = Reason::SESSION_EXPIRED;
    } else if (!found.allowed) {
        access::Request without_key = request;
        without_key.routing_key.reset();
        if (permissions->empty()) {
            reason = Reason::NO_SCOPE;
        } else if (!permissions->opens_vhost(request.vhost)) {
            reason = Reason::NO_VHOST_ACCESS;
        } else if (request.routing_key && permissions->allows(without_key)) {
            reason = Reason::ROUTING_KEY_SCOPE_NEEDED;
        } else {
            reason = Reason::NO_MATCHING_SCOPE;
        }
    }

    std::string out;
    JsonWriter json(out);
    const auto member_unless_empty = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) json.member(name, value);
    };
    json.begin_object();
    json.member("verdict", over ? "expired" : found.allowed ? "allowed" : "denied");
    member_unless_empty("scope", found.scope);
    member_unless_empty("nearest", found.nearest);
    member_unless_empty("why", found.why);
    if (reason != Reason::NONE) {
        json.member("reason", reason_name(reason));
        member_unless_empty("hint", reason_hint(reason));
    }
    json.end_object();
    return out;
}

}  // namespace tokenward::session
