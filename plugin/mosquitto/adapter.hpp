// The adapter answers Mosquitto's questions by libtokenward. One per plugin instance, on the broker's thread.
#pragma once

#include "expiry_queue.hpp"
#include "options.hpp"
#include "session_table.hpp"
#include "tokenward.hpp"

#include <cstdint>
#include <string>
#include <vector>

struct mosquitto;
struct mosquitto_evt_acl_check;
struct mosquitto_evt_basic_auth;
struct mosquitto_evt_extended_auth;

namespace tokenward::mosquitto_plugin {

/// Every on_* returns what the broker's callback must return (MOSQ_ERR_*).
class Adapter {
  public:
    explicit Adapter(Options options);
    ~Adapter();
    Adapter(const Adapter &) = delete;
    Adapter &operator=(const Adapter &) = delete;

    /// Loads the library, creates the backend, waits up to startup_wait for keys. On false, the log says why
    /// and the broker must not start.
    bool start();

    int on_basic_auth(const mosquitto_evt_basic_auth &event);
    int on_ext_auth_start(const mosquitto_evt_extended_auth &event);
    int on_acl_check(const mosquitto_evt_acl_check &event);
    void on_disconnect(const mosquitto *client);
    void on_tick();
    void on_reload();

    /// Hands waiting log lines of the library to the broker.
    void flush_log();

  private:
    int authenticate(mosquitto *client, const tokenward_credentials &credentials, const void *secret);
    int reauthenticate(const mosquitto *client, const host::Session &session,
                       const tokenward_credentials &credentials);
    int accept(mosquitto *client, host::Session session, const void *secret);
    /// Another plugin, or the broker itself, decides about this connection, whatever it was before.
    int defer(mosquitto *client);
    /// The code for the broker when the result isn't OK. Never MOSQ_ERR_SUCCESS.
    int refuse(mosquitto *client, std::int32_t result);
    bool is_known_to_reload(const mosquitto_evt_basic_auth &event, int &answer) const;

    int decide_stored(const Found &found, const tokenward_request &request, int access) const;
    void warn_if_no_tick();
    tokenward_options library_options();
    /// What is wrong with the usernames that the configuration gives, if others decide by them; empty: nothing.
    std::string shared_names_problem(const tokenward_options &options) const;

    const Options options_;
    std::vector<tokenward_string> config_paths_;
    std::string plugin_ahead_;  ///< the file of a plugin that the broker asks before this one
    host::Library library_;
    host::Backend backend_;
    SessionTable sessions_;
    ExpiryQueue expiry_;

    ClientKey kicked_ = nullptr;  ///< the client that on_tick is disconnecting
    bool ticking_ = false;        ///< the broker has called TICK
    bool reloading_ = false;      ///< between RELOAD and the next TICK
    std::int64_t first_login_ = 0;
    bool warned_no_tick_ = false;
};

}  // namespace tokenward::mosquitto_plugin
