// Decides who may subscribe, receive and publish.
#include "adapter.hpp"
#include "broker.hpp"
#include "explanation.hpp"
#include "names.hpp"

#include <ctime>

namespace tokenward::mosquitto_plugin {
namespace {

const char *action(int access) {
    switch (access) {
        case MOSQ_ACL_WRITE:
            return "publish to";
        case MOSQ_ACL_SUBSCRIBE:
            return "subscribe to";
        default:
            return "receive";
    }
}

/// The scope that would grant the request, as an operator writes it.
std::string needed_scope(const tokenward_request &request) {
    std::string scope = request.operation == TOKENWARD_WRITE ? "write:" : "read:";
    scope += common::percent_encode(common::view(request.vhost));
    scope += '/';
    const std::string_view name = common::view(request.resource);
    if ((request.flags & TOKENWARD_MQTT_FILTER) != 0 && name.find_first_of("+#") != std::string_view::npos) {
        scope += "... that covers the whole filter";
    } else {
        scope += common::percent_encode(name);
    }
    return scope;
}

}  // namespace

int Adapter::on_acl_check(const mosquitto_evt_acl_check &event) {
    if (event.access == MOSQ_ACL_UNSUBSCRIBE) return MOSQ_ERR_SUCCESS;
    // Before it kicks the client of a durable session, the broker asks for every subscription whether to keep
    // it (2.0.12; Debian's 2.0.11 too). on_tick kicks because the token has ended, and that takes no
    // subscription back: messages that arrive meanwhile are checked again under the next token.
    if (event.access == MOSQ_ACL_SUBSCRIBE && kicked_ != nullptr && event.client == kicked_)
        return MOSQ_ERR_SUCCESS;

    auto request = common::sized<tokenward_request>();
    request.vhost = common::borrow(options_.vhost);
    request.resource = common::borrow(text_or_empty(event.topic));
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
            request.resource = common::borrow(*filter);
            break;
        }
        default:
            return MOSQ_ERR_ACL_DENIED;
    }

    const Found found = sessions_.find(event.client, identity_of(event.client), has_address(event.client));
    switch (found.state) {
        case ClientState::connected: {
            const std::int32_t verdict = library_->authorize(found.session->get(), &request);
            if (verdict == TOKENWARD_ALLOWED) return MOSQ_ERR_SUCCESS;
            log_denial(event.client, found.session->get(), request, event.access, verdict);
            return MOSQ_ERR_ACL_DENIED;
        }
        case ClientState::disconnected:
        case ClientState::stored:
            return decide_stored(found, request, event.access);
        case ClientState::other_backend:
            return MOSQ_ERR_PLUGIN_DEFER;
        case ClientState::unknown:
            break;
    }
    return options_.chain ? MOSQ_ERR_PLUGIN_DEFER : MOSQ_ERR_ACL_DENIED;
}

int Adapter::decide_stored(const Found &found, const tokenward_request &request, int access) const {
    if (found.session != nullptr) {
        const std::int32_t verdict = library_->authorize(found.session->get(), &request);
        if (verdict == TOKENWARD_ALLOWED) return MOSQ_ERR_SUCCESS;
        if (verdict != TOKENWARD_EXPIRED) return MOSQ_ERR_ACL_DENIED;
    } else if (options_.chain) {
        return MOSQ_ERR_PLUGIN_DEFER;  // the identity may be another backend's
    }
    // The token has ended, or the session was forgotten when the broker restarted. The broker asks about
    // something that was decided while the token was good:
    // - READ: whether to keep a message for a durable session that isn't connected. Its subscription was
    //   granted. Nothing is delivered before it connects again with a new token, and then the broker asks again
    //   for every kept message.
    // - WRITE without a client: whether the publisher of a retained message still may; the end of a token
    //   takes nothing back that was published under it.
    // A will is different: it is published now, and its topic was never checked.
    if (access == MOSQ_ACL_READ) return MOSQ_ERR_SUCCESS;
    if (access == MOSQ_ACL_WRITE && found.state == ClientState::stored) return MOSQ_ERR_SUCCESS;
    return MOSQ_ERR_ACL_DENIED;
}

void Adapter::log_denial(const mosquitto *client, const tokenward_session *session,
                         const tokenward_request &request, int access, std::int32_t verdict) {
    const auto limit = denials_.ask(std::time(nullptr));
    if (!limit.write) return;
    std::string line = name_client(client) + " as " + common::quoted(identity_of(client).username) +
                       " may not " + action(access) + " " +
                       common::quoted(common::view(request.resource), 256) + ": ";
    if (verdict == TOKENWARD_EXPIRED) {
        line += "its token has ended";
    } else {
        const common::Explanation why = common::explain(library_, session, request);
        line += (why.reason.empty() ? "denied" : why.reason) + ", it needs " + needed_scope(request);
        if (!why.nearest.empty()) line += ", nearest is " + common::printable(why.nearest, 256);
        if (!why.why.empty()) line += " (" + common::printable(why.why, 256) + ")";
    }
    log_.push(TOKENWARD_LOG_WARNING, line + left_out(limit.left_out_before));
}

}  // namespace tokenward::mosquitto_plugin
