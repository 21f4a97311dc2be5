#include "broker.hpp"

#include <memory>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <link.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

namespace tokenward::mosquitto_plugin {
namespace {

/// A function that plugins have since 2.1; NULL on 2.0.
template <class Function>
Function function_of_2_1(const char *name) {
    return reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
}

/// The client with an identifier, connected or not.
using ClientById = mosquitto *(*)(const char *);
ClientById client_by_id() {
    static const auto function = function_of_2_1<ClientById>("mosquitto_client");
    return function;
}

using PortOf = int (*)(const mosquitto *);
PortOf port_of() {
    static const auto function = function_of_2_1<PortOf>("mosquitto_client_port");
    return function;
}

}  // namespace

bool is_2_1() {
    return client_by_id() != nullptr;
}

std::optional<bool> is_registered(const void *client, const std::string &client_id) {
    const ClientById by_id = client_by_id();
    if (by_id == nullptr) return std::nullopt;
    return by_id(client_id.c_str()) == client;
}

std::optional<std::string> username_of(const std::string &client_id) {
    const ClientById by_id = client_by_id();
    const mosquitto *client = by_id == nullptr ? nullptr : by_id(client_id.c_str());
    if (client == nullptr || !has_address(client)) return std::nullopt;
    return std::string(text_or_empty(mosquitto_client_username(client)));
}

bool keeps_session(const std::string &client_id) {
    if (const ClientById by_id = client_by_id(); by_id != nullptr) return by_id(client_id.c_str()) != nullptr;
    // 2.0 has no question for it, but its answer to a kick tells: a client that isn't connected isn't touched by it.
    return mosquitto_kick_client_by_clientid(client_id.c_str(), true) == MOSQ_ERR_SUCCESS;
}

bool knows_ports() {
    return port_of() != nullptr;
}

int listener_port(const mosquitto *client) {
    return knows_ports() ? port_of()(client) : 0;
}

tokenward_context context_of(const mosquitto *client) {
    tokenward_context context = TOKENWARD_CONTEXT_INIT;
    context.protocol = host::borrow(mosquitto_client_protocol(client) == mp_websockets ? "mqtt-ws" : "mqtt");
    context.peer = host::borrow(text_or_empty(mosquitto_client_address(client)));
    context.client_id = host::borrow(text_or_empty(mosquitto_client_id(client)));
    return context;
}

std::string_view certificate_hash_of(const mosquitto *client, CertificateHash &hash) {
    // The broker asks for a certificate only to verify it (require_certificate), so its owner has the private key. Behind a
    // proxy that ends TLS there is none. It is ours to free.
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        static_cast<X509 *>(mosquitto_client_certificate(client)), X509_free);
    if (!certificate) return {};
    ERR_set_mark();
    unsigned size = 0;
    const bool done =
        X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size) == 1 && size == hash.size();
    ERR_pop_to_mark();
    return done ? std::string_view(reinterpret_cast<const char *>(hash.data()), hash.size())
                : std::string_view();
}

int unavailable(const mosquitto *client, bool tell) {
    // After a CONNACK that refuses, clients may give up: mosquitto_sub does after 136, mqtt.js with its default
    // settings reports an error. A connection that ends without one is a broken connection, and they come back. So both
    // versions get MOSQ_ERR_UNKNOWN, which closes without a CONNACK, whatever the way of authentication.
    // Mosquitto 2.1 turns 136 into MQTT 5's "server unavailable", but for older clients into "not authorized".
    // 2.0 doesn't know the code, and closes.
    constexpr int server_unavailable = 136;
    return tell && client != nullptr && mosquitto_client_protocol_version(client) == 5 ? server_unavailable
                                                                                       : MOSQ_ERR_UNKNOWN;
}

std::string plugin_ahead() {
    std::vector<std::string> files;
    const auto collect = [](dl_phdr_info *info, std::size_t, void *list) {
        if (info->dlpi_name != nullptr && *info->dlpi_name != '\0')
            static_cast<std::vector<std::string> *>(list)->emplace_back(info->dlpi_name);
        return 0;
    };
    ::dl_iterate_phdr(collect, &files);
    Dl_info own{};
    if (::dladdr(reinterpret_cast<const void *>(&plugin_ahead), &own) == 0) own.dli_fname = "";
    for (const std::string &file : files) {
        if (file == own.dli_fname) continue;
        void *object = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_NOLOAD);
        if (object == nullptr) continue;
        // The first is that of today's plugins, the second that of older ones, which the broker loads, too.
        const bool is_plugin = ::dlsym(object, "mosquitto_plugin_init") != nullptr ||
                               ::dlsym(object, "mosquitto_auth_plugin_init") != nullptr;
        (void)::dlclose(object);
        if (is_plugin) return file;
    }
    return {};
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
