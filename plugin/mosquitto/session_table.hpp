// Finds the session of a client of the broker, also after the connection has ended, and who has a client identifier.
//
// Mosquitto asks about the rights of more than connected clients:
// - after DISCONNECT, for a will and for a durable session: the client pointer is the same;
// - for the publisher of a retained message: the broker makes up a client with an identifier and a username,
//   but without an address;
// - for a durable session that it loaded from disk at start: it has no address either.
// So a connected client is found by its pointer, one that left by its pointer and names, and a stored identity by its
// identifier and username. Sessions of clients that left are bounded for each identity by itself: whoever comes with a
// thousand identifiers loses only their own.
#pragma once

#include "grant_cache.hpp"
#include "tokenward.hpp"

#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tokenward::mosquitto_plugin {

/// What the broker says about a client when it asks.
struct Identity {
    std::string_view client_id;
    std::string_view username;  ///< empty: none
};

enum class ClientState {
    connected,      ///< and logged in by this plugin
    departed,       ///< was connected; the broker still has its will or its durable session
    stored,         ///< not a connection: the broker asks about the identity behind a stored message or session
    other_backend,  ///< is or was connected, and logged in by another backend
    unknown,        ///< never seen
};

struct Found {
    ClientState state = ClientState::unknown;
    /// Connected: its session. Departed and stored: the last one, if it is remembered.
    const host::Session *session = nullptr;
};

/// Who has a client identifier.
struct Holder {
    ClientKey client = nullptr;
    std::string username;
    bool connected = false;  ///< else the broker may have a durable session under it
};

/// What the broker says about a client that may be gone.
struct Broker {
    /// Whether it still has a client that left; true if it can't be told.
    bool (*still_there)(ClientKey client, const std::string &client_id);
    /// Whether another backend has let the client in. Nothing: not known yet.
    std::optional<bool> (*is_in)(ClientKey client, const std::string &client_id);
};

/// Not thread-safe: one broker thread.
class SessionTable {
  public:
    /// What is remembered of clients that left: sessions, and bytes of identifiers, which may have 65535 each.
    struct Limits {
        std::size_t sessions_of_identity = 64;
        std::size_t bytes_of_identity = std::size_t{64} << 10;
        std::size_t sessions = 100000;
        std::size_t bytes = std::size_t{64} << 20;
    };

    explicit SessionTable(Limits limits) : limits_(limits) {}

    /// A client has logged in. secret is the address of the password that it sent (see recheck).
    void add(ClientKey client, Identity identity, host::Session session, const void *secret);

    /// A client whose credentials are for another backend (chain), which may still refuse it. several_steps: it may take
    /// more than the packet at hand until it is in.
    void leave_to_others(ClientKey client, std::string_view client_id, bool several_steps);

    /// A client that another backend, or none, has let in.
    void let_in_by_others(ClientKey client, std::string_view client_id);

    /// The client's connection has ended. identity: as the broker knows it now. durable: the broker may keep its
    /// session; else it asks about the will at once, and then no more.
    void disconnect(ClientKey client, Identity identity, bool durable);

    /// A new connection has this pointer: an earlier client under it is gone.
    void begin(ClientKey client);

    /// What its connected clients were allowed. A client's are forgotten when it is another one or has ended; who changes
    /// its rights otherwise forgets them.
    [[nodiscard]] GrantCache &grants() { return grants_; }

    /// Whether settle has something to do.
    [[nodiscard]] bool is_settled() const { return unsettled_.empty() && leaving_.empty(); }

    /// No event is being handled: forgets clients that left and that the broker no longer has, and asks which clients of
    /// other backends are in.
    void settle(const Broker &broker) {
        if (!is_settled()) settle_all(broker);
    }

    /// has_address: the broker knows a peer address. It does for every client that is or was connected.
    [[nodiscard]] Found find(ClientKey client, Identity identity, bool has_address) const;

    /// Whether the will of a client that left is still to be judged. True once.
    [[nodiscard]] bool take_will(ClientKey client);

    /// It isn't the client that left, but another in its piece of memory.
    void forget_pointer(ClientKey client) { departed_.erase(client); }

    /// The session of a connected client of this plugin, or NULL.
    [[nodiscard]] const host::Session *session_of(ClientKey client, Identity identity) const;

    /// use(client, session) for each connected client of this plugin.
    template <class Use>
    void for_each_session(Use use) const {
        for (const auto &[client, connected] : connected_) {
            if (!connected.username.empty()) use(client, connected.session);
        }
    }

    /// The broker begins to check every client's password once more.
    void begin_rechecks() { ++rechecks_; }

    /// True if this is a connected client of this plugin and secret is the password that it logged in with; once after
    /// each begin_rechecks.
    [[nodiscard]] bool recheck(ClientKey client, Identity identity, const void *secret);

    /// The same for a client that left: its backend.
    enum class Backend { none, this_plugin, other };
    [[nodiscard]] Backend recheck_departed(ClientKey client, Identity identity);

    /// True if this is a connected client of another backend.
    [[nodiscard]] bool is_other_backends(ClientKey client) const;

    /// Who has the identifier, if it is neither this client nor its identity.
    [[nodiscard]] std::optional<Holder> other_holder(ClientKey client, Identity identity) const;

    /// The broker has no client and no session under the identifier any more.
    void forget_holder(std::string_view client_id);

    /// False during a takeover: the identifier already belongs to another connection.
    [[nodiscard]] bool owns_client_id(ClientKey client) const;

    /// The session of a connected client, whatever the broker calls it now; NULL for any other.
    [[nodiscard]] const host::Session *connected_session(ClientKey client) const;

    /// The identifier of a connected client; empty for any other.
    [[nodiscard]] std::string client_id(ClientKey client) const;

    [[nodiscard]] std::size_t connected_count() const { return connected_.size(); }
    [[nodiscard]] std::size_t departed_count() const { return departed_.size(); }
    /// Of clients that left.
    [[nodiscard]] std::size_t remembered_count() const { return by_age_.size(); }

    void clear();

  private:
    struct Connected {
        std::string client_id;
        std::string username;   ///< empty: another backend's
        host::Session session;  ///< empty: another backend's
        const void *secret = nullptr;
        unsigned rechecked = 0;
        bool settled = true;  ///< false: another backend may still refuse it
    };
    struct Departed {
        std::size_t names = 0;  ///< a hash of identifier and username
        unsigned rechecked = 0;
        bool ours = false;
        bool durable = false;
        bool will_judged = false;
    };

    using Ages = std::list<const std::string *>;  ///< keys of records_, the latest that left first
    struct Kept {
        Ages by_age;
        std::size_t bytes = 0;
    };
    using KeptByIdentity = std::map<std::string, Kept>;
    /// The last client with an identifier.
    struct Record {
        std::string username;
        host::Session session;  ///< empty: another backend's
        ClientKey client = nullptr;
        bool connected = true;
        // Valid unless connected:
        KeptByIdentity::iterator identity;
        Ages::iterator age_in_identity;
        Ages::iterator age;
    };
    // An ordered map: clients choose the keys, and no choice makes a tree slow.
    using Records = std::map<std::string, Record, std::less<>>;

    void settle_all(const Broker &broker);
    static std::size_t hash_of(Identity identity);
    void hold(std::string_view client_id, std::string_view username, const host::Session &session,
              ClientKey client);
    /// The record's client left: remembers it, within the limits.
    void keep(Records::iterator record);
    void take_from_kept(Records::iterator record);
    void erase(Records::iterator record);

    Limits limits_;
    GrantCache grants_;
    std::unordered_map<ClientKey, Connected> connected_;
    std::unordered_map<ClientKey, Departed> departed_;  ///< bounded by the broker's own memory for clients
    std::vector<ClientKey> unsettled_;
    std::vector<std::pair<ClientKey, std::string>> leaving_;  ///< since the last settle, with their identifiers
    Records records_;
    KeptByIdentity kept_;
    Ages by_age_;
    std::size_t bytes_ = 0;
    unsigned rechecks_ = 0;
};

}  // namespace tokenward::mosquitto_plugin
