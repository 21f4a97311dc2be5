// The audit lines: one for each authenticate and refresh, and one for each denial that the host reports. Who
// came, from where, and why not.
#pragma once

#include "access/permission_set.hpp"
#include "access/request.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "claims/claims.hpp"
#include "session/context.hpp"
#include "session/counters.hpp"
#include "session/line_limiter.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {

/// What is known about a login so far; a field that isn't known yet is empty. Borrowed.
struct AuditFields {
    std::string_view event;     ///< "authenticate", "refresh" or "authorize"
    std::string_view issuer;    ///< the section's, once the section is known
    std::string_view username;  ///< the session's, once the signature is verified
    std::string_view kid;
    std::string_view jti;
    std::int64_t expires_at = claims::no_end;  ///< of the session
    std::string_view no_scope;                 ///< Grant::no_scope
    Context context;
};

/// Thread-safe. An accepted login is a line at info, and never left out. A refusal or denial is a line at
/// warning; NOT_A_TOKEN is one at debug where the host has a chain. Of refusals, denials and notes at most ten
/// a second are written for each reason, and two for each client; the next line of the reason tells how many
/// were left out, and who caused most of them.
class Audit {
  public:
    Audit(Logger &logger, const Clock &clock);

    void accepted(const AuditFields &who, const access::PermissionSet &permissions, const access::Notes &notes);
    void refused(const AuditFields &who, const Failure &failure);
    /// `text` tells what the request lacks. It is called only if the line is written, since it costs more than
    /// the decision did.
    void denied(const AuditFields &who, Reason reason, const access::Request &request,
                const std::function<std::string()> &text);
    /// The host called a function wrongly, and there was no other way to tell it.
    void misuse(std::string_view function, std::string_view message);

  private:
    /// Empty: leave the line out.
    std::optional<LeftOut> limit(LineLimiter &lines, ClientLimits &clients, const Context &context);

    /// Of one kind of line.
    struct Limits {
        LineLimiter lines;
        ClientLimits clients;
    };
    /// Something about an accepted login that an operator may want to change. All that one login brings of a kind
    /// counts as one line of its client.
    void note(const AuditFields &who, LogLevel level, Limits &limits, std::span<const std::string> texts);

    Logger &logger_;
    const Clock &clock_;
    ClientLimits refused_clients_;
    ClientLimits denied_clients_;        ///< by themselves: denials must not hide a refused login
    std::vector<LineLimiter> refusals_;  ///< by reason_index; denials have reasons of their own
    LineLimiter misuses_;
    // Each kind of note has limits of its own: one login may bring several.
    Limits no_rights_;
    Limits malformed_scopes_;
    Limits confined_scopes_;
    Limits ignored_routing_keys_;
};

}  // namespace tokenward::session
