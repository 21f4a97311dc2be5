#include "session_table.hpp"

#include <utility>

namespace tokenward::mosquitto_plugin {
namespace {

/// Neither part can hold a NUL: the broker hands both as C strings.
std::string key_of(Identity identity) {
    std::string key(identity.client_id);
    key += '\0';
    key += identity.username;
    return key;
}

}  // namespace

void SessionTable::admit(ClientKey client, Identity identity, SessionRef session, const void *secret) {
    depart(client);
    remember(key_of(identity), client, session);
    by_client_id_[std::string(identity.client_id)] = client;
    live_[client] = {std::string(identity.client_id), std::string(identity.username), std::move(session),
                     secret};
}

void SessionTable::leave_to_others(ClientKey client, std::string_view client_id) {
    depart(client);
    by_client_id_[std::string(client_id)] = client;
    live_[client] = {std::string(client_id), {}, nullptr, nullptr};
}

void SessionTable::remember(const std::string &key, ClientKey client, SessionRef session) {
    Remembered &entry = by_identity_[key];
    recall(key, entry);
    entry = {std::move(session), client, false, {}};
}

void SessionTable::recall(const std::string &key, Remembered &entry) {
    if (!entry.departed) return;
    departed_.erase(entry.place);
    departed_bytes_ -= key.size();
    entry.departed = false;
}

void SessionTable::depart(ClientKey client) {
    const auto found = live_.find(client);
    if (found == live_.end()) return;
    const Live gone = std::move(found->second);
    live_.erase(found);
    if (const auto owner = by_client_id_.find(gone.client_id);
        owner != by_client_id_.end() && owner->second == client) {
        by_client_id_.erase(owner);
    }
    if (!gone.session) return;

    const std::string key = key_of({gone.client_id, gone.username});
    const auto entry = by_identity_.find(key);
    // After a takeover the identity is the new connection's: the old one departs without a trace.
    if (entry == by_identity_.end() || entry->second.client != client || entry->second.departed) return;
    departed_.push_front(&entry->first);
    departed_bytes_ += key.size();
    entry->second.departed = true;
    entry->second.place = departed_.begin();
    while (departed_.size() > max_departed_ || departed_bytes_ > max_bytes_) {
        const auto oldest = by_identity_.find(*departed_.back());
        recall(oldest->first, oldest->second);
        by_identity_.erase(oldest);
    }
}

void SessionTable::forget(Identity identity) {
    const auto entry = by_identity_.find(key_of(identity));
    if (entry == by_identity_.end() || !entry->second.departed) return;
    recall(entry->first, entry->second);
    by_identity_.erase(entry);
}

const SessionRef *SessionTable::live(ClientKey client, Identity identity) const {
    const auto found = live_.find(client);
    if (found == live_.end() || !found->second.session) return nullptr;
    // The names are compared too, so that a pointer that came back in another client's life opens nothing.
    const Live &entry = found->second;
    if (entry.client_id != identity.client_id || entry.username != identity.username) return nullptr;
    return &entry.session;
}

Found SessionTable::find(ClientKey client, Identity identity, bool has_address) const {
    if (const auto found = live_.find(client); found != live_.end()) {
        if (!found->second.session) return {Standing::foreign, nullptr};
        if (const SessionRef *session = live(client, identity)) return {Standing::live, session};
        return {};
    }
    const auto entry = by_identity_.find(key_of(identity));
    if (!has_address) {
        return {Standing::remote, entry == by_identity_.end() ? nullptr : &entry->second.session};
    }
    // With an address it is a client that was connected: then only the one whose session this is.
    if (entry == by_identity_.end() || !entry->second.departed || entry->second.client != client) return {};
    return {Standing::departed, &entry->second.session};
}

bool SessionTable::is_recheck(ClientKey client, Identity identity, const void *secret) const {
    const auto found = live_.find(client);
    return live(client, identity) != nullptr && found->second.secret == secret;
}

bool SessionTable::is_foreign(ClientKey client) const {
    const auto found = live_.find(client);
    return found != live_.end() && !found->second.session;
}

bool SessionTable::owns_client_id(ClientKey client) const {
    const auto found = live_.find(client);
    if (found == live_.end()) return false;
    const auto owner = by_client_id_.find(found->second.client_id);
    return owner == by_client_id_.end() || owner->second == client;
}

std::string SessionTable::client_id(ClientKey client) const {
    const auto found = live_.find(client);
    return found == live_.end() ? std::string() : found->second.client_id;
}

void SessionTable::clear() {
    live_.clear();
    by_identity_.clear();
    by_client_id_.clear();
    departed_.clear();
    departed_bytes_ = 0;
}

}  // namespace tokenward::mosquitto_plugin
