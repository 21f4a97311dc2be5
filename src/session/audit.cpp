#include "session/audit.hpp"

#include "base/text.hpp"
#include "session/outcome.hpp"

#include <iterator>
#include <string>

#include <fmt/format.h>

namespace tokenward::session {
namespace {

std::string line_start(std::string_view what, Reason reason, const Context &context, const Trace &trace) {
    std::string line =
        fmt::format("{} {} reason={}", what, outcome_name(outcome_of(reason)), reason_name(reason));
    const auto field = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) fmt::format_to(std::back_inserter(line), " {}={}", name, quote(value));
    };
    field("issuer", trace.issuer);
    field("username", trace.username);
    field("kid", trace.kid);
    field("jti", trace.jti);
    field("protocol", context.protocol);
    field("peer", context.peer);
    field("client_id", context.client_id);
    field("listener", context.listener);
    return line;
}

}  // namespace

void Audit::accepted(std::string_view what, const Context &context, const Trace &trace,
                     const Admitted &admitted, const access::Notes &notes) {
    if (logger_.wants(LogLevel::info)) {
        std::string line = line_start(what, Reason::NONE, context, trace);
        if (admitted.expires_at != claims::no_end) line += fmt::format(" expires_at={}", admitted.expires_at);
        logger_.info(line);
    }
    if (admitted.token->permissions->empty()) {
        const auto verdict = limiter_.admit(Reason::NO_SCOPE, clock_.monotonic_ms());
        if (verdict.write) {
            logger_.warning(fmt::format("{}: accepted without any rights: no scope with the prefix; {}",
                                        line_start(what, Reason::NONE, context, trace),
                                        reason_hint(Reason::NO_SCOPE)));
        }
    }
    for (const std::string &malformed : notes.malformed) logger_.info(malformed);
    if (notes.three_parts_ignored && logger_.wants(LogLevel::warning)) {
        const auto verdict = limiter_.admit(Reason::ROUTING_KEY_SCOPE_NEEDED, clock_.monotonic_ms());
        if (verdict.write) {
            logger_.warning(
                fmt::format("username={}: scopes with a routing key grant only vhost access here "
                            "(routing_keys = off); write them without the third part",
                            quote(admitted.token->username)));
        }
    }
}

void Audit::refused(std::string_view what, const Context &context, const Trace &trace, const Failure &failure) {
    const Outcome outcome = outcome_of(failure.reason);
    const LogLevel level = outcome == Outcome::not_a_token ? LogLevel::debug : LogLevel::warning;
    if (!logger_.wants(level)) return;
    const auto verdict = limiter_.admit(failure.reason, clock_.monotonic_ms());
    if (!verdict.write) return;
    std::string line = line_start(what, failure.reason, context, trace);
    if (!failure.detail.empty()) line += ": " + failure.detail;
    // Not with ?: , whose common type of a literal and a std::string is a string that would die here.
    std::string_view hint = failure.hint;
    if (hint.empty()) hint = reason_hint(failure.reason);
    if (!hint.empty()) fmt::format_to(std::back_inserter(line), " (hint: {})", hint);
    if (verdict.suppressed_before != 0) {
        fmt::format_to(std::back_inserter(line), " [{} more lines of this reason were left out]",
                       verdict.suppressed_before);
    }
    logger_.write(level, line);
}

}  // namespace tokenward::session
