#include "adapter.hpp"

#include "broker.hpp"

#include <cstring>
#include <ctime>
#include <limits>

namespace tokenward::mosquitto_plugin {
namespace {

constexpr std::size_t max_departed = 20000;
constexpr std::size_t max_log_lines = 1000;
constexpr unsigned denials_per_second = 10;
constexpr std::int64_t tick_patience_s = 3;

/// An MQTT topic has no routing key: scopes with three parts grant nothing here but access to the vhost.
constexpr std::string_view no_routing_keys = R"({"routing_keys":"off"})";

std::int64_t now() {
    return std::time(nullptr);
}

}  // namespace

Adapter::Adapter(Options options)
    : options_(std::move(options)), log_(max_log_lines), denials_(denials_per_second), sessions_(max_departed) {
    for (const std::string &file : options_.config_files) config_paths_.push_back(host::borrow(file));
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
    auto options = host::sized<tokenward_options>();
    options.config_files = config_paths_.data();
    options.config_file_count = config_paths_.size();
    options.config_json = host::borrow(no_routing_keys);
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
    auto error = host::sized<tokenward_error>();
    tokenward_backend *backend = nullptr;
    const std::int32_t result = library_->create(&options, &backend, &error);
    if (result != TOKENWARD_OK) {
        log_.push(TOKENWARD_LOG_ERROR, describe(library_, error));
        flush_log();
        return false;
    }
    backend_ = host::own(library_, backend);
    log_.push(TOKENWARD_LOG_INFO, std::string("libtokenward ") + library_->version() + ", vhost " +
                                      host::quoted(options_.vhost) +
                                      (options_.chain ? ", in a chain with other backends" : ""));
    flush_log();
    return true;
}

int Adapter::on_basic_auth(const mosquitto_evt_basic_auth &event) {
    if (int answer = MOSQ_ERR_AUTH; reloading_ && is_known_to_reload(event, answer)) return answer;
    warn_if_no_tick();
    // Whoever this pointer was before, a new connection starts without a session.
    sessions_.depart(event.client);
    expiry_.remove(event.client);
    const char *id = mosquitto_client_id(event.client);
    if (id == nullptr) return MOSQ_ERR_AUTH;
    if (options_.chain && event.username == nullptr && event.password == nullptr) {
        sessions_.leave_to_others(event.client, id);  // anonymous
        return MOSQ_ERR_PLUGIN_DEFER;
    }
    auto credentials = host::sized<tokenward_credentials>();
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.username = host::borrow(text_or_empty(event.username));
    credentials.password = host::borrow(text_or_empty(event.password));
    return authenticate(event.client, credentials, event.password);
}

int Adapter::on_ext_auth_start(const mosquitto_evt_extended_auth &event) {
    if (event.auth_method == nullptr || std::strcmp(event.auth_method, "OAUTHBEARER") != 0)
        return MOSQ_ERR_PLUGIN_DEFER;
    auto credentials = host::sized<tokenward_credentials>();
    credentials.kind = TOKENWARD_SASL_OAUTHBEARER;
    credentials.data = {static_cast<const char *>(event.data_in),
                        event.data_in == nullptr ? 0u : event.data_in_len};
    if (const SessionRef *session = sessions_.live(event.client, identity_of(event.client)))
        return reauthenticate(event.client, *session, credentials);
    warn_if_no_tick();
    sessions_.depart(event.client);
    expiry_.remove(event.client);
    return authenticate(event.client, credentials, nullptr);
}

int Adapter::authenticate(mosquitto *client, const tokenward_credentials &credentials, const void *secret) {
    const tokenward_context context = context_of(client);
    auto error = host::sized<tokenward_error>();
    tokenward_session *session = nullptr;
    const std::int32_t result =
        library_->authenticate(backend_.get(), &credentials, &context, &session, &error);
    if (result == TOKENWARD_OK) return welcome(client, host::own(library_, session), secret);
    if (result == TOKENWARD_NOT_A_TOKEN && !options_.chain) {
        // The library says this at debug level only, since a chain goes on; here it is the end.
        const auto verdict = denials_.admit(now());
        if (verdict.write) {
            log_.push(TOKENWARD_LOG_WARNING, name_client(client) + " refused, " + describe(library_, error) +
                                                 left_out(verdict.left_out_before));
        }
    }
    return turn_away(client, result);
}

int Adapter::welcome(mosquitto *client, host::Session session, const void *secret) {
    tokenward_string name{};
    std::int64_t expires_at = 0;
    if (library_->session_username(session.get(), &name) != TOKENWARD_OK ||
        library_->session_expires_at(session.get(), &expires_at) != TOKENWARD_OK) {
        return MOSQ_ERR_AUTH;
    }
    const std::string username(host::view(name));
    const char *id = mosquitto_client_id(client);
    // From here on the username is the token's, for the broker's log and for whatever else asks; never what the
    // client typed. It holds no NUL: the library admits no control characters.
    if (id == nullptr || mosquitto_set_username(client, username.c_str()) != MOSQ_ERR_SUCCESS)
        return MOSQ_ERR_NOMEM;
    sessions_.admit(client, {id, username}, std::move(session), secret);
    expiry_.set(client, expires_at);
    return MOSQ_ERR_SUCCESS;
}

int Adapter::reauthenticate(const mosquitto *client, const host::Session &session,
                            const tokenward_credentials &credentials) {
    const tokenward_context context = context_of(client);
    auto error = host::sized<tokenward_error>();
    const std::int32_t result = library_->session_refresh(session.get(), &credentials, &context, &error);
    if (result != TOKENWARD_OK) return turn_away(nullptr, result);
    std::int64_t expires_at = 0;
    if (library_->session_expires_at(session.get(), &expires_at) != TOKENWARD_OK) return MOSQ_ERR_AUTH;
    expiry_.set(client, expires_at);
    return MOSQ_ERR_SUCCESS;
}

int Adapter::turn_away(mosquitto *client, std::int32_t result) {
    switch (result) {
        case TOKENWARD_NOT_A_TOKEN:
            if (!options_.chain || client == nullptr) return MOSQ_ERR_AUTH;
            sessions_.leave_to_others(client, text_or_empty(mosquitto_client_id(client)));
            return MOSQ_ERR_PLUGIN_DEFER;
        case TOKENWARD_REFUSED:
            return MOSQ_ERR_AUTH;
        // A key is on its way, or we failed ourselves: "not authorized" would tell the client to give up.
        default:
            return unavailable(client);
    }
}

bool Adapter::is_known_to_reload(const mosquitto_evt_basic_auth &event, int &answer) const {
    // After SIGHUP the broker checks the password of every client again, also of durable sessions that aren't
    // connected. Live sessions go on to their end whatever was reloaded, and a session without a connection has
    // nothing to prove until it connects. New connections can't come in between, except over websockets.
    if (sessions_.is_foreign(event.client)) {
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
    return found.standing == Standing::departed || found.standing == Standing::remote;
}

void Adapter::on_disconnect(const mosquitto *client) {
    // The identifier is gone when the login failed; else a client of another backend now owns the identity.
    if (sessions_.is_foreign(client) && mosquitto_client_id(client) != nullptr)
        sessions_.forget(identity_of(client));
    sessions_.depart(client);
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
            // The broker kicks by identifier, and that is another connection's at the moment (a takeover).
            expiry_.set(*due, time + 1);
            continue;
        }
        log_.push(TOKENWARD_LOG_INFO, "client " + host::quoted(id) + " is disconnected: its token has ended");
        kicked_ = *due;
        mosquitto_kick_client_by_clientid(id.c_str(), true);  // calls on_acl_check and on_disconnect
        kicked_ = nullptr;
    }
    flush_log();
}

void Adapter::on_reload() {
    reloading_ = ticking_;  // without ticks nothing would end it
    const tokenward_options options = library_options();
    auto error = host::sized<tokenward_error>();
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
              "this broker calls no tick (Mosquitto 2.0 with per_listener_settings true): clients whose token "
              "has ended can do nothing any more, but stay connected");
}

}  // namespace tokenward::mosquitto_plugin
