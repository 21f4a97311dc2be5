#include "session_table.hpp"

#include <functional>
#include <utility>

namespace tokenward::mosquitto_plugin {

std::size_t SessionTable::hash_of(Identity identity) {
    // A NUL separates the parts: neither can hold one, since the broker gives both as C strings.
    std::string names(identity.client_id);
    names += '\0';
    names += identity.username;
    return std::hash<std::string>()(names);
}

void SessionTable::add(ClientKey client, Identity identity, host::Session session, const void *secret) {
    begin(client);
    hold(identity.client_id, identity.username, session, client);
    connected_[client] = {std::string(identity.client_id), std::string(identity.username), std::move(session),
                          secret, rechecks_};
}

void SessionTable::leave_to_others(ClientKey client, std::string_view client_id, bool several_steps) {
    begin(client);
    if (!several_steps) unsettled_.push_back(client);
    connected_[client] = {std::string(client_id), {}, {}, nullptr, rechecks_, false};
}

void SessionTable::let_in_by_others(ClientKey client, std::string_view client_id) {
    departed_.erase(client);
    const auto found = connected_.find(client);
    if (found != connected_.end() && (found->second.session || found->second.settled)) return;
    if (found != connected_.end()) found->second.settled = true;
    hold(client_id, {}, {}, client);
}

void SessionTable::begin(ClientKey client) {
    grants_.forget(client);
    departed_.erase(client);
    const auto found = connected_.find(client);
    if (found == connected_.end()) return;
    const auto record = records_.find(found->second.client_id);
    if (record != records_.end() && record->second.connected && record->second.client == client)
        records_.erase(record);
    connected_.erase(found);
}

void SessionTable::hold(std::string_view client_id, std::string_view username, const host::Session &session,
                        ClientKey client) {
    auto record = records_.find(client_id);
    if (record == records_.end()) {
        record = records_.emplace(client_id, Record()).first;
    } else if (!record->second.connected) {
        take_from_kept(record);
    }
    record->second.username = username;
    record->second.session = session;
    record->second.client = client;
    record->second.connected = true;
}

void SessionTable::disconnect(ClientKey client, Identity identity, bool durable) {
    grants_.forget(client);
    std::string client_id(identity.client_id);
    std::string username(identity.username);
    Departed departed{0, 0, false, durable};
    if (const auto found = connected_.find(client); found != connected_.end()) {
        client_id = found->second.client_id;
        departed.ours = static_cast<bool>(found->second.session);
        if (departed.ours) username = found->second.username;
        departed.rechecked = found->second.rechecked;
        const bool is_in = found->second.settled;
        connected_.erase(found);
        if (!is_in) return;  // another backend refused it
    }
    const auto record = records_.find(client_id);
    // After a takeover the identifier belongs to the new connection: nothing of the old one is remembered.
    const bool holds = record != records_.end() && record->second.connected && record->second.client == client;
    if (!departed.ours && !holds) return;
    departed.names = hash_of({client_id, username});
    departed_[client] = departed;
    leaving_.emplace_back(client, client_id);
    if (!holds) return;
    record->second.username = username;
    keep(record);
}

void SessionTable::keep(Records::iterator record) {
    // The alice of another backend is another identity than that of a token.
    std::string identity(record->second.session ? "t" : "o");
    identity += record->second.username;
    const auto kept = kept_.try_emplace(identity).first;
    Kept &own = kept->second;
    const std::string &id = record->first;
    record->second.connected = false;
    record->second.identity = kept;
    record->second.age_in_identity = own.by_age.insert(own.by_age.begin(), &id);
    record->second.age = by_age_.insert(by_age_.begin(), &id);
    own.bytes += id.size();
    bytes_ += id.size();
    const auto too_much = [&] {
        return own.by_age.size() > limits_.sessions_of_identity || own.bytes > limits_.bytes_of_identity;
    };
    while (own.by_age.size() > 1 && too_much()) erase(records_.find(*own.by_age.back()));
    if (too_much()) {
        erase(record);  // and `own` with it
        return;
    }
    while (by_age_.size() > limits_.sessions || bytes_ > limits_.bytes) erase(records_.find(*by_age_.back()));
}

void SessionTable::take_from_kept(Records::iterator record) {
    const auto identity = record->second.identity;
    identity->second.bytes -= record->first.size();
    bytes_ -= record->first.size();
    by_age_.erase(record->second.age);
    identity->second.by_age.erase(record->second.age_in_identity);
    if (identity->second.by_age.empty()) kept_.erase(identity);
}

void SessionTable::erase(Records::iterator record) {
    take_from_kept(record);
    records_.erase(record);
}

void SessionTable::settle_all(const Broker &broker) {
    std::vector<ClientKey> undecided;
    for (const ClientKey client : unsettled_) {
        const auto found = connected_.find(client);
        if (found == connected_.end() || found->second.session || found->second.settled) continue;
        const auto is_in = broker.is_in(client, found->second.client_id);
        if (!is_in) {
            undecided.push_back(client);
        } else if (*is_in) {
            let_in_by_others(client, found->second.client_id);
        } else {
            connected_.erase(found);  // refused, or let in later, which the broker tells
        }
    }
    unsettled_ = std::move(undecided);
    for (const auto &[client, client_id] : leaving_) {
        const auto departed = departed_.find(client);
        if (departed == departed_.end() || (departed->second.durable && broker.still_there(client, client_id)))
            continue;
        departed_.erase(departed);
        const auto record = records_.find(client_id);
        if (record != records_.end() && !record->second.connected && record->second.client == client)
            erase(record);
    }
    leaving_.clear();
}

void SessionTable::forget_holder(std::string_view client_id) {
    const auto record = records_.find(client_id);
    if (record == records_.end()) return;
    departed_.erase(record->second.client);
    if (record->second.connected) {
        records_.erase(record);
    } else {
        erase(record);
    }
}

bool SessionTable::take_will(ClientKey client) {
    const auto found = departed_.find(client);
    return found != departed_.end() && !std::exchange(found->second.will_judged, true);
}

const host::Session *SessionTable::session_of(ClientKey client, Identity identity) const {
    const auto found = connected_.find(client);
    if (found == connected_.end() || !found->second.session) return nullptr;
    // The names are compared too: the broker may use a pointer again for another client.
    const Connected &entry = found->second;
    if (entry.client_id != identity.client_id || entry.username != identity.username) return nullptr;
    return &entry.session;
}

Found SessionTable::find(ClientKey client, Identity identity, bool has_address) const {
    if (const auto found = connected_.find(client); found != connected_.end()) {
        if (!found->second.session) return {ClientState::other_backend, nullptr};
        if (const host::Session *session = session_of(client, identity))
            return {ClientState::connected, session};
        return {};
    }
    const auto record = records_.find(identity.client_id);
    const host::Session *session = nullptr;
    if (record != records_.end() && record->second.session && record->second.username == identity.username)
        session = &record->second.session;
    if (!has_address) return {ClientState::stored, session};
    // With an address it is a client that was connected: only the one that had the session may use it.
    const auto departed = departed_.find(client);
    if (departed == departed_.end() || departed->second.names != hash_of(identity)) return {};
    if (!departed->second.ours) return {ClientState::other_backend, nullptr};
    // A later client has the identifier: this one, or what has its piece of memory now, has nothing.
    if (record != records_.end() && record->second.client != client) return {};
    if (record != records_.end() && record->second.connected) session = nullptr;
    return {ClientState::departed, session};
}

bool SessionTable::recheck(ClientKey client, Identity identity, const void *secret) {
    if (session_of(client, identity) == nullptr) return false;
    Connected &entry = connected_.find(client)->second;
    if (entry.secret != secret || entry.rechecked == rechecks_) return false;
    entry.rechecked = rechecks_;
    return true;
}

SessionTable::Backend SessionTable::recheck_departed(ClientKey client, Identity identity) {
    if (connected_.count(client) != 0) return Backend::none;
    const auto found = departed_.find(client);
    if (found == departed_.end() || found->second.names != hash_of(identity) ||
        found->second.rechecked == rechecks_)
        return Backend::none;
    found->second.rechecked = rechecks_;
    return found->second.ours ? Backend::this_plugin : Backend::other;
}

bool SessionTable::is_other_backends(ClientKey client) const {
    const auto found = connected_.find(client);
    return found != connected_.end() && !found->second.session;
}

std::optional<Holder> SessionTable::other_holder(ClientKey client, Identity identity) const {
    const auto record = records_.find(identity.client_id);
    if (record == records_.end()) return std::nullopt;
    const Record &holder = record->second;
    if (holder.connected && holder.client == client) return std::nullopt;
    if (holder.session && holder.username == identity.username) return std::nullopt;
    return Holder{holder.client, holder.username, holder.connected};
}

bool SessionTable::owns_client_id(ClientKey client) const {
    const auto found = connected_.find(client);
    if (found == connected_.end()) return false;
    const auto record = records_.find(found->second.client_id);
    return record == records_.end() || record->second.client == client;
}

const host::Session *SessionTable::connected_session(ClientKey client) const {
    const auto found = connected_.find(client);
    return found == connected_.end() || found->second.username.empty() ? nullptr : &found->second.session;
}

std::string SessionTable::client_id(ClientKey client) const {
    const auto found = connected_.find(client);
    return found == connected_.end() ? std::string() : found->second.client_id;
}

void SessionTable::clear() {
    grants_.clear();
    connected_.clear();
    departed_.clear();
    unsettled_.clear();
    leaving_.clear();
    records_.clear();
    kept_.clear();
    by_age_.clear();
    bytes_ = 0;
}

}  // namespace tokenward::mosquitto_plugin
