// The entry points that Mosquitto looks up, and its C callbacks, which call the adapter. No exception gets out:
// a callback that fails answers no.
#include "adapter.hpp"
#include "broker.hpp"

#include <memory>
#include <new>
#include <variant>
#include <vector>

#include <dlfcn.h>

namespace {

using tokenward::mosquitto_plugin::Adapter;

constexpr int plugin_version = 5;

struct Instance {
    mosquitto_plugin_id_t *id = nullptr;
    std::unique_ptr<Adapter> adapter;
};

/// Calls the adapter, then writes the library's waiting log lines. Returns `on_failure` if something throws.
template <class Call>
int guarded(void *user, int on_failure, Call call) noexcept {
    Adapter &adapter = *static_cast<Instance *>(user)->adapter;
    int answer = on_failure;
    try {
        answer = call(adapter);
        adapter.flush_log();
    } catch (...) {
        return on_failure;
    }
    return answer;
}

int basic_auth(int, void *event, void *user) {
    return guarded(user, MOSQ_ERR_NOMEM, [&](Adapter &adapter) {
        return adapter.on_basic_auth(*static_cast<mosquitto_evt_basic_auth *>(event));
    });
}

int ext_auth_start(int, void *event, void *user) {
    return guarded(user, MOSQ_ERR_NOMEM, [&](Adapter &adapter) {
        return adapter.on_ext_auth_start(*static_cast<mosquitto_evt_extended_auth *>(event));
    });
}

int acl_check(int, void *event, void *user) {
    // Any code but SUCCESS, ACL_DENIED and PLUGIN_DEFER would drop the client.
    return guarded(user, MOSQ_ERR_ACL_DENIED, [&](Adapter &adapter) {
        return adapter.on_acl_check(*static_cast<mosquitto_evt_acl_check *>(event));
    });
}

/// The end of a connection. 2.1 calls it CLIENT_OFFLINE if the client's session stays; the two events' structs begin
/// alike.
int disconnect(int, void *event, void *user) {
    return guarded(user, MOSQ_ERR_SUCCESS, [&](Adapter &adapter) {
        adapter.on_disconnect(static_cast<mosquitto_evt_disconnect *>(event)->client);
        return MOSQ_ERR_SUCCESS;
    });
}

int tick(int, void *, void *user) {
    return guarded(user, MOSQ_ERR_SUCCESS, [](Adapter &adapter) {
        adapter.on_tick();
        return MOSQ_ERR_SUCCESS;
    });
}

/// Told by a function that plugins have since 2.1.
bool is_2_1() noexcept {
    return ::dlsym(RTLD_DEFAULT, "mosquitto_persist_client_add") != nullptr;
}

/// Mosquitto 2.0 lets the next plugins reload only after DEFER; 2.1 ends if it gets DEFER.
int reload_answer() noexcept {
    return is_2_1() ? MOSQ_ERR_SUCCESS : MOSQ_ERR_PLUGIN_DEFER;
}

int reload(int, void *, void *user) {
    const int answer = reload_answer();
    return guarded(user, answer, [answer](Adapter &adapter) {
        adapter.on_reload();
        return answer;
    });
}

/// MOSQ_EVT_CLIENT_OFFLINE; the headers of 2.0 lack it, and 2.0 refuses to register it.
constexpr int client_offline = 28;

struct Registration {
    int event;
    MOSQ_FUNC_generic_callback callback;
    bool since_2_1 = false;
};

constexpr Registration registrations[] = {
    {MOSQ_EVT_BASIC_AUTH, basic_auth},  {MOSQ_EVT_EXT_AUTH_START, ext_auth_start},
    {MOSQ_EVT_ACL_CHECK, acl_check},    {MOSQ_EVT_DISCONNECT, disconnect},
    {client_offline, disconnect, true}, {MOSQ_EVT_TICK, tick},
    {MOSQ_EVT_RELOAD, reload},
};

void unregister_all(const Instance &instance) {
    for (const Registration &entry : registrations)
        (void)mosquitto_callback_unregister(instance.id, entry.event, entry.callback, nullptr);
}

int start(mosquitto_plugin_id_t *identifier, void **user_data, const mosquitto_opt *options, int option_count) {
    using namespace tokenward::mosquitto_plugin;
    std::vector<OptionLine> lines;
    lines.reserve(option_count > 0 ? static_cast<std::size_t>(option_count) : 0);
    for (int i = 0; i < option_count; ++i)
        lines.emplace_back(text_or_empty(options[i].key), text_or_empty(options[i].value));
    auto parsed = parse_options(lines);
    if (const auto *problem = std::get_if<std::string>(&parsed)) {
        write_broker_log(TOKENWARD_LOG_ERROR, *problem);
        return MOSQ_ERR_INVAL;
    }
    auto instance = std::make_unique<Instance>();
    instance->id = identifier;
    instance->adapter = std::make_unique<Adapter>(std::move(std::get<Options>(parsed)));
    if (!instance->adapter->start()) return MOSQ_ERR_INVAL;
    for (const Registration &entry : registrations) {
        if (entry.since_2_1 && !is_2_1()) continue;
        const int result =
            mosquitto_callback_register(identifier, entry.event, entry.callback, nullptr, instance.get());
        if (result != MOSQ_ERR_SUCCESS) {
            write_broker_log(TOKENWARD_LOG_ERROR,
                             "can't register with the broker: is the plugin loaded twice?");
            unregister_all(*instance);
            return result;
        }
    }
    *user_data = instance.release();
    return MOSQ_ERR_SUCCESS;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int mosquitto_plugin_version(int supported_version_count,
                                                                    const int *supported_versions) {
    for (int i = 0; i < supported_version_count; ++i) {
        if (supported_versions[i] == plugin_version) return plugin_version;
    }
    return -1;
}

__attribute__((visibility("default"))) int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier,
                                                                 void **user_data, mosquitto_opt *options,
                                                                 int option_count) {
    try {
        return start(identifier, user_data, options, option_count);
    } catch (const std::bad_alloc &) {
        return MOSQ_ERR_NOMEM;
    } catch (...) {
        return MOSQ_ERR_UNKNOWN;
    }
}

__attribute__((visibility("default"))) int mosquitto_plugin_cleanup(void *user_data, mosquitto_opt *, int) {
    const std::unique_ptr<Instance> instance(static_cast<Instance *>(user_data));
    if (instance) unregister_all(*instance);
    return MOSQ_ERR_SUCCESS;
}

}  // extern "C"
