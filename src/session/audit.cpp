#include "session/audit.hpp"

#include "base/text.hpp"
#include "session/outcome.hpp"

#include <iterator>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace tokenward::session {
namespace {

void append_fields(std::string &line, const AuditFields &who) {
    const auto field = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) fmt::format_to(std::back_inserter(line), " {}={}", name, quote(value));
    };
    field("issuer", who.issuer);
    field("username", who.username);
    field("kid", who.kid);
    field("jti", who.jti);
    field("protocol", who.context.protocol);
    field("peer", who.context.peer);
    field("client_id", who.context.client_id);
    field("connection_name", who.context.connection_name);
    field("listener", who.context.listener);
}

std::string line_start(const AuditFields &who, Reason reason) {
    std::string line =
        fmt::format("{} {} reason={}", who.event, outcome_name(outcome_of(reason)), reason_name(reason));
    append_fields(line, who);
    return line;
}

void append_left_out(std::string &line, const LeftOut &left_out, std::string_view of_what) {
    if (left_out.lines == 0) return;
    const auto out = std::back_inserter(line);
    fmt::format_to(out, " [{} more lines of this {} were left out", left_out.lines, of_what);
    if (!left_out.noisiest.empty()) {
        fmt::format_to(out, ", about {} of them from {}", left_out.of_noisiest, quote(left_out.noisiest));
    }
    line += ']';
}

std::string_view operation_word(access::Operation operation) noexcept {
    switch (operation) {
        case access::Operation::configure:
            return "configure";
        case access::Operation::read:
            return "read";
        case access::Operation::write:
            break;
    }
    return "write";
}

}  // namespace

Audit::Audit(Logger &logger, const Clock &clock) : logger_(logger), clock_(clock), refusals_(reason_count()) {}

void Audit::accepted(const AuditFields &who, const access::PermissionSet &permissions,
                     const access::Notes &notes) {
    if (logger_.wants(LogLevel::info)) {
        std::string line = line_start(who, Reason::NONE);
        if (who.expires_at != claims::no_end) {
            fmt::format_to(std::back_inserter(line), " expires_at={}", who.expires_at);
        }
        logger_.info(line);
    }
    if (permissions.empty() && logger_.wants(LogLevel::warning)) {
        const std::string text = "accepted without any rights: " + std::string(who.no_scope);
        note(who, LogLevel::warning, no_rights_, {&text, 1});
    }
    note(who, LogLevel::info, malformed_scopes_, notes.malformed);
    note(who, LogLevel::info, confined_scopes_, notes.confined);
    if (notes.three_parts_ignored) {
        const std::string text =
            "scopes with a routing key grant only vhost access here (routing_keys = off); write them without "
            "the third part";
        note(who, LogLevel::warning, ignored_routing_keys_, {&text, 1});
    }
}

void Audit::note(const AuditFields &who, LogLevel level, Limits &limits, std::span<const std::string> texts) {
    if (texts.empty() || !logger_.wants(level)) return;
    const std::int64_t now = clock_.monotonic_ms();
    const bool allowed = limits.clients.allow(who.context, now);
    for (const std::string &text : texts) {
        if (!allowed) {
            limits.lines.leave_out(who.context);
            continue;
        }
        const auto left_out = limits.lines.next(now, who.context);
        if (!left_out) continue;
        std::string line = fmt::format("{} note", who.event);
        append_fields(line, who);
        fmt::format_to(std::back_inserter(line), ": {}", text);
        append_left_out(line, *left_out, "kind");
        logger_.write(level, line);
    }
}

void Audit::refused(const AuditFields &who, const Failure &failure) {
    const Outcome outcome = outcome_of(failure.reason);
    if (outcome == Outcome::try_again && who.context.asks_again) return;
    const LogLevel level =
        outcome == Outcome::not_a_token && !who.context.last_backend ? LogLevel::debug : LogLevel::warning;
    if (!logger_.wants(level)) return;
    const auto left_out = limit(refusals_.at(reason_index(failure.reason)), refused_clients_, who.context);
    if (!left_out) return;
    std::string line = line_start(who, failure.reason);
    line += ": ";
    line += failure.detail.empty() ? std::string_view(reason_meaning(failure.reason)) : failure.detail;
    if (const std::string_view hint = hint_of(failure); !hint.empty())
        fmt::format_to(std::back_inserter(line), " (hint: {})", hint);
    append_left_out(line, *left_out, "reason");
    logger_.write(level, line);
}

std::optional<LeftOut> Audit::limit(LineLimiter &lines, ClientLimits &clients, const Context &context) {
    const std::int64_t now = clock_.monotonic_ms();
    if (!clients.allow(context, now)) {
        lines.leave_out(context);
        return std::nullopt;
    }
    return lines.next(now, context);
}

void Audit::denied(const AuditFields &who, Reason reason, const access::Request &request,
                   const std::function<std::string()> &text) {
    if (!logger_.wants(LogLevel::warning)) return;
    const auto left_out = limit(refusals_.at(reason_index(reason)), denied_clients_, who.context);
    if (!left_out) return;
    const char *outcome = reason == Reason::SESSION_EXPIRED ? "expired" : "denied";
    std::string line = fmt::format("{} {} reason={}", who.event, outcome, reason_name(reason));
    append_fields(line, who);
    const auto out = std::back_inserter(line);
    fmt::format_to(out, " operation={} vhost={} {}={}", operation_word(request.operation), quote(request.vhost),
                   request.mqtt_filter  ? "filter"
                   : request.mqtt_topic ? "topic"
                                        : "resource",
                   quote(request.resource));
    if (request.routing_key) fmt::format_to(out, " routing_key={}", quote(*request.routing_key));
    fmt::format_to(out, ": {}", text());
    append_left_out(line, *left_out, "reason");
    logger_.warning(line);
}

void Audit::misuse(std::string_view function, std::string_view message) {
    const auto left_out = misuses_.next(clock_.monotonic_ms(), {});
    if (!left_out) return;
    std::string line = fmt::format("{}: {}: {}", reason_name(Reason::INVALID_ARGUMENT), function, message);
    append_left_out(line, *left_out, "kind");
    logger_.error(line);
}

}  // namespace tokenward::session
