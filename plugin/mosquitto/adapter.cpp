#include "adapter.hpp"

#include "broker.hpp"
#include "chain_names.hpp"
#include "names.hpp"

#include <cstring>
#include <ctime>
#include <limits>

namespace tokenward::mosquitto_plugin {
namespace {

constexpr std::size_t max_disconnected = 20000;
constexpr std::int64_t tick_patience_s = 3;

/// An MQTT topic has no routing key: a scope with three parts grants access to the vhost and nothing else.
constexpr std::string_view no_routing_keys = R"({"routing_keys":"off"})";

std::int64_t now() {
    return std::time(nullptr);
}

}  // namespace

Adapter::Adapter(Options options) : options_(std::move(options)), sessions_(max_disconnected) {
    for (const std::string &file : options_.config_files) config_paths_.push_back(host::borrow(file));
}

Adapter::~Adapter() {
    expiry_.clear();
    sessions_.clear();
    flush_log();
    backend_.reset();
}

void Adapter::flush_log() {
    // On every pass of the broker's loop: without a line it costs a read of an atomic.
    backend_.drain_log([](std::int32_t level, const char *line, std::size_t size) {
        write_broker_log(level, {line, size});
    });
}

tokenward_options Adapter::library_options() {
    tokenward_options options = TOKENWARD_OPTIONS_INIT;
    options.config_files = config_paths_.data();
    options.config_file_count = config_paths_.size();
    options.config_json = host::borrow(no_routing_keys);
    options.startup_wait_ms = options_.startup_wait_ms;
    options.max_wait_ms = 0;                    // the broker has one thread
    options.log_mode = TOKENWARD_LOG_TO_QUEUE;  // only the broker's thread may write to the broker's log
    return options;
}

std::string Adapter::shared_names_problem(const tokenward_options &options) const {
    if (options_.shared_names || (!options_.chain && plugin_ahead_.empty())) return {};
    host::Error error;
    std::string settings;
    if (library_.config_check(&options, settings, error) != TOKENWARD_OK) return library_.describe(error);
    const std::string sections = sections_without_prefix(settings);
    if (sections.empty()) return {};
    const std::string end =
        " (or plugin_opt_shared_names true, if every name that the provider gives is meant there, too)";
    if (options_.chain) {
        return "plugin_opt_chain true: a token's username could be that of another plugin's client or of a "
               "line in "
               "acl_file, and get its rights: set username_prefix in " +
               sections + end;
    }
    return "the plugin " + common::quoted(plugin_ahead_, 256) +
           " is loaded before this one, and could give a token the rights that it has for the token's "
           "username: load "
           "this plugin first, or set username_prefix in " +
           sections + end;
}

bool Adapter::start() {
    if (const std::string problem = library_.open(options_.library); !problem.empty()) {
        write_broker_log(TOKENWARD_LOG_ERROR,
                         problem + "; set plugin_opt_library to the path of libtokenward.so.1");
        return false;
    }
    const tokenward_options options = library_options();
    plugin_ahead_ = plugin_ahead();
    if (const std::string problem = shared_names_problem(options); !problem.empty()) {
        write_broker_log(TOKENWARD_LOG_ERROR, problem);
        return false;
    }
    host::Error error;
    if (backend_.create(library_, &options, error) != TOKENWARD_OK) {
        write_broker_log(TOKENWARD_LOG_ERROR, library_.describe(error));
        return false;
    }
    write_broker_log(TOKENWARD_LOG_INFO, std::string("libtokenward ") + library_->version() + ", vhost " +
                                             common::quoted(options_.vhost) +
                                             (options_.chain ? ", in a chain with other backends" : ""));
    flush_log();
    return true;
}

int Adapter::on_basic_auth(const mosquitto_evt_basic_auth &event) {
    if (int answer = MOSQ_ERR_AUTH; reloading_ && is_known_to_reload(event, answer)) return answer;
    warn_if_no_tick();
    // The pointer may have been another client's: a new connection begins without a session.
    sessions_.disconnect(event.client);
    expiry_.remove(event.client);
    const char *id = mosquitto_client_id(event.client);
    if (id == nullptr) return MOSQ_ERR_AUTH;
    if (options_.chain && event.username == nullptr && event.password == nullptr) return defer(event.client);
    tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.username = host::borrow(text_or_empty(event.username));
    credentials.password = host::borrow(text_or_empty(event.password));
    return authenticate(event.client, credentials, event.password);
}

int Adapter::on_ext_auth_start(const mosquitto_evt_extended_auth &event) {
    if (event.auth_method == nullptr || std::strcmp(event.auth_method, "OAUTHBEARER") != 0)
        return defer(event.client);
    tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
    credentials.kind = TOKENWARD_SASL_OAUTHBEARER;
    credentials.data = {static_cast<const char *>(event.data_in),
                        event.data_in == nullptr ? 0u : event.data_in_len};
    if (const host::Session *session = sessions_.session_of(event.client, identity_of(event.client)))
        return reauthenticate(event.client, *session, credentials);
    warn_if_no_tick();
    sessions_.disconnect(event.client);
    expiry_.remove(event.client);
    return authenticate(event.client, credentials, nullptr);
}

int Adapter::authenticate(mosquitto *client, const tokenward_credentials &credentials, const void *secret) {
    tokenward_context context = context_of(client);
    if (!options_.chain) context.flags |= TOKENWARD_LAST_BACKEND;
    host::Error error;
    host::Session session;
    const std::int32_t result = backend_.authenticate(credentials, &context, session, error);
    if (result == TOKENWARD_OK) return accept(client, std::move(session), secret);
    return refuse(client, result);
}

int Adapter::accept(mosquitto *client, host::Session session, const void *secret) {
    const std::string username(session.username());
    const std::int64_t expires_at = session.expires_at();
    if (username.empty()) return MOSQ_ERR_AUTH;
    const char *id = mosquitto_client_id(client);
    if (id != nullptr && !options_.takeover_any && sessions_.is_anothers(client, {id, username})) {
        // The broker would end the other connection. This isn't final: the other may be gone the next time.
        write_broker_log(TOKENWARD_LOG_WARNING, "client " + common::quoted(id) +
                                                    " is connected with another username than " +
                                                    common::quoted(username) +
                                                    ", whose token must not throw it out: the new connection "
                                                    "is closed (plugin_opt_takeover any allows it)");
        return MOSQ_ERR_UNKNOWN;
    }
    // From here on the broker knows the client by the token's username, never by what the client typed. The
    // username holds no NUL: the library refuses control characters in it.
    if (id == nullptr || mosquitto_set_username(client, username.c_str()) != MOSQ_ERR_SUCCESS)
        return MOSQ_ERR_NOMEM;
    sessions_.add(client, {id, username}, std::move(session), secret);
    expiry_.set(client, expires_at);
    return MOSQ_ERR_SUCCESS;
}

int Adapter::reauthenticate(const mosquitto *client, const host::Session &session,
                            const tokenward_credentials &credentials) {
    const tokenward_context context = context_of(client);
    host::Error error;
    const std::int32_t result = session.refresh(credentials, &context, error);
    if (result != TOKENWARD_OK) return refuse(nullptr, result);
    expiry_.set(client, session.expires_at());
    return MOSQ_ERR_SUCCESS;
}

int Adapter::defer(mosquitto *client) {
    expiry_.remove(client);
    if (options_.chain) {
        sessions_.leave_to_others(client, text_or_empty(mosquitto_client_id(client)));
    } else {
        sessions_.disconnect(client);
    }
    return MOSQ_ERR_PLUGIN_DEFER;
}

int Adapter::refuse(mosquitto *client, std::int32_t result) {
    switch (result) {
        case TOKENWARD_NOT_A_TOKEN:
            if (!options_.chain || client == nullptr) return MOSQ_ERR_AUTH;
            return defer(client);
        case TOKENWARD_REFUSED:
            return MOSQ_ERR_AUTH;
        // A key is being fetched, or something failed here: "not authorized" would tell the client to give up.
        default:
            return unavailable(client, options_.tell_unavailable);
    }
}

bool Adapter::is_known_to_reload(const mosquitto_evt_basic_auth &event, int &answer) const {
    // After SIGHUP the broker checks the password of every client again, also of durable sessions without a
    // connection. A connected client keeps its session until the token ends, whatever was reloaded. A session
    // without a connection is checked when it connects. No new connection comes in between, except over
    // websockets.
    if (sessions_.is_other_backends(event.client)) {
        answer = MOSQ_ERR_PLUGIN_DEFER;
        return true;
    }
    const Identity identity = identity_of(event.client);
    if (sessions_.is_recheck(event.client, identity, event.password)) {
        answer = MOSQ_ERR_SUCCESS;
        return true;
    }
    if (mosquitto_client_protocol(event.client) == mp_websockets) return false;
    const Found found = sessions_.find(event.client, identity, has_address(event.client));
    answer = MOSQ_ERR_SUCCESS;
    return found.state == ClientState::disconnected || found.state == ClientState::stored;
}

void Adapter::on_disconnect(const mosquitto *client) {
    // Without an identifier the login failed. With one, a client of another backend has the identity now.
    if (sessions_.is_other_backends(client) && mosquitto_client_id(client) != nullptr)
        sessions_.forget(identity_of(client));
    sessions_.disconnect(client);
    expiry_.remove(client);
}

void Adapter::on_tick() {
    ticking_ = true;
    reloading_ = false;
    const std::int64_t time = now();
    while (const auto due = expiry_.take_due(time)) {
        const std::string id = sessions_.client_id(*due);
        if (id.empty()) continue;
        if (!sessions_.owns_client_id(*due)) {
            // The broker kicks by identifier, and during a takeover that is another connection's.
            expiry_.set(*due, time + 1);
            continue;
        }
        write_broker_log(TOKENWARD_LOG_INFO,
                         "client " + common::quoted(id) + " is disconnected: its token has ended");
        kicked_ = *due;
        mosquitto_kick_client_by_clientid(id.c_str(), true);  // calls on_acl_check and on_disconnect
        kicked_ = nullptr;
    }
    flush_log();
}

void Adapter::on_reload() {
    reloading_ = ticking_;  // only a tick ends it
    const tokenward_options options = library_options();
    std::string problem = shared_names_problem(options);
    host::Error error;
    if (problem.empty() && backend_.reload(&options, error) != TOKENWARD_OK) problem = library_.describe(error);
    if (!problem.empty())
        write_broker_log(TOKENWARD_LOG_ERROR, "the old configuration stays in force: " + problem);
}

void Adapter::warn_if_no_tick() {
    if (ticking_ || warned_no_tick_) return;
    if (first_login_ == 0) first_login_ = now();
    if (now() - first_login_ < tick_patience_s) return;
    warned_no_tick_ = true;
    write_broker_log(
        TOKENWARD_LOG_WARNING,
        "this broker calls no tick (Mosquitto 2.0 with per_listener_settings true): a client whose token "
        "has ended may do nothing, but stays connected");
}

}  // namespace tokenward::mosquitto_plugin
