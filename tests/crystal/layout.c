/*
 * Prints what the C compiler makes of tokenward.h: sizes, offsets, constants; the shard must agree.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tokenward.h"

#include <stdio.h>

#define SIZE(name, type) (void)printf("%s %zu\n", name, sizeof(type));
#define OFFSET(name, type, field) (void)printf("%s.%s %zu\n", name, #field, offsetof(type, field));
#define CONSTANT(name) (void)printf("%s %ld\n", #name, (long)TOKENWARD_##name);

int main(void) {
    SIZE("Text", tokenward_string)
    OFFSET("Text", tokenward_string, data)
    OFFSET("Text", tokenward_string, size)

    SIZE("Options", tokenward_options)
    OFFSET("Options", tokenward_options, struct_size)
    OFFSET("Options", tokenward_options, config_files)
    OFFSET("Options", tokenward_options, config_file_count)
    OFFSET("Options", tokenward_options, config_json)
    OFFSET("Options", tokenward_options, log)
    OFFSET("Options", tokenward_options, log_user)
    OFFSET("Options", tokenward_options, log_mode)
    OFFSET("Options", tokenward_options, log_level)
    OFFSET("Options", tokenward_options, startup_wait_ms)
    OFFSET("Options", tokenward_options, max_wait_ms)

    SIZE("Credentials", tokenward_credentials)
    OFFSET("Credentials", tokenward_credentials, struct_size)
    OFFSET("Credentials", tokenward_credentials, kind)
    OFFSET("Credentials", tokenward_credentials, flags)
    OFFSET("Credentials", tokenward_credentials, data)
    OFFSET("Credentials", tokenward_credentials, username)
    OFFSET("Credentials", tokenward_credentials, password)

    SIZE("Context", tokenward_context)
    OFFSET("Context", tokenward_context, struct_size)
    OFFSET("Context", tokenward_context, protocol)
    OFFSET("Context", tokenward_context, peer)
    OFFSET("Context", tokenward_context, client_id)
    OFFSET("Context", tokenward_context, connection_name)
    OFFSET("Context", tokenward_context, listener)
    OFFSET("Context", tokenward_context, client_certificate_sha256)
    OFFSET("Context", tokenward_context, flags)

    SIZE("Request", tokenward_request)
    OFFSET("Request", tokenward_request, struct_size)
    OFFSET("Request", tokenward_request, operation)
    OFFSET("Request", tokenward_request, flags)
    OFFSET("Request", tokenward_request, vhost)
    OFFSET("Request", tokenward_request, resource)
    OFFSET("Request", tokenward_request, routing_key)

    SIZE("Error", tokenward_error)
    OFFSET("Error", tokenward_error, struct_size)
    OFFSET("Error", tokenward_error, reason)
    OFFSET("Error", tokenward_error, retry_after_ms)
    OFFSET("Error", tokenward_error, message)
    OFFSET("Error", tokenward_error, hint)

    CONSTANT(ABI_VERSION)
    CONSTANT(OK)
    CONSTANT(REFUSED)
    CONSTANT(NOT_A_TOKEN)
    CONSTANT(TRY_AGAIN)
    CONSTANT(ERROR)
    CONSTANT(ALLOWED)
    CONSTANT(DENIED)
    CONSTANT(EXPIRED)
    CONSTANT(LOG_ERROR)
    CONSTANT(LOG_WARNING)
    CONSTANT(LOG_INFO)
    CONSTANT(LOG_DEBUG)
    CONSTANT(LOG_TO_STDERR)
    CONSTANT(LOG_TO_QUEUE)
    CONSTANT(LOG_LINE_SIZE)
    CONSTANT(SASL_PLAIN)
    CONSTANT(SASL_OAUTHBEARER)
    CONSTANT(USERNAME_PASSWORD)
    CONSTANT(HTTP_AUTHORIZATION)
    CONSTANT(BEARER_TOKEN)
    CONSTANT(CONFIGURE)
    CONSTANT(READ)
    CONSTANT(WRITE)
    CONSTANT(MQTT_FILTER)
    CONSTANT(MQTT_TOPIC)
    CONSTANT(ROUTING_KEY)
    CONSTANT(PAST_END)
    CONSTANT(CLIENT_ID_BOUND)
    CONSTANT(LAST_BACKEND)
    CONSTANT(ASKS_AGAIN)
    CONSTANT(REASON_INVALID_ARGUMENT)
    CONSTANT(REASON_BACKEND_CLOSED)
    CONSTANT(REASON_RESOURCE_LIMIT)
    return 0;
}
