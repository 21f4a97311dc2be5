// Decides who may subscribe, receive and publish.
#include "adapter.hpp"
#include "broker.hpp"
#include "names.hpp"

#include <ctime>

namespace tokenward::mosquitto_plugin {

namespace {

const char *words_for(int access) {
    switch (access) {
        case MOSQ_ACL_READ:
            return "receive";
        case MOSQ_ACL_WRITE:
            return "publish to";
        default:
            return "subscribe to";
    }
}

}  // namespace

int Adapter::on_acl_check(const mosquitto_evt_acl_check &event) {
    if (!on_broker_thread()) return http_api_.on_acl_check(event);
    if (event.access == MOSQ_ACL_UNSUBSCRIBE) return MOSQ_ERR_SUCCESS;
    // Before the broker kicks the client of a durable session, it asks for every subscription whether to keep it
    // (2.0.12 and later; Debian's 2.0.11, too). end_due kicks because the token ends, and that takes no subscription
    // back: messages that arrive meanwhile are checked again under the next token.
    if (event.access == MOSQ_ACL_SUBSCRIBE &&
        (asking_broker_ || (kicked_ != nullptr && event.client == kicked_)))
        return MOSQ_ERR_SUCCESS;

    const GrantCache::Question question(event.client, event.access, text_or_empty(event.topic));
    const bool is_subscribe = event.access == MOSQ_ACL_SUBSCRIBE;
    if (sessions_.grants().holds(question)) return MOSQ_ERR_SUCCESS;

    tokenward_request request = TOKENWARD_REQUEST_INIT;
    if (!make_request(event, request)) return MOSQ_ERR_ACL_DENIED;

    const Found found = sessions_.find(event.client, identity_of(event.client), has_address(event.client));
    int answer = MOSQ_ERR_ACL_DENIED;
    switch (found.state) {
        case ClientState::connected:
            if (found.session->authorize(request) == TOKENWARD_ALLOWED) {
                answer = MOSQ_ERR_SUCCESS;
                // The end of a token makes end_due forget what was allowed. It must come before the end.
                if (!is_subscribe && found.session->expires_at() > ending_ + 1)
                    sessions_.grants().put(question);
            }
            break;
        case ClientState::departed:
        case ClientState::stored:
            answer = decide_left(found, event, request);
            break;
        case ClientState::other_backend:
        case ClientState::unknown:
            if (options_.chain) return leave_to_others(event);
            log_denial(event, "it did not log in with a token");
            break;
    }
    if (answer == MOSQ_ERR_ACL_DENIED && found.session != nullptr) {
        const tokenward_context context = context_of(event.client);
        (void)found.session->report_denial(request, &context);
    }
    return answer;
}

bool Adapter::make_request(const mosquitto_evt_acl_check &event, tokenward_request &request) {
    std::string_view topic = text_or_empty(event.topic);
    switch (event.access) {
        case MOSQ_ACL_READ:
            request.operation = TOKENWARD_READ;
            request.flags = TOKENWARD_MQTT_TOPIC;
            break;
        case MOSQ_ACL_WRITE:
            request.operation = TOKENWARD_WRITE;
            request.flags = TOKENWARD_MQTT_TOPIC;
            break;
        case MOSQ_ACL_SUBSCRIBE: {
            const auto filter = common::without_share(topic);
            if (!filter) return false;
            topic = *filter;
            request.operation = TOKENWARD_READ;
            request.flags = TOKENWARD_MQTT_FILTER;
            break;
        }
        default:
            return false;
    }
    request.vhost = host::borrow(
        options_.vhost_of_port.empty() ? options_.vhost : options_.vhost_of(listener_port(event.client)));
    // The broker's own topics are in no exchange: a scope for amq.topic must not reach $CONTROL.
    if (!options_.topic_exchange || topic.starts_with('$')) {
        request.resource = host::borrow(topic);
        return true;
    }
    if (topic.find('.') != std::string_view::npos) {
        log_denial(event,
                   "with plugin_opt_topic_style rabbitmq a level has no dot: it would be two words of the "
                   "routing key");
        return false;
    }
    request.resource = host::borrow("amq.topic");
    request.routing_key = host::borrow(topic);
    request.flags |= TOKENWARD_ROUTING_KEY;
    return true;
}

int Adapter::decide_left(const Found &found, const mosquitto_evt_acl_check &event,
                         const tokenward_request &request) {
    const Identity identity = identity_of(event.client);
    const bool unknown = found.state == ClientState::stored && found.session == nullptr;
    // It may be another backend's. With shared names the messages of both are kept.
    if (unknown && !is_name_of_token(identity.username) &&
        (event.access == MOSQ_ACL_WRITE || !options_.shared_names)) {
        return MOSQ_ERR_PLUGIN_DEFER;
    }
    // Whether to keep a message, or a subscription, for a durable session that isn't connected. The subscription was
    // granted. Nothing is delivered before it connects again with a new token, and then the broker asks again for every
    // kept message. A client without a subscription is another one, in the same piece of memory.
    if (event.access != MOSQ_ACL_WRITE) {
        if (found.state == ClientState::stored || mosquitto_client_sub_count(event.client) > 0) {
            const bool denied = found.session != nullptr && is_denied(*found.session);
            return denied ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_SUCCESS;
        }
        sessions_.forget_pointer(event.client);
        log_denial(event, "it did not log in with a token");
        return MOSQ_ERR_ACL_DENIED;
    }
    if (found.state == ClientState::departed && !sessions_.take_will(event.client)) {
        log_denial(event, "its will has been judged before");
        return MOSQ_ERR_ACL_DENIED;
    }
    // A will, also a delayed one, or, without a client, the publisher of a retained message. Both were handed over
    // while the token was good, and are judged by the rights that it had then.
    if (found.session != nullptr) {
        tokenward_request question = request;
        question.flags |= TOKENWARD_PAST_END;
        return found.session->authorize(question) == TOKENWARD_ALLOWED ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
    }
    if (found.state == ClientState::departed) {
        log_denial(event,
                   "the session that its will is judged by was forgotten, since its username has too many");
        return MOSQ_ERR_ACL_DENIED;
    }
    // 2.1 may have read a will from disk, or have one of a client that no plugin has let in. It is published now, and its
    // topic was never checked. A client that the broker makes up for a retained message has no such settings.
    if (is_registered(event.client, std::string(identity.client_id)).value_or(false) ||
        (identity.username.empty() && mosquitto_client_clean_session(event.client))) {
        log_denial(event, "it has not logged in since the broker started");
        return MOSQ_ERR_ACL_DENIED;
    }
    // The session was forgotten, which takes nothing back that was published before. The name alone can be denied now.
    if (!identity.username.empty() && backend_.denies({}, identity.username, std::time(nullptr))) {
        log_denial(event, "the operator denies its username (denied_file)");
        return MOSQ_ERR_ACL_DENIED;
    }
    return MOSQ_ERR_SUCCESS;
}

int Adapter::leave_to_others(const mosquitto_evt_acl_check &event) {
    // Only a client that is in asks for anything; of others only a will is judged, after their end.
    if (sessions_.is_other_backends(event.client))
        sessions_.let_in_by_others(event.client, identity_of(event.client).client_id);
    return MOSQ_ERR_PLUGIN_DEFER;
}

void Adapter::log_denial(const mosquitto_evt_acl_check &event, const char *why) {
    std::string suffix;
    if (!denials_.allows(std::time(nullptr), suffix)) return;
    const Identity identity = identity_of(event.client);
    write_broker_log(TOKENWARD_LOG_WARNING,
                     "client " + common::quoted(identity.client_id) + ", username " +
                         common::quoted(identity.username) + ", may not " + words_for(event.access) + " " +
                         common::quoted(text_or_empty(event.topic)) + ": " + why + suffix);
}

}  // namespace tokenward::mosquitto_plugin
