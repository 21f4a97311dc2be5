#include "http_api.hpp"

#include "broker.hpp"

namespace tokenward::mosquitto_plugin {
namespace {

tokenward_context context_of_request() {
    tokenward_context context = TOKENWARD_CONTEXT_INIT;
    context.protocol = host::borrow("http");
    return context;
}

}  // namespace

int HttpApi::on_basic_auth(const mosquitto_evt_basic_auth &event) {
    (void)take(event.client);
    tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.username = host::borrow(text_or_empty(event.username));
    credentials.password = host::borrow(text_or_empty(event.password));
    if (options_.chain && event.username == nullptr && event.password == nullptr) return MOSQ_ERR_PLUGIN_DEFER;
    tokenward_context context = context_of_request();
    if (!options_.chain) context.flags |= TOKENWARD_LAST_BACKEND;
    host::Error error;
    host::Session session;
    const std::int32_t result = backend_.authenticate(credentials, &context, session, error);
    if (result == TOKENWARD_NOT_A_TOKEN && options_.chain) return MOSQ_ERR_PLUGIN_DEFER;
    if (result != TOKENWARD_OK) return MOSQ_ERR_AUTH;  // HTTP has one answer for every no
    // Other plugins must know the request by the token's username, as they know MQTT clients.
    const std::string username(session.username());
    if (mosquitto_set_username(event.client, username.c_str()) != MOSQ_ERR_SUCCESS) return MOSQ_ERR_NOMEM;
    const std::lock_guard lock(mutex_);
    sessions_[event.client] = std::move(session);
    return MOSQ_ERR_SUCCESS;
}

int HttpApi::on_acl_check(const mosquitto_evt_acl_check &event) {
    const host::Session session = take(event.client);
    // Another backend let it in, this time.
    if (!session || session.username() != text_or_empty(mosquitto_client_username(event.client)))
        return MOSQ_ERR_PLUGIN_DEFER;
    tokenward_request request = TOKENWARD_REQUEST_INIT;
    request.vhost = host::borrow(options_.vhost_of(listener_port(event.client)));
    request.resource = host::borrow(text_or_empty(event.topic));
    request.flags = TOKENWARD_MQTT_TOPIC;
    request.operation = TOKENWARD_READ;
    if (event.access == MOSQ_ACL_READ && session.authorize(request) == TOKENWARD_ALLOWED)
        return MOSQ_ERR_SUCCESS;
    const tokenward_context context = context_of_request();
    (void)session.report_denial(request, &context);
    return MOSQ_ERR_ACL_DENIED;
}

host::Session HttpApi::take(const void *client) {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(client);
    if (found == sessions_.end()) return {};
    host::Session session = std::move(found->second);
    sessions_.erase(found);
    return session;
}

}  // namespace tokenward::mosquitto_plugin
