#include "broker.hpp"

namespace tokenward::mosquitto_plugin {

tokenward_context context_of(const mosquitto *client) {
    tokenward_context context = TOKENWARD_CONTEXT_INIT;
    context.protocol = host::borrow(mosquitto_client_protocol(client) == mp_websockets ? "mqtt-ws" : "mqtt");
    context.peer = host::borrow(text_or_empty(mosquitto_client_address(client)));
    context.client_id = host::borrow(text_or_empty(mosquitto_client_id(client)));
    return context;
}

int unavailable(const mosquitto *client) {
    // Mosquitto 2.1 sends this code to an MQTT 5 client as a reason (136, server unavailable). To an older
    // client it would send "not authorized". 2.0 doesn't know the code: it closes without a CONNACK, as for
    // every code but MOSQ_ERR_AUTH. So an older client gets MOSQ_ERR_UNKNOWN, which closes the connection on
    // both.
    constexpr int server_unavailable = 136;
    return client != nullptr && mosquitto_client_protocol_version(client) == 5 ? server_unavailable
                                                                               : MOSQ_ERR_UNKNOWN;
}

void write_broker_log(std::int32_t level, std::string_view text) {
    int broker_level = MOSQ_LOG_DEBUG;
    switch (level) {
        case TOKENWARD_LOG_ERROR:
            broker_level = MOSQ_LOG_ERR;
            break;
        case TOKENWARD_LOG_WARNING:
            broker_level = MOSQ_LOG_WARNING;
            break;
        case TOKENWARD_LOG_INFO:
            broker_level = MOSQ_LOG_INFO;
            break;
        default:
            break;
    }
    mosquitto_log_printf(broker_level, "tokenward: %.*s", static_cast<int>(text.size()), text.data());
}

}  // namespace tokenward::mosquitto_plugin
