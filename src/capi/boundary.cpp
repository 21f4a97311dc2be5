#include "capi/boundary.hpp"

#include "base/standard_error.hpp"
#include "base/text.hpp"
#include "session/outcome.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace tokenward::boundary {
namespace {

constexpr std::size_t max_config_files = 64;
constexpr std::size_t certificate_hash_size = 32;

/// No struct of any version is larger. A larger struct_size is an error of the host.
constexpr std::size_t max_struct_size = 4096;

/// The size of a struct in 1.0: no host has a smaller one.
template <class T>
constexpr std::size_t least_size = 0;
template <>
constexpr std::size_t least_size<tokenward_options> = TOKENWARD_OPTIONS_SIZE_1_0;
template <>
constexpr std::size_t least_size<tokenward_credentials> = TOKENWARD_CREDENTIALS_SIZE_1_0;
template <>
constexpr std::size_t least_size<tokenward_context> = TOKENWARD_CONTEXT_SIZE_1_0;
template <>
constexpr std::size_t least_size<tokenward_request> = TOKENWARD_REQUEST_SIZE_1_0;
template <>
constexpr std::size_t least_size<tokenward_error> = TOKENWARD_ERROR_SIZE_1_0;

/// The messages for what can be wrong with a struct.
struct StructMessages {
    const char *null;
    const char *size;
    const char *tail;
};
#define TOKENWARD_STRUCT_MESSAGES(name, initialiser)                                                           \
    StructMessages {                                                                                           \
        name " is NULL", name ".struct_size is none that tokenward_" name " has had: begin with " initialiser, \
            name " has fields that this version doesn't know, and they aren't zero"                            \
    }

/// Copies a caller's struct of any version. What an older caller doesn't have is zero; what a newer one has,
/// and this version doesn't know, must be zero. NULL if all is well, else the message.
template <class T>
const char *read_struct(const T *from, T &to, const StructMessages &messages) noexcept {
    if (from == nullptr) return messages.null;
    const std::size_t size = from->struct_size;
    if (size == sizeof(T)) {
        std::memcpy(&to, from, sizeof(T));
        return nullptr;
    }
    if (size < least_size<T> || size > max_struct_size) return messages.size;
    const auto *bytes = reinterpret_cast<const unsigned char *>(from);
    if (std::any_of(bytes + std::min(size, sizeof(T)), bytes + size, [](unsigned char b) { return b != 0; }))
        return messages.tail;
    std::memset(&to, 0, sizeof(T));
    std::memcpy(&to, from, std::min(size, sizeof(T)));
    return nullptr;
}

/// `member` of `owner`, which is named as the caller knows it.
#define TOKENWARD_WRONG_MEMBER(owner, member) \
    TOKENWARD_WRONG_TEXT(owner.member.data, owner.member.size, #owner "." #member)

/// At most ten lines a second where there is no backend, and so no audit. Without a lock, since a forked child
/// may come here.
bool line_is_allowed() noexcept {
    static constinit std::atomic<std::int64_t> second{-1};
    static constinit std::atomic<int> lines{0};
    const std::int64_t now = SystemClock::instance().monotonic_ms() / 1000;
    if (second.exchange(now, std::memory_order_relaxed) != now) lines.store(0, std::memory_order_relaxed);
    return lines.fetch_add(1, std::memory_order_relaxed) < 10;
}

}  // namespace

// ---- errors ---------------------------------------------------------------------------------------------

bool Call::clear_error() noexcept {
    if (error_ == nullptr) return true;
    const std::size_t size = error_->struct_size;
    if (size < least_size<tokenward_error> || size > max_struct_size) {
        error_ = nullptr;
        return false;
    }
    fail(Reason::NONE, {});
    // What a newer caller has and this version doesn't know.
    if (size > sizeof(tokenward_error)) {
        auto *bytes = reinterpret_cast<unsigned char *>(error_);
        std::memset(bytes + sizeof(tokenward_error), 0, size - sizeof(tokenward_error));
    }
#ifdef TOKENWARD_TEST_GROWN
    if (size >= sizeof(tokenward_error)) error_->grown = 0x6e6f7421U;
#endif
    return true;
}

std::int32_t Call::fail(const Failure &failure) noexcept {
    return fill(failure.reason, failure.detail, failure.hint, failure.retry_after_ms);
}

std::int32_t Call::fail(Reason reason, std::string_view message) noexcept {
    // No Failure: its std::string would allocate, and memory may be what lacks.
    return fill(reason, message, {}, 0);
}

std::int32_t Call::fill(Reason reason, std::string_view message, std::string_view hint,
                        std::int32_t retry_after_ms) noexcept {
    if (error_ != nullptr) {
        if (message.empty() && reason != Reason::NONE) message = reason_meaning(reason);
        if (hint.empty()) hint = hint_for_each_case(reason);
        error_->reason = static_cast<std::int32_t>(reason);
        error_->retry_after_ms = retry_after_ms;
        copy_bounded(error_->message, sizeof error_->message, message);
        copy_bounded(error_->hint, sizeof error_->hint, hint);
    }
    return static_cast<std::int32_t>(session::outcome_of(reason));
}

std::int32_t Call::misuse(const char *message) noexcept {
    if (error_ == nullptr) return log_misuse(backend_, function_, message);
    return fail(Reason::INVALID_ARGUMENT, message);
}

std::int32_t log_misuse(session::Backend *backend, const char *function, const char *message) noexcept {
    const GuestCall guest;
    try {
        // In a forked child the lock of the parent's limiter may be held.
        if (backend != nullptr && !backend->in_forked_child()) {
            backend->report_misuse(function, message);
        } else if (line_is_allowed()) {
            char line[512];
            const int size = std::snprintf(line, sizeof line, "tokenward error: INVALID_ARGUMENT: %s: %s\n",
                                           function, message);
            write_to_standard_error({line, std::min(static_cast<std::size_t>(size), sizeof line - 1)});
        }
    } catch (...) {  // no memory for a line
    }
    return TOKENWARD_ERROR;
}

std::int32_t log_misuse(const session::Session *session, const char *function, const char *message) noexcept {
    const auto backend = session != nullptr ? session->backend() : nullptr;
    return log_misuse(backend.get(), function, message);
}

std::int32_t copy_out(std::string_view text, char *buffer, std::size_t size, std::size_t *length) noexcept {
    *length = text.size();
    if (size != 0) {
        const std::size_t copied = std::min(text.size(), size - 1);
        std::memcpy(buffer, text.data(), copied);
        buffer[copied] = '\0';
    }
    return TOKENWARD_OK;
}

// ---- structs --------------------------------------------------------------------------------------------

namespace {

const char *read_config_files(const tokenward_options &options, std::vector<std::string> &to) {
    if (options.config_file_count > max_config_files) return "options.config_file_count is more than 64";
    if (options.config_files == nullptr && options.config_file_count != 0)
        return "options.config_files is NULL, and config_file_count isn't 0";
    for (std::size_t i = 0; i < options.config_file_count; ++i) {
        const tokenward_string &file = options.config_files[i];
        if (file.size == 0) return "options.config_files holds an empty path";
        if (const char *wrong = TOKENWARD_WRONG_TEXT(file.data, file.size, "a path in options.config_files")) {
            return wrong;
        }
        if (std::memchr(file.data, 0, file.size) != nullptr)
            return "options.config_files holds a path with a NUL inside";
        to.emplace_back(view(file));
    }
    return nullptr;
}

const char *read_log_target(const tokenward_options &options, LogTarget &to) noexcept {
    if (options.log_mode < TOKENWARD_LOG_TO_STDERR || options.log_mode > TOKENWARD_LOG_TO_QUEUE) {
        return "options.log_mode is none of TOKENWARD_LOG_TO_STDERR ... TOKENWARD_LOG_TO_QUEUE";
    }
    if (options.log_mode == TOKENWARD_LOG_TO_CALLBACK && options.log == nullptr)
        return "options.log is NULL with TOKENWARD_LOG_TO_CALLBACK";
    if (options.log_mode != TOKENWARD_LOG_TO_CALLBACK && options.log != nullptr)
        return "options.log is set, and options.log_mode isn't TOKENWARD_LOG_TO_CALLBACK";
    if (options.log_level < 0 || options.log_level > TOKENWARD_LOG_DEBUG) {
        return "options.log_level is neither 0 nor one of TOKENWARD_LOG_ERROR ... TOKENWARD_LOG_DEBUG";
    }
    to = {static_cast<LogMode>(options.log_mode), options.log, options.log_user, std::nullopt};
    if (options.log_level != 0) to.level = static_cast<LogLevel>(options.log_level);
    return nullptr;
}

/// What create, config_check and reload have in common. `options` is the whole struct.
const char *read_common_options(const tokenward_options *from, tokenward_options &options,
                                session::BackendOptions &to) {
    if (const char *wrong =
            read_struct(from, options, TOKENWARD_STRUCT_MESSAGES("options", "TOKENWARD_OPTIONS_INIT"))) {
        return wrong;
    }
#ifdef TOKENWARD_TEST_GROWN
    if (options.grown != 0) return "options.grown isn't zero";
#endif
    if (const char *wrong = read_config_files(options, to.config_files)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(options, config_json)) return wrong;
    to.config_json = view(options.config_json);
    to.max_wait_ms = options.max_wait_ms;
    return nullptr;
}

}  // namespace

const char *read_options(const tokenward_options *from, session::BackendOptions &to) {
    if (from == nullptr) return nullptr;
    tokenward_options options;
    if (const char *wrong = read_common_options(from, options, to)) return wrong;
    to.startup_wait_ms = options.startup_wait_ms;
    return read_log_target(options, to.log);
}

const char *read_reload_options(const tokenward_options *from, session::BackendOptions &to) {
    if (from == nullptr) return nullptr;
    tokenward_options options;
    return read_common_options(from, options, to);
}

const char *read_credentials(const tokenward_credentials *from, credentials::Credentials &to) noexcept {
    tokenward_credentials credentials;
    if (const char *wrong = read_struct(
            from, credentials, TOKENWARD_STRUCT_MESSAGES("credentials", "TOKENWARD_CREDENTIALS_INIT"))) {
        return wrong;
    }
#ifdef TOKENWARD_TEST_GROWN
    if (credentials.grown != 0) return "credentials.grown isn't zero";
#endif
    if (credentials.kind < TOKENWARD_SASL_PLAIN || credentials.kind > TOKENWARD_BEARER_TOKEN) {
        return "credentials.kind is none of TOKENWARD_SASL_PLAIN ... TOKENWARD_BEARER_TOKEN";
    }
    if (credentials.flags != 0) return "credentials.flags isn't 0";
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(credentials, data)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(credentials, username)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(credentials, password)) return wrong;
    to.kind = static_cast<credentials::Kind>(credentials.kind);
    to.data = view(credentials.data);
    to.username = view(credentials.username);
    to.password = view(credentials.password);
    return nullptr;
}

const char *read_context(const tokenward_context *from, session::Context &to) noexcept {
    if (from == nullptr) return nullptr;
    tokenward_context context;
    if (const char *wrong =
            read_struct(from, context, TOKENWARD_STRUCT_MESSAGES("context", "TOKENWARD_CONTEXT_INIT"))) {
        return wrong;
    }
#ifdef TOKENWARD_TEST_GROWN
    if (context.grown != 0) return "context.grown isn't zero";
#endif
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(context, protocol)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(context, peer)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(context, client_id)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(context, connection_name)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(context, listener)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(context, client_certificate_sha256)) return wrong;
    const std::size_t hash_size = context.client_certificate_sha256.size;
    if (hash_size != 0 && hash_size != certificate_hash_size) {
        return "context.client_certificate_sha256 has neither 0 nor 32 bytes";
    }
    constexpr std::uint64_t known = TOKENWARD_CLIENT_ID_BOUND | TOKENWARD_LAST_BACKEND | TOKENWARD_ASKS_AGAIN;
    if ((context.flags & ~known) != 0) return "context.flags has unknown bits";
    to = {view(context.protocol),
          view(context.peer),
          view(context.client_id),
          view(context.connection_name),
          view(context.listener),
          view(context.client_certificate_sha256),
          (context.flags & TOKENWARD_CLIENT_ID_BOUND) != 0,
          (context.flags & TOKENWARD_LAST_BACKEND) != 0,
          (context.flags & TOKENWARD_ASKS_AGAIN) != 0};
    return nullptr;
}

namespace {

const char *read_fields(const tokenward_request &request, Question &to) noexcept {
    constexpr std::uint32_t topic_or_filter = TOKENWARD_MQTT_FILTER | TOKENWARD_MQTT_TOPIC;
    constexpr std::uint32_t known = topic_or_filter | TOKENWARD_ROUTING_KEY | TOKENWARD_PAST_END;
#ifdef TOKENWARD_TEST_GROWN
    if (request.grown != 0) return "request.grown isn't zero";
#endif
    if (request.operation < TOKENWARD_CONFIGURE || request.operation > TOKENWARD_WRITE) {
        return "request.operation is none of TOKENWARD_CONFIGURE, TOKENWARD_READ, TOKENWARD_WRITE";
    }
    if ((request.flags & ~known) != 0) return "request.flags has unknown bits";
    if ((request.flags & topic_or_filter) == topic_or_filter) {
        return "request.flags has both TOKENWARD_MQTT_FILTER and TOKENWARD_MQTT_TOPIC";
    }
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(request, vhost)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(request, resource)) return wrong;
    if (const char *wrong = TOKENWARD_WRONG_MEMBER(request, routing_key)) return wrong;
    const bool keyed = (request.flags & TOKENWARD_ROUTING_KEY) != 0;
    // Without the flag it would be the wider question, and perhaps a wrong yes.
    if (!keyed && request.routing_key.size != 0)
        return "request.routing_key is set without TOKENWARD_ROUTING_KEY";
    to.request.operation = static_cast<access::Operation>(request.operation);
    to.request.vhost = view(request.vhost);
    to.request.resource = view(request.resource);
    if (keyed) to.request.routing_key = view(request.routing_key);
    to.request.mqtt_filter = (request.flags & TOKENWARD_MQTT_FILTER) != 0;
    to.request.mqtt_topic = (request.flags & TOKENWARD_MQTT_TOPIC) != 0;
    to.until = (request.flags & TOKENWARD_PAST_END) != 0 ? session::Session::Until::past_end
                                                         : session::Session::Until::end;
    return nullptr;
}

// Not inline: its copy isn't for the stack of every request.
[[gnu::noinline]] const char *read_request_of_other_version(const tokenward_request *from,
                                                            Question &to) noexcept {
    tokenward_request request;
    if (const char *wrong =
            read_struct(from, request, TOKENWARD_STRUCT_MESSAGES("request", "TOKENWARD_REQUEST_INIT"))) {
        return wrong;
    }
    return read_fields(request, to);
}

}  // namespace

const char *read_request(const tokenward_request *from, Question &to) noexcept {
    // The usual case, on the way of each message: read in place.
    if (from != nullptr && from->struct_size == sizeof(tokenward_request)) return read_fields(*from, to);
    return read_request_of_other_version(from, to);
}

}  // namespace tokenward::boundary
