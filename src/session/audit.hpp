// One line per authenticate: who, from where, and why not.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "session/admission.hpp"

#include <cstdint>
#include <string_view>

namespace tokenward::session {

/// Where a client came from; decides nothing. Borrowed.
struct Context {
    std::string_view protocol;
    std::string_view peer;
    std::string_view client_id;
    std::string_view listener;
};

/// Thread-safe. Accepted ones at info, refused ones at warning (ten a second and reason at the most, then a
/// count), not-a-token at debug: a chain may be meant.
class Audit {
  public:
    Audit(Logger &logger, const Clock &clock) noexcept : logger_(logger), clock_(clock) {}

    void accepted(std::string_view what, const Context &context, const Trace &trace, const Admitted &admitted,
                  const access::Notes &notes);
    void refused(std::string_view what, const Context &context, const Trace &trace, const Failure &failure);

  private:
    Logger &logger_;
    const Clock &clock_;
    RefusalLimiter limiter_;
};

}  // namespace tokenward::session
