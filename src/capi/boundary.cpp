#include "capi/boundary.hpp"

#include "base/text.hpp"
#include "session/outcome.hpp"

#include <algorithm>

namespace tokenward::boundary {
namespace {

constexpr std::size_t max_config_files = 64;

std::int32_t fill(tokenward_error *error, Reason reason, std::string_view message, std::string_view hint,
                  std::int32_t retry_after_ms) noexcept {
    if (error != nullptr) {
        error->reason = static_cast<std::int32_t>(reason);
        error->retry_after_ms = retry_after_ms;
        copy_bounded(error->message, sizeof error->message, message);
        copy_bounded(error->hint, sizeof error->hint, hint);
    }
    return static_cast<std::int32_t>(session::outcome_of(reason));
}

}  // namespace

bool clear(tokenward_error *error) noexcept {
    if (error == nullptr) return true;
    if (error->struct_size < sizeof(tokenward_error) || error->struct_size > max_struct_size) return false;
    fill(error, Reason::NONE, {}, {}, 0);
    return true;
}

std::int32_t report(tokenward_error *error, const Failure &failure) noexcept {
    // Not with ?: , whose common type of a literal and a std::string is a string that would die here.
    std::string_view hint = failure.hint;
    if (hint.empty()) hint = reason_hint(failure.reason);
    return fill(error, failure.reason, failure.detail, hint, failure.retry_after_ms);
}

std::int32_t report(tokenward_error *error, Reason reason, std::string_view message) noexcept {
    return fill(error, reason, message, reason_hint(reason), 0);
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

bool read_options(const tokenward_options *from, session::BackendOptions &to, const char *&message) {
    if (from == nullptr) return true;
    message = "options.struct_size is not that of tokenward_options";
    if (!is_struct(from)) return false;
    message = "options.config_file_count is absurd, or config_files is NULL";
    if (from->config_file_count > max_config_files) return false;
    if (from->config_files == nullptr && from->config_file_count != 0) return false;
    for (std::size_t i = 0; i < from->config_file_count; ++i) {
        const tokenward_string &file = from->config_files[i];
        message = "options.config_files holds a string that is empty, NULL, or has a NUL inside";
        if (!is_string(file) || file.size == 0 || std::memchr(file.data, 0, file.size) != nullptr) return false;
        to.config_files.emplace_back(view(file));
    }
    message = "options.config_json is NULL with a size";
    if (!is_string(from->config_json)) return false;
    to.config_json = view(from->config_json);
    to.startup_wait_ms = from->startup_wait_ms;
    to.max_wait_ms = from->max_wait_ms;
    to.log = from->log;
    to.log_user = from->log_user;
    return true;
}

bool read_credentials(const tokenward_credentials *from, credentials::Credentials &to,
                      const char *&message) noexcept {
    message = "credentials is NULL, or its struct_size is not that of tokenward_credentials";
    if (!is_struct(from)) return false;
    message =
        "credentials.kind is none of TOKENWARD_SASL_PLAIN ... TOKENWARD_BEARER_TOKEN, or reserved isn't 0";
    if (from->kind < TOKENWARD_SASL_PLAIN || from->kind > TOKENWARD_BEARER_TOKEN) return false;
    if (from->reserved != 0) return false;
    message = "credentials has a string that is NULL with a size";
    if (!is_string(from->data) || !is_string(from->username) || !is_string(from->password)) {
        return false;
    }
    to.kind = static_cast<credentials::Kind>(from->kind);
    to.data = view(from->data);
    to.username = view(from->username);
    to.password = view(from->password);
    return true;
}

bool read_context(const tokenward_context *from, session::Context &to, const char *&message) noexcept {
    if (from == nullptr) return true;
    message = "context.struct_size is not that of tokenward_context";
    if (!is_struct(from)) return false;
    message = "context has a string that is NULL with a size";
    if (!is_string(from->protocol) || !is_string(from->peer) || !is_string(from->client_id) ||
        !is_string(from->listener)) {
        return false;
    }
    to = {view(from->protocol), view(from->peer), view(from->client_id), view(from->listener)};
    return true;
}

bool read_request(const tokenward_request *from, access::Request &to) noexcept {
    if (!is_struct(from)) return false;
    if (from->operation < TOKENWARD_CONFIGURE || from->operation > TOKENWARD_WRITE) return false;
    // One of the two or none: a resource can't be a filter and a topic.
    if (from->flags > TOKENWARD_MQTT_TOPIC) return false;
    if (!is_string(from->vhost) || !is_string(from->resource) || !is_string(from->routing_key)) return false;
    to.operation = static_cast<access::Operation>(from->operation);
    to.vhost = view(from->vhost);
    to.resource = view(from->resource);
    to.routing_key.reset();
    if (from->routing_key.data != nullptr) to.routing_key = view(from->routing_key);
    to.mqtt_filter = from->flags == TOKENWARD_MQTT_FILTER;
    to.mqtt_topic = from->flags == TOKENWARD_MQTT_TOPIC;
    return true;
}

}  // namespace tokenward::boundary
