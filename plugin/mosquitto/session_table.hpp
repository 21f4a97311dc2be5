// Finds the session of a client of the broker, also after the connection has ended.
//
// Mosquitto asks about the rights of more than connected clients:
// - after DISCONNECT, for a will and for a durable session: the client pointer is the same;
// - for the publisher of a retained message: the broker makes up a client with an identifier and a username,
//   but without an address;
// - for a durable session that it loaded from disk at start: it has no address either.
// So a connected client is found by its pointer, and the identity (client identifier, username) leads to
// the last session seen under it. The number of disconnected clients that are remembered is bounded.
#pragma once

#include "tokenward.hpp"

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tokenward::mosquitto_plugin {

/// The broker's client pointer. It is compared, never followed.
using ClientKey = const void *;

/// What the broker says about a client when it asks.
struct Identity {
    std::string_view client_id;
    std::string_view username;  ///< empty: none
};

enum class ClientState {
    connected,      ///< and logged in by this plugin
    disconnected,   ///< the broker still keeps its will or its durable session
    stored,         ///< not a connection: the broker asks about the identity behind a stored message or session
    other_backend,  ///< connected, and logged in by another backend
    unknown,        ///< never seen, or forgotten
};

struct Found {
    ClientState state = ClientState::unknown;
    const host::Session *session =
        nullptr;  ///< for connected and disconnected; for stored, if the identity is remembered
};

/// Not thread-safe: one broker thread.
class SessionTable {
  public:
    /// Remembers at most this many disconnected clients, and at most max_bytes of their names: a client
    /// identifier may have 65535 bytes, and a client with one token may use a new identifier each time.
    explicit SessionTable(std::size_t max_disconnected, std::size_t max_bytes = std::size_t{16} << 20)
        : max_disconnected_(max_disconnected), max_bytes_(max_bytes) {}

    /// A client has logged in. secret is the address of the password that it sent (see is_recheck).
    void add(ClientKey client, Identity identity, host::Session session, const void *secret);

    /// A client whose credentials are for another backend (chain).
    void leave_to_others(ClientKey client, std::string_view client_id);

    /// The client's connection has ended, or its pointer is used for a new one. Its identity still finds the
    /// session.
    void disconnect(ClientKey client);

    /// Forgets the identity: a client of another backend has it now.
    void forget(Identity identity);

    /// has_address: the broker knows a peer address. It does for every client that is or was connected.
    [[nodiscard]] Found find(ClientKey client, Identity identity, bool has_address) const;

    /// The session of a connected client of this plugin, or NULL.
    [[nodiscard]] const host::Session *session_of(ClientKey client, Identity identity) const;

    /// True if this is a connected client of this plugin and secret is the password that it logged in with.
    [[nodiscard]] bool is_recheck(ClientKey client, Identity identity, const void *secret) const;

    /// True if this is a connected client of another backend.
    [[nodiscard]] bool is_other_backends(ClientKey client) const;

    /// True if the identifier belongs to another live connection, and that has another username or is another
    /// backend's.
    [[nodiscard]] bool is_anothers(ClientKey client, Identity identity) const;

    /// False during a takeover: the identifier already belongs to another connection.
    [[nodiscard]] bool owns_client_id(ClientKey client) const;

    /// The identifier of a connected client; empty for any other.
    [[nodiscard]] std::string client_id(ClientKey client) const;

    [[nodiscard]] std::size_t connected_count() const { return connected_.size(); }
    [[nodiscard]] std::size_t disconnected_count() const { return disconnected_.size(); }

    void clear();

  private:
    struct Connected {
        std::string client_id;
        std::string username;
        host::Session session;  ///< empty: another backend's
        const void *secret = nullptr;
    };
    using Order = std::list<const std::string *>;  ///< keys of by_identity_, the latest disconnected first
    struct Remembered {
        host::Session session;
        ClientKey client = nullptr;
        bool disconnected = false;
        Order::iterator place;  ///< valid if disconnected
    };

    void remember(const std::string &key, ClientKey client, host::Session session);
    /// Takes the entry out of the order of disconnected clients.
    void remove_from_order(const std::string &key, Remembered &entry);

    std::size_t max_disconnected_;
    std::size_t max_bytes_;
    std::size_t disconnected_bytes_ = 0;
    std::unordered_map<ClientKey, Connected> connected_;
    std::unordered_map<std::string, Remembered> by_identity_;
    std::unordered_map<std::string, ClientKey> by_client_id_;  ///< the latest connection of each identifier
    Order disconnected_;
};

}  // namespace tokenward::mosquitto_plugin
