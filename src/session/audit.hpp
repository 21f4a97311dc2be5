// The audit lines: one for each authenticate and refresh. Who came, from where, and why not.
#pragma once

#include "access/permission_set.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "claims/claims.hpp"
#include "session/context.hpp"
#include "session/counters.hpp"
#include "session/line_limiter.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace tokenward::session {

/// What is known about a login so far; a field that isn't known yet is empty. Borrowed.
struct AuditFields {
    std::string_view event;     ///< "authenticate" or "refresh"
    std::string_view issuer;    ///< the section's, once the section is known
    std::string_view username;  ///< the session's, once the signature is verified
    std::string_view kid;
    std::string_view jti;
    std::int64_t expires_at = claims::no_end;  ///< of the session
    Context context;
};

/// Thread-safe. An accepted login is a line at info. A refusal is a line at warning; NOT_A_TOKEN is one at
/// debug, since the host may have a chain. Of refusals and notes at most ten a second are written for each
/// reason; the next line says how many were left out.
class Audit {
  public:
    Audit(Logger &logger, const Clock &clock) noexcept : logger_(logger), clock_(clock) {}

    void accepted(const AuditFields &who, const access::PermissionSet &permissions, const access::Notes &notes);
    void refused(const AuditFields &who, const Failure &failure);

  private:
    struct Note;
    void note(const AuditFields &who, const Note &note);

    Logger &logger_;
    const Clock &clock_;
    std::array<LineLimiter, Counters::max_reasons> refusals_;  ///< by reason_index
    LineLimiter no_rights_;
    LineLimiter malformed_scopes_;
    LineLimiter ignored_routing_keys_;
};

}  // namespace tokenward::session
