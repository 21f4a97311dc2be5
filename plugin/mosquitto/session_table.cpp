#include "session_table.hpp"

#include <utility>

namespace tokenward::mosquitto_plugin {
namespace {

/// A NUL separates the parts: neither can hold one, since the broker gives both as C strings.
std::string key_of(Identity identity) {
    std::string key(identity.client_id);
    key += '\0';
    key += identity.username;
    return key;
}

}  // namespace

void SessionTable::add(ClientKey client, Identity identity, host::Session session, const void *secret) {
    disconnect(client);
    remember(key_of(identity), client, session);
    by_client_id_[std::string(identity.client_id)] = client;
    connected_[client] = {std::string(identity.client_id), std::string(identity.username), std::move(session),
                          secret};
}

void SessionTable::leave_to_others(ClientKey client, std::string_view client_id) {
    disconnect(client);
    by_client_id_[std::string(client_id)] = client;
    connected_[client] = {std::string(client_id), {}, {}, nullptr};
}

void SessionTable::remember(const std::string &key, ClientKey client, host::Session session) {
    Remembered &entry = by_identity_[key];
    remove_from_order(key, entry);
    entry = {std::move(session), client, false, {}};
}

void SessionTable::remove_from_order(const std::string &key, Remembered &entry) {
    if (!entry.disconnected) return;
    disconnected_.erase(entry.place);
    disconnected_bytes_ -= key.size();
    entry.disconnected = false;
}

void SessionTable::disconnect(ClientKey client) {
    const auto found = connected_.find(client);
    if (found == connected_.end()) return;
    const Connected gone = std::move(found->second);
    connected_.erase(found);
    if (const auto owner = by_client_id_.find(gone.client_id);
        owner != by_client_id_.end() && owner->second == client) {
        by_client_id_.erase(owner);
    }
    if (!gone.session) return;

    const std::string key = key_of({gone.client_id, gone.username});
    const auto entry = by_identity_.find(key);
    // After a takeover the identity belongs to the new connection: nothing of the old one is remembered.
    if (entry == by_identity_.end() || entry->second.client != client || entry->second.disconnected) return;
    disconnected_.push_front(&entry->first);
    disconnected_bytes_ += key.size();
    entry->second.disconnected = true;
    entry->second.place = disconnected_.begin();
    while (disconnected_.size() > max_disconnected_ || disconnected_bytes_ > max_bytes_) {
        const auto oldest = by_identity_.find(*disconnected_.back());
        remove_from_order(oldest->first, oldest->second);
        by_identity_.erase(oldest);
    }
}

void SessionTable::forget(Identity identity) {
    const auto entry = by_identity_.find(key_of(identity));
    if (entry == by_identity_.end() || !entry->second.disconnected) return;
    remove_from_order(entry->first, entry->second);
    by_identity_.erase(entry);
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
    const auto entry = by_identity_.find(key_of(identity));
    if (!has_address) {
        return {ClientState::stored, entry == by_identity_.end() ? nullptr : &entry->second.session};
    }
    // With an address it is a client that was connected: only the one that had this session may use it.
    if (entry == by_identity_.end() || !entry->second.disconnected || entry->second.client != client) return {};
    return {ClientState::disconnected, &entry->second.session};
}

bool SessionTable::is_recheck(ClientKey client, Identity identity, const void *secret) const {
    const auto found = connected_.find(client);
    return session_of(client, identity) != nullptr && found->second.secret == secret;
}

bool SessionTable::is_other_backends(ClientKey client) const {
    const auto found = connected_.find(client);
    return found != connected_.end() && !found->second.session;
}

bool SessionTable::is_anothers(ClientKey client, Identity identity) const {
    const auto owner = by_client_id_.find(std::string(identity.client_id));
    if (owner == by_client_id_.end() || owner->second == client) return false;
    const auto found = connected_.find(owner->second);
    return found != connected_.end() && (!found->second.session || found->second.username != identity.username);
}

bool SessionTable::owns_client_id(ClientKey client) const {
    const auto found = connected_.find(client);
    if (found == connected_.end()) return false;
    const auto owner = by_client_id_.find(found->second.client_id);
    return owner == by_client_id_.end() || owner->second == client;
}

std::string SessionTable::client_id(ClientKey client) const {
    const auto found = connected_.find(client);
    return found == connected_.end() ? std::string() : found->second.client_id;
}

void SessionTable::clear() {
    connected_.clear();
    by_identity_.clear();
    by_client_id_.clear();
    disconnected_.clear();
    disconnected_bytes_ = 0;
}

}  // namespace tokenward::mosquitto_plugin
