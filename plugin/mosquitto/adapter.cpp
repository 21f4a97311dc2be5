#include "adapter.hpp"

#include "broker.hpp"
#include "chain_names.hpp"
#include "names.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <limits>

namespace tokenward::mosquitto_plugin {
namespace {

constexpr std::int64_t tick_patience_s = 3;
/// A client is disconnected this long before its token ends: between the end and the disconnection messages for it would
/// be denied, also those that a durable session should keep. A login in this time would be one for nothing.
constexpr std::int64_t lead_ms = 500;
/// How often a tick looks for ends of tokens and log lines.
constexpr std::int64_t work_every_ms = 50;
/// 2.0 ticks on every pass of its loop, with each packet, and at least every 100 ms. While ticks come fast, most do nothing;
/// should it fall idle then, they take less than lead_ms all the same.
constexpr int skipped_ticks = 3;
constexpr std::int64_t fast_ms = 20;
/// The broker checks passwords again for this long after a reload, at the most.
constexpr std::int64_t rechecks_s = 2;

struct Method {
    const char *name;
    std::int32_t credentials;
};
constexpr Method methods[] = {
    {"OAUTHBEARER", TOKENWARD_SASL_OAUTHBEARER},
    // The token alone: as Azure Event Grid names them.
    {"OAUTH2-JWT", TOKENWARD_BEARER_TOKEN},
    {"CUSTOM-JWT", TOKENWARD_BEARER_TOKEN},
};

const Method *method_of(const char *name) {
    for (const Method &method : methods)
        if (name != nullptr && std::strcmp(name, method.name) == 0) return &method;
    return nullptr;
}

/// Unless a topic is a routing key, a scope with three parts grants access to the vhost and nothing else.
constexpr std::string_view no_routing_keys = R"({"routing_keys":"off"})";

std::int64_t now() {
    return std::time(nullptr);
}

bool still_there(ClientKey client, const std::string &client_id) {
    return is_registered(client, client_id).value_or(true);
}

std::optional<bool> is_in(ClientKey client, const std::string &client_id) {
    if (const auto registered = is_registered(client, client_id)) return registered;
    // 2.0.12 and earlier take the identifier from a client that they refuse, and tell of the end of each.
    const auto *context = static_cast<const mosquitto *>(client);
    if (mosquitto_client_id(context) == nullptr) return std::nullopt;
    // Later ones leave it, and tell of the end of a websocket when the client lets them. Whom they refuse they make a client
    // with a clean session; it has no subscriptions.
    if (mosquitto_client_protocol(context) == mp_websockets && mosquitto_client_clean_session(context) &&
        mosquitto_client_sub_count(context) == 0)
        return std::nullopt;
    return true;
}

constexpr Broker broker{still_there, is_in};

}  // namespace

Adapter::Adapter(Options options)
    : options_(std::move(options)),
      http_api_(options_, backend_),
      sessions_(SessionTable::Limits()),
      skipped_ticks_(is_2_1() ? 0 : skipped_ticks) {
    for (const std::string &file : options_.config_files) config_paths_.push_back(host::borrow(file));
}

Adapter::~Adapter() {
    expiry_.clear();
    sessions_.clear();
    flush_log();
    backend_.reset();
}

std::int64_t Adapter::ending_second() {
    timespec time{};
    (void)std::timespec_get(&time, TIME_UTC);
    return time.tv_sec + (time.tv_nsec / 1000000 + lead_ms) / 1000;
}

void Adapter::flush_log() {
    if (!on_broker_thread()) return;
    backend_.drain_log([](std::int32_t level, const char *line, std::size_t size) {
        write_broker_log(level, {line, size});
    });
}

tokenward_options Adapter::library_options() {
    tokenward_options options = TOKENWARD_OPTIONS_INIT;
    options.config_files = config_paths_.data();
    options.config_file_count = config_paths_.size();
    if (!options_.topic_exchange) options.config_json = host::borrow(no_routing_keys);
    options.startup_wait_ms = options_.startup_wait_ms;
    options.max_wait_ms = options_.max_wait_ms;  // the broker has one thread
    options.log_mode = TOKENWARD_LOG_TO_QUEUE;   // only the broker's thread may write to the broker's log
    return options;
}

std::string Adapter::read_names(const tokenward_options &options, std::vector<std::string> &prefixes) const {
    if (!options_.chain && plugin_ahead_.empty()) return {};
    host::Error error;
    std::string settings;
    if (library_.config_check(&options, settings, error) != TOKENWARD_OK) return library_.describe(error);
    ChainNames names = read_chain_names(settings);
    prefixes = std::move(names.prefixes);
    if (options_.shared_names || names.without_prefix.empty()) return {};
    const std::string end = names.without_prefix +
                            " (or plugin_opt_shared_names true, if every name that the provider gives is meant "
                            "there, too)";
    if (options_.chain) {
        return "plugin_opt_chain true: a token's username could be that of another plugin's client or of a "
               "line in "
               "acl_file, and get its rights: set username_prefix in " +
               end;
    }
    return "the plugin " + common::quoted(plugin_ahead_, 256) +
           " is loaded before this one, and could give a token the rights that it has for the token's "
           "username: load "
           "this plugin first, or set username_prefix in " +
           end;
}

void Adapter::add_prefixes(const std::vector<std::string> &prefixes) {
    for (const std::string &prefix : prefixes) {
        if (std::find(prefixes_.begin(), prefixes_.end(), prefix) == prefixes_.end())
            prefixes_.push_back(prefix);
    }
}

bool Adapter::is_name_of_token(std::string_view username) const {
    if (!options_.chain) return true;
    if (options_.shared_names) return false;
    return std::any_of(prefixes_.begin(), prefixes_.end(),
                       [&](const std::string &prefix) { return username.starts_with(prefix); });
}

bool Adapter::start() {
    if (const std::string problem = library_.open(options_.library); !problem.empty()) {
        write_broker_log(TOKENWARD_LOG_ERROR,
                         problem + "; set plugin_opt_library to the path of libtokenward.so.1");
        return false;
    }
    if (!options_.vhost_of_port.empty() && !knows_ports()) {
        write_broker_log(
            TOKENWARD_LOG_ERROR,
            "plugin_opt_vhost_PORT needs Mosquitto 2.1: this one doesn't tell a plugin the port. With "
            "per_listener_settings true each listener may have this plugin with a plugin_opt_vhost of its "
            "own");
        return false;
    }
    const tokenward_options options = library_options();
    plugin_ahead_ = plugin_ahead();
    std::vector<std::string> prefixes;
    if (const std::string problem = read_names(options, prefixes); !problem.empty()) {
        write_broker_log(TOKENWARD_LOG_ERROR, problem);
        return false;
    }
    add_prefixes(prefixes);
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
    if (!on_broker_thread()) return http_api_.on_basic_auth(event);
    if (int answer = MOSQ_ERR_AUTH; reloading_ && is_known_to_reload(event, answer)) return answer;
    begin_login(event.client);
    if (mosquitto_client_id(event.client) == nullptr) return MOSQ_ERR_AUTH;
    if (options_.chain && event.username == nullptr && event.password == nullptr)
        return defer(event.client, false);
    tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
    credentials.kind = TOKENWARD_USERNAME_PASSWORD;
    credentials.username = host::borrow(text_or_empty(event.username));
    credentials.password = host::borrow(text_or_empty(event.password));
    return authenticate(event.client, credentials, event.password);
}

int Adapter::on_ext_auth_start(const mosquitto_evt_extended_auth &event) {
    const Method *method = method_of(event.auth_method);
    if (method == nullptr) return defer(event.client, true);
    tokenward_credentials credentials = TOKENWARD_CREDENTIALS_INIT;
    credentials.kind = method->credentials;
    credentials.data = {static_cast<const char *>(event.data_in),
                        event.data_in == nullptr ? 0u : event.data_in_len};
    if (const host::Session *session = sessions_.session_of(event.client, identity_of(event.client)))
        return reauthenticate(event.client, *session, credentials);
    begin_login(event.client);
    return authenticate(event.client, credentials, nullptr);
}

int Adapter::on_ext_auth_continue(const mosquitto_evt_extended_auth &event) {
    if (sessions_.session_of(event.client, identity_of(event.client)) == nullptr) return MOSQ_ERR_PLUGIN_DEFER;
    // No method here has a second step. The broker asks all the same if a client that is in sends an empty AUTH packet;
    // after any no it uses memory that it has given back, and crashes (2.0.11 and 2.1.2). This answer keeps the client
    // waiting for an exchange that doesn't end: whatever else it sends is a protocol error.
    return MOSQ_ERR_AUTH_CONTINUE;
}

void Adapter::begin_login(const mosquitto *client) {
    warn_if_no_tick();
    ticks_to_skip_ = 0;
    // Without ticks this is a place where disconnecting others is safe; not so while the broker goes through all clients.
    if (!ticking_ && now() - reloaded_ > rechecks_s) end_due(client);
    sessions_.settle(broker);
    // The pointer may have been another client's: a new connection begins without a session.
    sessions_.begin(client);
    expiry_.remove(client);
}

tokenward_context Adapter::login_context(const mosquitto *client, CertificateHash &certificate) const {
    tokenward_context context = context_of(client);
    context.client_certificate_sha256 = host::borrow(certificate_hash_of(client, certificate));
    // may_have refuses whoever has another one.
    if (options_.client_id) context.flags |= TOKENWARD_CLIENT_ID_BOUND;
    return context;
}

int Adapter::authenticate(mosquitto *client, const tokenward_credentials &credentials, const void *secret) {
    CertificateHash certificate{};
    tokenward_context context = login_context(client, certificate);
    if (!options_.chain) context.flags |= TOKENWARD_LAST_BACKEND;
    host::Error error;
    host::Session session;
    const std::int32_t result = backend_.authenticate(credentials, &context, session, error);
    if (result == TOKENWARD_OK) return accept(client, std::move(session), secret);
    return refuse(client, result, secret == nullptr);
}

int Adapter::accept(mosquitto *client, host::Session session, const void *secret) {
    const std::string username(session.username());
    const std::int64_t expires_at = session.expires_at();
    if (username.empty()) return MOSQ_ERR_AUTH;
    const char *id = mosquitto_client_id(client);
    if (std::string suffix; expires_at <= ending_second()) {
        if (refusals_.allows(now(), suffix)) {
            write_broker_log(TOKENWARD_LOG_INFO, "client " + common::quoted(text_or_empty(id)) +
                                                     " is refused: its token ends within half a second" +
                                                     suffix);
        }
        return MOSQ_ERR_AUTH;
    }
    if (int answer = MOSQ_ERR_AUTH; id != nullptr && !may_have(client, id, username, answer)) return answer;
    // From here on the broker knows the client by the token's username, never by what the client typed. The
    // username holds no NUL: the library refuses control characters in it.
    if (id == nullptr || mosquitto_set_username(client, username.c_str()) != MOSQ_ERR_SUCCESS)
        return MOSQ_ERR_NOMEM;
    sessions_.add(client, {id, username}, std::move(session), secret);
    expiry_.set(client, expires_at);
    return MOSQ_ERR_SUCCESS;
}

bool Adapter::may_have(const mosquitto *client, const std::string &id, const std::string &username,
                       int &answer) {
    std::string suffix;
    if (options_.client_id && !options_.client_id->matches(id, username)) {
        answer = MOSQ_ERR_AUTH;
        if (refusals_.allows(now(), suffix)) {
            write_broker_log(TOKENWARD_LOG_WARNING,
                             "client identifier " + common::quoted(id) + " is refused for " +
                                 common::quoted(username) + ": plugin_opt_client_id wants " +
                                 common::quoted(options_.client_id->of(username), 256) + suffix);
        }
        return false;
    }
    if (options_.takeover_any) return true;
    auto holder = sessions_.other_holder(client, {id, username});
    if (holder && holder->connected && !is_registered(holder->client, id).value_or(true)) {
        sessions_.forget_holder(id);
        holder.reset();
    }
    if (holder && !holder->connected) {
        asking_broker_ = true;
        const bool kept = keeps_session(id);
        asking_broker_ = false;
        if (!kept) {
            sessions_.forget_holder(id);
            return true;
        }
    }
    // Whom the plugin doesn't know, a bridge of the broker's say, 2.1 knows by name.
    if (!holder) {
        const auto other = username_of(id);
        if (!other || *other == username) return true;
        holder = Holder{nullptr, *other, false};
    }
    // The broker would end the other connection, or hand over its session. This isn't final: the other may be gone the
    // next time.
    answer = MOSQ_ERR_UNKNOWN;
    if (refusals_.allows(now(), suffix)) {
        write_broker_log(
            TOKENWARD_LOG_WARNING,
            "client identifier " + common::quoted(id) +
                (holder->connected ? " is connected with another username than "
                                   : " has a session that waits for another username than ") +
                common::quoted(username) +
                (holder->connected ? ", whose token must not throw it out" : ", whose token must not take it") +
                ": the new connection is closed (plugin_opt_takeover any allows it)" + suffix);
    }
    return false;
}

int Adapter::reauthenticate(const mosquitto *client, const host::Session &session,
                            const tokenward_credentials &credentials) {
    CertificateHash certificate{};
    const tokenward_context context = login_context(client, certificate);
    host::Error error;
    sessions_.grants().forget(client);
    const std::int32_t result = session.refresh(credentials, &context, error);
    if (result != TOKENWARD_OK) return refuse(nullptr, result, true);
    expiry_.set(client, session.expires_at());
    return MOSQ_ERR_SUCCESS;
}

int Adapter::defer(mosquitto *client, bool several_steps) {
    ticks_to_skip_ = 0;
    expiry_.remove(client);
    sessions_.begin(client);
    if (options_.chain)
        sessions_.leave_to_others(client, text_or_empty(mosquitto_client_id(client)),
                                  several_steps && !is_2_1());
    return MOSQ_ERR_PLUGIN_DEFER;
}

int Adapter::refuse(mosquitto *client, std::int32_t result, bool several_steps) {
    switch (result) {
        case TOKENWARD_NOT_A_TOKEN:
            if (!options_.chain || client == nullptr) return MOSQ_ERR_AUTH;
            return defer(client, several_steps);
        case TOKENWARD_REFUSED:
            return MOSQ_ERR_AUTH;
        // A key is being fetched, or something failed here: "not authorized" would tell the client to give up.
        default:
            return unavailable(client, options_.tell_unavailable);
    }
}

bool Adapter::is_known_to_reload(const mosquitto_evt_basic_auth &event, int &answer) {
    // After SIGHUP the broker checks the password of every client again, also of durable sessions without a
    // connection. A connected client keeps its session until the token ends, whatever was reloaded. A session without
    // a connection is checked when it connects; refused here, it would lose its delayed will.
    if (sessions_.is_other_backends(event.client)) {
        answer = MOSQ_ERR_PLUGIN_DEFER;
        return true;
    }
    answer = MOSQ_ERR_SUCCESS;
    const Identity identity = identity_of(event.client);
    if (sessions_.recheck(event.client, identity, event.password)) {
        // Without ticks the broker's own check is the first chance to disconnect whom the operator denied.
        const host::Session *session = sessions_.session_of(event.client, identity);
        if (!ticking_ && session != nullptr && is_denied(*session)) {
            write_broker_log(TOKENWARD_LOG_INFO, "client " + common::quoted(identity.client_id) +
                                                     " is disconnected: the operator denies it (denied_file)");
            answer = MOSQ_ERR_AUTH;
        }
        return true;
    }
    // It must not be a new connection that has the memory, the names and not the token of one that is gone.
    if (const auto registered = is_registered(event.client, std::string(identity.client_id))) {
        if (!*registered) return false;
    } else if (ticking_) {
        // 2.0 serves no socket between RELOAD and TICK, but those of websockets.
        if (mosquitto_client_protocol(event.client) == mp_websockets) return false;
    } else if (mosquitto_client_sub_count(event.client) == 0) {
        return false;  // a new connection has no subscription
    }
    if (!has_address(event.client)) return true;
    const auto backend = sessions_.recheck_departed(event.client, identity);
    if (backend == SessionTable::Backend::other) answer = MOSQ_ERR_PLUGIN_DEFER;
    return backend != SessionTable::Backend::none;
}

void Adapter::on_connect(const mosquitto *client) {
    const Identity identity = identity_of(client);
    if (sessions_.session_of(client, identity) == nullptr)
        sessions_.let_in_by_others(client, identity.client_id);
}

void Adapter::on_disconnect(const mosquitto *client, bool durable) {
    ticks_to_skip_ = 0;
    sessions_.disconnect(client, identity_of(client), durable);
    expiry_.remove(client);
}

void Adapter::on_message(const mosquitto *client) {
    if (!ticking_) end_due(client);
}

void Adapter::on_tick() {
    if (!ticking_) sessions_.grants().start();
    ticking_ = true;
    reloading_ = false;
    sessions_.settle(broker);
    timespec time{};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    const std::int64_t now_ms = std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1000000;
    ticks_to_skip_ = now_ms - last_tick_ms_ < fast_ms && sessions_.is_settled() ? skipped_ticks_ : 0;
    last_tick_ms_ = now_ms;
    if (now_ms < next_work_ms_) return;
    next_work_ms_ = now_ms + work_every_ms;
    end_due(nullptr);
    flush_log();
}

void Adapter::end_due(const mosquitto *except) {
    ending_ = ending_second();
    while (const auto due = expiry_.take_due(ending_)) {
        sessions_.grants().forget(*due);
        const std::string id = sessions_.client_id(*due);
        if (id.empty()) continue;
        if (*due == except || !sessions_.owns_client_id(*due)) {
            // The broker kicks by identifier, and during a takeover that is another connection's.
            expiry_.set(*due, ending_ + 1);
            continue;
        }
        const host::Session *session = sessions_.connected_session(*due);
        const bool denied = session != nullptr && is_denied(*session);
        write_broker_log(TOKENWARD_LOG_INFO,
                         "client " + common::quoted(id) + " is disconnected: " +
                             (denied ? "the operator denies it (denied_file)" : "its token ends"));
        kicked_ = *due;
        mosquitto_kick_client_by_clientid(id.c_str(), true);  // calls on_acl_check and on_disconnect
        kicked_ = nullptr;
    }
}

void Adapter::renew_ends() {
    sessions_.for_each_session(
        [&](ClientKey client, const host::Session &session) { expiry_.set(client, session.expires_at()); });
    next_work_ms_ = 0;  // whoever is denied goes with the next tick
}

bool Adapter::is_denied(const host::Session &session) {
    tokenward_request question = TOKENWARD_REQUEST_INIT;
    question.operation = TOKENWARD_READ;
    question.flags = TOKENWARD_PAST_END;
    return session.authorize(question) == TOKENWARD_EXPIRED;
}

void Adapter::on_reload() {
    reloading_ = true;
    ticks_to_skip_ = 0;
    sessions_.grants().clear();
    sessions_.begin_rechecks();
    const tokenward_options options = library_options();
    std::vector<std::string> prefixes;
    std::string problem = read_names(options, prefixes);
    host::Error error;
    if (problem.empty() && backend_.reload(&options, error) != TOKENWARD_OK) problem = library_.describe(error);
    if (problem.empty()) {
        add_prefixes(prefixes);
        renew_ends();
    } else {
        write_broker_log(TOKENWARD_LOG_ERROR, "the old configuration stays in force: " + problem);
    }
    reloaded_ = now();
}

void Adapter::warn_if_no_tick() {
    if (ticking_ || warned_no_tick_) return;
    if (first_login_ == 0) first_login_ = now();
    if (now() - first_login_ < tick_patience_s) return;
    warned_no_tick_ = true;
    write_broker_log(TOKENWARD_LOG_WARNING,
                     "this broker calls no tick (Mosquitto before 2.0.15 with per_listener_settings true): a "
                     "client whose token has ended may do nothing, but stays connected until another connects "
                     "or publishes on this listener");
}

}  // namespace tokenward::mosquitto_plugin
