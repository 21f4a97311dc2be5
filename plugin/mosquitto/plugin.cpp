// The entry points that Mosquitto looks up, and its C callbacks, which call the adapter. No exception gets out:
// a callback that fails answers no.
#include "adapter.hpp"
#include "broker.hpp"

#include <memory>
#include <new>
#include <variant>
#include <vector>

namespace {

using tokenward::mosquitto_plugin::Adapter;
using tokenward::mosquitto_plugin::is_2_1;

constexpr int plugin_version = 5;

struct Instance {
    mosquitto_plugin_id_t *id = nullptr;
    std::unique_ptr<Adapter> adapter;
    bool has_message = false;  ///< MOSQ_EVT_MESSAGE is registered
    Instance *next = nullptr;
};

/// With per_listener_settings each listener has an instance of its own.
Instance *instances = nullptr;

/// Calls the adapter, then writes the library's waiting log lines unless the answer is a yes: then the next tick does.
/// Returns `on_failure` if something throws.
template <class Call>
int guarded(void *user, int on_failure, Call call) noexcept {
    Adapter &adapter = *static_cast<Instance *>(user)->adapter;
    int answer = on_failure;
    try {
        answer = call(adapter);
        if (answer != MOSQ_ERR_SUCCESS) adapter.flush_log();
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

int ext_auth_continue(int, void *event, void *user) {
    return guarded(user, MOSQ_ERR_AUTH, [&](Adapter &adapter) {
        return adapter.on_ext_auth_continue(*static_cast<mosquitto_evt_extended_auth *>(event));
    });
}

[[gnu::noinline]] int decide(void *event, void *user) {
    // Any code but SUCCESS, ACL_DENIED and PLUGIN_DEFER would drop the client.
    return guarded(user, MOSQ_ERR_ACL_DENIED, [&](Adapter &adapter) {
        return adapter.on_acl_check(*static_cast<mosquitto_evt_acl_check *>(event));
    });
}

/// 2.1 also asks on the thread of its HTTP API.
template <bool one_thread>
int acl_check(int, void *event, void *user) {
    const auto &check = *static_cast<mosquitto_evt_acl_check *>(event);
    Adapter &adapter = *static_cast<Instance *>(user)->adapter;
    const bool was_allowed = (one_thread || adapter.on_broker_thread()) &&
                             adapter.was_allowed(check.client, check.access, check.topic);
    return was_allowed ? MOSQ_ERR_SUCCESS : decide(event, user);
}

int disconnect(int, void *event, void *user) {
    return guarded(user, MOSQ_ERR_SUCCESS, [&](Adapter &adapter) {
        const mosquitto *client = static_cast<mosquitto_evt_disconnect *>(event)->client;
        // 2.1 has another event for durable sessions, but a delayed will may be left behind this one, too.
        adapter.on_disconnect(client, is_2_1() || mosquitto_client_protocol_version(client) == 5 ||
                                          !mosquitto_client_clean_session(client));
        return MOSQ_ERR_SUCCESS;
    });
}

/// 2.1's event for a client that was let in. Its struct begins as that of DISCONNECT.
int connect(int, void *event, void *user) {
    return guarded(user, MOSQ_ERR_SUCCESS, [&](Adapter &adapter) {
        adapter.on_connect(static_cast<mosquitto_evt_disconnect *>(event)->client);
        return MOSQ_ERR_SUCCESS;
    });
}

/// 2.1's event for the end of a connection whose session stays. Its struct begins as that of DISCONNECT.
int client_offline(int, void *event, void *user) {
    return guarded(user, MOSQ_ERR_SUCCESS, [&](Adapter &adapter) {
        adapter.on_disconnect(static_cast<mosquitto_evt_disconnect *>(event)->client, true);
        return MOSQ_ERR_SUCCESS;
    });
}

/// The time until the next tick, on 2.1, which else ticks on every pass of its loop, and sleeps until a socket wakes it if
/// it was built without websockets.
constexpr long tick_ms = 100;

int message(int, void *event, void *) {
    // The publisher's listener is asked; the message may be for clients of all.
    for (Instance *instance = instances; instance != nullptr; instance = instance->next) {
        (void)guarded(instance, MOSQ_ERR_SUCCESS, [&](Adapter &adapter) {
            adapter.on_message(static_cast<mosquitto_evt_message *>(event)->client);
            return MOSQ_ERR_SUCCESS;
        });
    }
    return MOSQ_ERR_SUCCESS;
}

[[gnu::noinline]] int work(void *event, void *user) {
    Instance &instance = *static_cast<Instance *>(user);
    if (instance.has_message) {
        instance.has_message = false;
        (void)mosquitto_callback_unregister(instance.id, MOSQ_EVT_MESSAGE, message, nullptr);
    }
    // 2.1 reads milliseconds where 2.0 has a name for nanoseconds, and reads nothing.
    static_cast<mosquitto_evt_tick *>(event)->next_ns = tick_ms;
    return guarded(user, MOSQ_ERR_SUCCESS, [](Adapter &adapter) {
        adapter.on_tick();
        return MOSQ_ERR_SUCCESS;
    });
}

int tick(int, void *event, void *user) {
    return static_cast<Instance *>(user)->adapter->skips_tick() ? MOSQ_ERR_SUCCESS : work(event, user);
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

// The headers of 2.0 lack them.
constexpr int event_connect = 11;
constexpr int event_client_offline = 28;

enum class Versions { all, only_2_0, since_2_1 };

struct Registration {
    int event;
    MOSQ_FUNC_generic_callback callback;
    Versions versions = Versions::all;
};

constexpr Registration registrations[] = {
    {MOSQ_EVT_BASIC_AUTH, basic_auth},
    {MOSQ_EVT_EXT_AUTH_START, ext_auth_start},
    {MOSQ_EVT_EXT_AUTH_CONTINUE, ext_auth_continue},
    {MOSQ_EVT_ACL_CHECK, acl_check<true>, Versions::only_2_0},
    {MOSQ_EVT_ACL_CHECK, acl_check<false>, Versions::since_2_1},
    {MOSQ_EVT_DISCONNECT, disconnect},
    {event_connect, connect, Versions::since_2_1},
    {event_client_offline, client_offline, Versions::since_2_1},
    {MOSQ_EVT_TICK, tick},
    // Only for a broker that calls no tick: the first tick takes it away.
    {MOSQ_EVT_MESSAGE, message, Versions::only_2_0},
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
        if (entry.versions == (is_2_1() ? Versions::only_2_0 : Versions::since_2_1)) continue;
        const int result =
            mosquitto_callback_register(identifier, entry.event, entry.callback, nullptr, instance.get());
        if (result != MOSQ_ERR_SUCCESS) {
            write_broker_log(TOKENWARD_LOG_ERROR,
                             "can't register with the broker: is the plugin loaded twice?");
            unregister_all(*instance);
            return result;
        }
    }
    instance->has_message = !is_2_1();
    instance->next = instances;
    instances = instance.get();
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
    if (!instance) return MOSQ_ERR_SUCCESS;
    unregister_all(*instance);
    for (Instance **place = &instances; *place != nullptr; place = &(*place)->next) {
        if (*place != instance.get()) continue;
        *place = instance->next;
        break;
    }
    return MOSQ_ERR_SUCCESS;
}

}  // extern "C"
