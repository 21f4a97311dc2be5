// Which session belongs to which client of the broker, also after the connection has ended.
//
// Mosquitto asks about rights in three more situations than one expects: about a will and a durable session
// after DISCONNECT (same client pointer), about the publisher of a retained message (a client made up on the
// stack that has an identifier and a username, but no address), and about durable sessions that it loaded from
// disk at start. So live clients are found by pointer, and the identity (client identifier, username) leads to
// the last session seen under it, for a bounded number of departed ones.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

struct tokenward_session;

namespace tokenward::mosquitto_plugin {

using SessionRef = std::shared_ptr<tokenward_session>;

/// The broker's client pointer: compared, never followed.
using ClientKey = const void *;

/// What the broker says about a client when it asks.
struct Identity {
    std::string_view client_id;
    std::string_view username;  ///< empty: none
};

enum class Standing {
    live,      ///< connected, and admitted by us
    departed,  ///< its connection has ended; the broker still keeps its will or its durable session
    remote,    ///< not a client at all: the broker asks about the identity behind a stored message
    foreign,   ///< connected, and left to another backend
    unknown,   ///< never seen, or long ago
};

struct Found {
    Standing standing = Standing::unknown;
    const SessionRef *session = nullptr;  ///< set for live, departed and remote
};

/// Not thread-safe: one broker thread.
class SessionTable {
  public:
    /// Of departed clients at most this many are remembered, and at most max_bytes of their names: a client
    /// identifier may have 65535 bytes, and who has one token may come with ever new ones.
    explicit SessionTable(std::size_t max_departed, std::size_t max_bytes = std::size_t{16} << 20)
        : max_departed_(max_departed), max_bytes_(max_bytes) {}

    /// A client was let in. secret is the address of the password that it sent (see is_recheck).
    void admit(ClientKey client, Identity identity, SessionRef session, const void *secret);

    /// A client whose credentials aren't ours (chain).
    void leave_to_others(ClientKey client, std::string_view client_id);

    /// A connection has ended, or a pointer begins a new one. Its session stays findable by identity.
    void depart(ClientKey client);

    /// The identity now belongs to a client of another backend: what we remember of it ends.
    void forget(Identity identity);

    /// has_address: the broker knows a peer address, as for every client that is or was connected.
    [[nodiscard]] Found find(ClientKey client, Identity identity, bool has_address) const;

    /// The session of a connected client, or NULL.
    [[nodiscard]] const SessionRef *live(ClientKey client, Identity identity) const;

    /// True if this is a live client of ours with the very password that it came in with.
    [[nodiscard]] bool is_recheck(ClientKey client, Identity identity, const void *secret) const;

    [[nodiscard]] bool is_foreign(ClientKey client) const;

    /// True if the identifier is this client's, and no other connection's (a takeover in progress).
    [[nodiscard]] bool owns_client_id(ClientKey client) const;

    /// The client identifier of a live client; empty if there is none.
    [[nodiscard]] std::string client_id(ClientKey client) const;

    [[nodiscard]] std::size_t live_count() const { return live_.size(); }
    [[nodiscard]] std::size_t departed_count() const { return departed_.size(); }

    void clear();

  private:
    struct Live {
        std::string client_id;
        std::string username;
        SessionRef session;  ///< empty: foreign
        const void *secret = nullptr;
    };
    using Order = std::list<const std::string *>;  ///< keys of by_identity_, the latest departed first
    struct Remembered {
        SessionRef session;
        ClientKey client = nullptr;
        bool departed = false;
        Order::iterator place;  ///< valid if departed
    };

    void remember(const std::string &key, ClientKey client, SessionRef session);
    /// Out of the order of departed ones.
    void recall(const std::string &key, Remembered &entry);

    std::size_t max_departed_;
    std::size_t max_bytes_;
    std::size_t departed_bytes_ = 0;
    std::unordered_map<ClientKey, Live> live_;
    std::unordered_map<std::string, Remembered> by_identity_;
    std::unordered_map<std::string, ClientKey> by_client_id_;  ///< the latest connection of each identifier
    Order departed_;
};

}  // namespace tokenward::mosquitto_plugin
