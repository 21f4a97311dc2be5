// The adapter answers Mosquitto's questions by libtokenward. One per plugin instance, on the broker's thread; only
// questions about the HTTP API of 2.1 come from other threads, and are handed to HttpApi.
#pragma once

#include "broker.hpp"
#include "expiry_queue.hpp"
#include "http_api.hpp"
#include "line_limit.hpp"
#include "options.hpp"
#include "session_table.hpp"
#include "tokenward.hpp"

#include <cstdint>
#include <string>
#include <thread>
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
    int on_ext_auth_continue(const mosquitto_evt_extended_auth &event);
    int on_acl_check(const mosquitto_evt_acl_check &event);
    [[nodiscard]] bool on_broker_thread() const { return __builtin_thread_pointer() == broker_thread_; }
    /// Whether that is known to be allowed. On the broker's thread.
    bool was_allowed(const mosquitto *client, int access, const char *topic) {
        return sessions_.grants().holds_next(client, access, topic);
    }
    /// A client has been let in, by whomever. Only 2.1 says so.
    void on_connect(const mosquitto *client);
    /// durable: the broker may keep the client's session.
    void on_disconnect(const mosquitto *client, bool durable);
    /// A publish of the client has been allowed, and isn't delivered yet. Needed where the broker calls no tick.
    void on_message(const mosquitto *client);
    void on_tick();
    /// Whether this tick may be left out.
    bool skips_tick() { return --ticks_to_skip_ >= 0; }
    void on_reload();

    /// Hands waiting log lines of the library to the broker.
    void flush_log();

  private:
    /// Tokens that end in this second, or earlier, have ended for the plugin.
    static std::int64_t ending_second();
    void begin_login(const mosquitto *client);
    /// It borrows `certificate`.
    tokenward_context login_context(const mosquitto *client, CertificateHash &certificate) const;
    int authenticate(mosquitto *client, const tokenward_credentials &credentials, const void *secret);
    int reauthenticate(const mosquitto *client, const host::Session &session,
                       const tokenward_credentials &credentials);
    int accept(mosquitto *client, host::Session session, const void *secret);
    /// Whether the username may have the identifier; else the log says why not, and `answer` is for the broker.
    bool may_have(const mosquitto *client, const std::string &id, const std::string &username, int &answer);
    /// Another plugin, or the broker itself, decides about this connection, whatever it was before.
    int defer(mosquitto *client, bool several_steps);
    /// The code for the broker when the result isn't OK. Never MOSQ_ERR_SUCCESS.
    int refuse(mosquitto *client, std::int32_t result, bool several_steps);
    bool is_known_to_reload(const mosquitto_evt_basic_auth &event, int &answer);

    /// False: no client may, and the answer is a denial.
    bool make_request(const mosquitto_evt_acl_check &event, tokenward_request &request);
    int decide_left(const Found &found, const mosquitto_evt_acl_check &event, const tokenward_request &request);
    /// A client that another plugin, or the broker itself, lets in.
    int leave_to_others(const mosquitto_evt_acl_check &event);
    /// A line for a denial that no session can tell.
    void log_denial(const mosquitto_evt_acl_check &event, const char *why);
    /// After a reload: looks anew when sessions end.
    void renew_ends();
    /// Disconnects clients whose tokens end, or whom the operator denied, but not `except`, which the broker is serving.
    void end_due(const mosquitto *except);
    void warn_if_no_tick();
    tokenward_options library_options();
    /// Reads the usernames that the configuration gives. What is wrong with them, if others decide by them; empty:
    /// nothing.
    std::string read_names(const tokenward_options &options, std::vector<std::string> &prefixes) const;
    /// Whether an operator has ended the session: nothing else ends it for this question.
    [[nodiscard]] static bool is_denied(const host::Session &session);
    void add_prefixes(const std::vector<std::string> &prefixes);
    /// True if only a token can have given the name.
    [[nodiscard]] bool is_name_of_token(std::string_view username) const;

    const Options options_;
    std::vector<tokenward_string> config_paths_;
    std::string plugin_ahead_;           ///< the file of a plugin that the broker asks before this one
    std::vector<std::string> prefixes_;  ///< in a chain: those of the configuration now and of earlier ones
    host::Library library_;
    host::Backend backend_;
    HttpApi http_api_;
    SessionTable sessions_;
    ExpiryQueue expiry_;
    LineLimit denials_;
    LineLimit refusals_;
    const void *const broker_thread_ = __builtin_thread_pointer();

    ClientKey kicked_ = nullptr;  ///< the client that end_due is disconnecting
    bool asking_broker_ = false;  ///< whether it keeps a session, by a kick that disconnects nobody
    bool ticking_ = false;        ///< the broker has called TICK
    std::int64_t ending_ = 0;     ///< ending_second() when end_due last looked
    const int skipped_ticks_;
    int ticks_to_skip_ = 0;          ///< unless something happens
    bool reloading_ = false;         ///< between RELOAD and the next TICK
    std::int64_t reloaded_ = 0;      ///< when
    std::int64_t last_tick_ms_ = 0;  ///< by the monotonic clock
    std::int64_t next_work_ms_ = 0;  ///< by the monotonic clock
    std::int64_t first_login_ = 0;
    bool warned_no_tick_ = false;
};

}  // namespace tokenward::mosquitto_plugin
