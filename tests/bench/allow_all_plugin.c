/* A Mosquitto plugin that says yes to all: what the broker's own way to a plugin costs, for broker.sh. */
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <stddef.h>
#include <stdint.h>

static mosquitto_plugin_id_t *id;

static int allow(int event, void *data, void *user) {
    (void)event;
    (void)data;
    (void)user;
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_version(int supported_count, const int *supported) {
    (void)supported_count;
    (void)supported;
    return 5;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **user, struct mosquitto_opt *options,
                          int count) {
    (void)user;
    (void)options;
    (void)count;
    id = identifier;
    const int result = mosquitto_callback_register(id, MOSQ_EVT_BASIC_AUTH, allow, NULL, NULL);
    return result != MOSQ_ERR_SUCCESS ? result
                                      : mosquitto_callback_register(id, MOSQ_EVT_ACL_CHECK, allow, NULL, NULL);
}

int mosquitto_plugin_cleanup(void *user, struct mosquitto_opt *options, int count) {
    (void)user;
    (void)options;
    (void)count;
    mosquitto_callback_unregister(id, MOSQ_EVT_BASIC_AUTH, allow, NULL);
    return mosquitto_callback_unregister(id, MOSQ_EVT_ACL_CHECK, allow, NULL);
}
