// Decides who may subscribe, receive and publish.
#include "adapter.hpp"
#include "broker.hpp"
#include "names.hpp"

namespace tokenward::mosquitto_plugin {

int Adapter::on_acl_check(const mosquitto_evt_acl_check &event) {
    if (event.access == MOSQ_ACL_UNSUBSCRIBE) return MOSQ_ERR_SUCCESS;
    // Before it kicks the client of a durable session, the broker asks for every subscription whether to keep
    // it (2.0.12; Debian's 2.0.11 too). on_tick kicks because the token has ended, and that takes no
    // subscription back: messages that arrive meanwhile are checked again under the next token.
    if (event.access == MOSQ_ACL_SUBSCRIBE && kicked_ != nullptr && event.client == kicked_)
        return MOSQ_ERR_SUCCESS;

    tokenward_request request = TOKENWARD_REQUEST_INIT;
    request.vhost = host::borrow(options_.vhost);
    request.resource = host::borrow(text_or_empty(event.topic));
    request.flags = TOKENWARD_MQTT_TOPIC;
    request.operation = TOKENWARD_READ;
    switch (event.access) {
        case MOSQ_ACL_READ:
            break;
        case MOSQ_ACL_WRITE:
            request.operation = TOKENWARD_WRITE;
            break;
        case MOSQ_ACL_SUBSCRIBE: {
            const auto filter = common::without_share(text_or_empty(event.topic));
            if (!filter) return MOSQ_ERR_ACL_DENIED;
            request.flags = TOKENWARD_MQTT_FILTER;
            request.resource = host::borrow(*filter);
            break;
        }
        default:
            return MOSQ_ERR_ACL_DENIED;
    }

    const Found found = sessions_.find(event.client, identity_of(event.client), has_address(event.client));
    int answer = MOSQ_ERR_ACL_DENIED;
    switch (found.state) {
        case ClientState::connected:
            if (found.session->authorize(request) == TOKENWARD_ALLOWED) answer = MOSQ_ERR_SUCCESS;
            break;
        case ClientState::disconnected:
        case ClientState::stored:
            answer = decide_stored(found, request, event.access);
            break;
        case ClientState::other_backend:
            return MOSQ_ERR_PLUGIN_DEFER;
        case ClientState::unknown:
            return options_.chain ? MOSQ_ERR_PLUGIN_DEFER : MOSQ_ERR_ACL_DENIED;
    }
    if (answer == MOSQ_ERR_ACL_DENIED && found.session != nullptr) {
        const tokenward_context context = context_of(event.client);
        (void)found.session->report_denial(request, &context);
    }
    return answer;
}

int Adapter::decide_stored(const Found &found, const tokenward_request &request, int access) const {
    if (found.session == nullptr && options_.chain)
        return MOSQ_ERR_PLUGIN_DEFER;  // the identity may be another backend's
    // READ: whether to keep a message for a durable session that isn't connected. Its subscription was granted.
    // Nothing is delivered before it connects again with a new token, and then the broker asks again for every
    // kept message.
    if (access == MOSQ_ACL_READ) return MOSQ_ERR_SUCCESS;
    // WRITE: a will, also a delayed one, or, without a client, the publisher of a retained message. Both were handed
    // over while the token was good, and are judged by the rights that it had then.
    if (found.session != nullptr) {
        tokenward_request question = request;
        if (access == MOSQ_ACL_WRITE) question.flags |= TOKENWARD_PAST_END;
        return found.session->authorize(question) == TOKENWARD_ALLOWED ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
    }
    // The session was forgotten when the broker restarted, which takes nothing back that was published before. A
    // will is different: it is published now, and its topic was never checked.
    if (access == MOSQ_ACL_WRITE && found.state == ClientState::stored) return MOSQ_ERR_SUCCESS;
    return MOSQ_ERR_ACL_DENIED;
}

}  // namespace tokenward::mosquitto_plugin
