/* A plugin of version 4 of Mosquitto's interface, as mosquitto-go-auth is one, in its place: whoever sends an HS256 token as
 * the username is let in and may do everything; all others nothing. It never leaves a question to others. */
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_token(const char *username) {
    static const char header[] = "eyJhbGciOiJIUzI1NiIs"; /* {"alg":"HS256", */
    return username != NULL && strncmp(username, header, strlen(header)) == 0;
}

int mosquitto_auth_plugin_version(void) {
    return 4;
}

int mosquitto_auth_plugin_init(void **data, struct mosquitto_opt *options, int count) {
    (void)data;
    for (int i = 0; i < count; ++i) fprintf(stderr, "old interface: option %s\n", options[i].key);
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_auth_plugin_cleanup(void *data, struct mosquitto_opt *options, int count) {
    (void)data, (void)options, (void)count;
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_auth_security_init(void *data, struct mosquitto_opt *options, int count, bool reload) {
    (void)data, (void)options, (void)count, (void)reload;
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_auth_security_cleanup(void *data, struct mosquitto_opt *options, int count, bool reload) {
    (void)data, (void)options, (void)count, (void)reload;
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_auth_unpwd_check(void *data, struct mosquitto *client, const char *username,
                               const char *password) {
    (void)data, (void)client, (void)password;
    return is_token(username) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_AUTH;
}

int mosquitto_auth_acl_check(void *data, int access, struct mosquitto *client,
                             const struct mosquitto_acl_msg *message) {
    (void)data, (void)access, (void)message;
    return is_token(mosquitto_client_username(client)) ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}
