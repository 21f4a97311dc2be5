#include "adapter.hpp"

#include "broker.hpp"

#include <cstring>
#include <ctime>
#include <limits>

namespace tokenward::mosquitto_plugin {
namespace {

constexpr std::size_t max_disconnected = 20000;
constexpr std::size_t max_log_lines = 1000;
constexpr unsigned denials_per_second = 10;
constexpr std::int64_t tick_patience_s = 3;

/// An MQTT topic has no routing key: a scope with three parts grants access to the vhost and nothing else.
constexpr std::string_view no_routing_keys = R"({"routing_keys":"off"})";

std::int64_t now() {
    return std::time(nullptr);
}

}  // namespace

Adapter::Adapter(Options options)
    : options_(std::move(options)),
      log_(max_log_lines),
      denials_(denials_per_second),
      sessions_(max_disconnected) {
    for (const std::string &file : options_.config_files) config_paths_.push_back(common::borrow(file));
}

Adapter::~Adapter() {
    expiry_.clear();
    sessions_.clear();
    backend_.reset();
    flush_log();
}

void Adapter::receive_log(void *user, std::int32_t level, const char *message, std::size_t size) {
    try {
        static_cast<Adapter *>(user)->log_.push(level, {message, size});
    } catch (...) {  // no memory for a log line: then it is lost
        return;
    }
}

void Adapter::flush_log() {
    log_.flush(write_broker_log);
}

tokenward_options Adapter::library_options() {
    auto options = common::sized<tokenward_options>();
    options.config_files = config_paths_.data();
    options.config_file_count = config_paths_.size();
    options.config_json = common::borrow(no_routing_keys);
    options.startup_wait_ms = options_.startup_wait_ms;
    options.max_wait_ms = 0;  // the broker has one thread
    options.log = receive_log;
    options.log_user = this;
    return options;
}

bool Adapter::start() {
    if (const std::string problem = library_.open(options_.library); !problem.empty()) {
        log_.push(TOKENWARD_LOG_ERROR, problem + "; set plugin_opt_library to the path of libtokenward.so.1");
        flush_log();
        return false;
    }
    const tokenward_options options = library_options();
    auto error = common::sized<tokenward_error>();
    tokenward_backend *backend = nullptr;
    const std::int32_t result = library_->create(&options, &backend, &error);
    if (result != TOKENWARD_OK) {
        log_.push(TOKENWARD_LOG_ERROR, describe(library_, error));
        flush_log();
        return false;
    }
    backend_ = common::own(library_, backend);
    log_.push(TOKENWARD_LOG_INFO, std::string("libtokenward ") + library_->version() + ", vhost " +
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
    if (options_.chain && event.username == nullptr && event.password == nullptr) {
        sessions_.leave_to_others(event.client, id);  // anonymous
        return MOSQ_ERR_PLUGIN_DEFER;
    }
    auto credentials = common::sized<tokenward_credentials>();
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.username = common::borrow(text_or_empty(event.username));
    credentials.password = common::borrow(text_or_empty(event.password));
    return authenticate(event.client, credentials, event.password);
}

int Adapter::on_ext_auth_start(const mosquitto_evt_extended_auth &event) {
    if (event.auth_method == nullptr || std::strcmp(event.auth_method, "OAUTHBEARER") != 0)
        return MOSQ_ERR_PLUGIN_DEFER;
    auto credentials = common::sized<tokenward_credentials>();
    credentials.kind = TOKENWARD_SASL_OAUTHBEARER;
    credentials.data = {static_cast<const char *>(event.data_in),
                        event.data_in == nullptr ? 0u : event.data_in_len};
    if (const common::Session *session = sessions_.session_of(event.client, identity_of(event.client)))
        return reauthenticate(event.client, *session, credentials);
    warn_if_no_tick();
    sessions_.disconnect(event.client);
    expiry_.remove(event.client);
    return authenticate(event.client, credentials, nullptr);
}

int Adapter::authenticate(mosquitto *client, const tokenward_credentials &credentials, const void *secret) {
    const tokenward_context context = context_of(client);
    auto error = common::sized<tokenward_error>();
    tokenward_session *session = nullptr;
    const std::int32_t result =
        library_->authenticate(backend_.get(), &credentials, &context, &session, &error);
    if (result == TOKENWARD_OK) return accept(client, common::own(library_, session), secret);
    if (result == TOKENWARD_NOT_A_TOKEN && !options_.chain) {
        // The library logs this at debug level, since the next backend of a chain may accept it. Without a
        // chain it is final, so it is logged here.
        const auto limit = denials_.ask(now());
        if (limit.write) {
            log_.push(TOKENWARD_LOG_WARNING, name_client(client) + " refused, " + describe(library_, error) +
                                                 left_out(limit.left_out_before));
        }
    }
    return refuse(client, result);
}

int Adapter::accept(mosquitto *client, common::Session session, const void *secret) {
    tokenward_string name{};
    std::int64_t expires_at = 0;
    if (library_->session_username(session.get(), &name) != TOKENWARD_OK ||
        library_->session_expires_at(session.get(), &expires_at) != TOKENWARD_OK) {
        return MOSQ_ERR_AUTH;
    }
    const std::string username(common::view(name));
    const char *id = mosquitto_client_id(client);
    // From here on the broker knows the client by the token's username, never by what the client typed. The
    // username holds no NUL: the library refuses control characters in it.
    if (id == nullptr || mosquitto_set_username(client, username.c_str()) != MOSQ_ERR_SUCCESS)
        return MOSQ_ERR_NOMEM;
    sessions_.add(client, {id, username}, std::move(session), secret);
    expiry_.set(client, expires_at);
    return MOSQ_ERR_SUCCESS;
}

int Adapter::reauthenticate(const mosquitto *client, const common::Session &session,
                            const tokenward_credentials &credentials) {
    const tokenward_context context = context_of(client);
    auto error = common::sized<tokenward_error>();
    const std::int32_t result = library_->session_refresh(session.get(), &credentials, &context, &error);
    if (result != TOKENWARD_OK) return refuse(nullptr, result);
    std::int64_t expires_at = 0;
    if (library_->session_expires_at(session.get(), &expires_at) != TOKENWARD_OK) return MOSQ_ERR_AUTH;
    expiry_.set(client, expires_at);
    return MOSQ_ERR_SUCCESS;
}

int Adapter::refuse(mosquitto *client, std::int32_t result) {
    switch (result) {
        case TOKENWARD_NOT_A_TOKEN:
            if (!options_.chain || client == nullptr) return MOSQ_ERR_AUTH;
            sessions_.leave_to_others(client, text_or_empty(mosquitto_client_id(client)));
            return MOSQ_ERR_PLUGIN_DEFER;
        case TOKENWARD_REFUSED:
            return MOSQ_ERR_AUTH;
        // A key is being fetched, or something failed here: "not authorized" would tell the client to give up.
        default:
            return unavailable(client);
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
        log_.push(TOKENWARD_LOG_INFO, "client " + common::quoted(id) + " is disconnected: its token has ended");
        kicked_ = *due;
        mosquitto_kick_client_by_clientid(id.c_str(), true);  // calls on_acl_check and on_disconnect
        kicked_ = nullptr;
    }
    flush_log();
}

void Adapter::on_reload() {
    reloading_ = ticking_;  // only a tick ends it
    const tokenward_options options = library_options();
    auto error = common::sized<tokenward_error>();
    if (library_->reload(backend_.get(), &options, &error) != TOKENWARD_OK) {
        log_.push(TOKENWARD_LOG_ERROR, "the old configuration stays in force: " + describe(library_, error));
    }
}

void Adapter::warn_if_no_tick() {
    if (ticking_ || warned_no_tick_) return;
    if (first_login_ == 0) first_login_ = now();
    if (now() - first_login_ < tick_patience_s) return;
    warned_no_tick_ = true;
    log_.push(TOKENWARD_LOG_WARNING,
              "this broker calls no tick (Mosquitto 2.0 with per_listener_settings true): a client whose token "
              "has ended may do nothing, but stays connected");
}

}  // namespace tokenward::mosquitto_plugin
