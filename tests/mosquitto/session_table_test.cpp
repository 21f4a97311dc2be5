#include "session_table.hpp"

#include <string>

#include <gtest/gtest.h>

// The table only hands sessions around: a number will do.
struct tokenward_session {
    int number;
};

namespace tokenward::mosquitto_plugin {
namespace {

int live_sessions = 0;

host::Session make_session(int number) {
    host::Functions functions;
    functions.session_release = [](tokenward_session *session) {
        --live_sessions;
        delete session;
    };
    ++live_sessions;
    return {host::Library(functions), new tokenward_session{number}};
}

/// Client pointers as the broker would have them; the same number is the same pointer.
ClientKey client(std::size_t number) {
    static const char places[64] = {};
    return &places[number];
}

int number_in(const Found &found) {
    return found.session == nullptr ? 0 : found.session->get()->number;
}

constexpr Identity alice{"sensor", "alice"};
constexpr Identity bob{"sensor", "bob"};

TEST(SessionTable, FindsAConnectedClientByPointerAndNames) {
    SessionTable table(10);
    table.add(client(1), alice, make_session(7), nullptr);

    const Found found = table.find(client(1), alice, true);
    EXPECT_EQ(found.state, ClientState::connected);
    EXPECT_EQ(number_in(found), 7);
    EXPECT_EQ(table.client_id(client(1)), "sensor");
}

TEST(SessionTable, KnowsNobodyElse) {
    SessionTable table(10);
    table.add(client(1), alice, make_session(7), nullptr);

    EXPECT_EQ(table.find(client(2), bob, true).state, ClientState::unknown);
    // Another connection with the same names is another client: let in by a certificate, say.
    EXPECT_EQ(table.find(client(2), alice, true).state, ClientState::unknown);
    // The pointer of a connected client under other names: it came back in another client's life.
    EXPECT_EQ(table.find(client(1), bob, true).state, ClientState::unknown);
    EXPECT_EQ(table.find(client(1), {"other", "alice"}, true).state, ClientState::unknown);
}

TEST(SessionTable, AnswersForAWillAndADurableSessionAfterDisconnect) {
    SessionTable table(10);
    table.add(client(1), alice, make_session(7), nullptr);
    table.disconnect(client(1));

    const Found found = table.find(client(1), alice, true);
    EXPECT_EQ(found.state, ClientState::disconnected);
    EXPECT_EQ(number_in(found), 7);
    EXPECT_EQ(table.find(client(2), alice, true).state, ClientState::unknown);
    EXPECT_EQ(table.session_of(client(1), alice), nullptr);
    EXPECT_EQ(table.connected_count(), 0u);
}

TEST(SessionTable, AnswersForTheIdentityBehindARetainedMessage) {
    SessionTable table(10);
    table.add(client(1), alice, make_session(7), nullptr);

    const Found while_connected = table.find(client(9), alice, false);
    EXPECT_EQ(while_connected.state, ClientState::stored);
    EXPECT_EQ(number_in(while_connected), 7);
    table.disconnect(client(1));
    EXPECT_EQ(number_in(table.find(client(9), alice, false)), 7);

    const Found stranger = table.find(client(9), bob, false);
    EXPECT_EQ(stranger.state, ClientState::stored);
    EXPECT_EQ(stranger.session, nullptr);
}

TEST(SessionTable, TakesOverInTheBrokersOrder) {
    // The new connection is let in first; then the old one's will is checked, and only then the old one
    // disconnects.
    SessionTable table(10);
    table.add(client(1), alice, make_session(1), nullptr);
    table.add(client(2), alice, make_session(2), nullptr);

    EXPECT_EQ(number_in(table.find(client(1), alice, true)), 1);
    EXPECT_FALSE(table.owns_client_id(client(1)));
    EXPECT_TRUE(table.owns_client_id(client(2)));

    table.disconnect(client(1));
    EXPECT_EQ(table.find(client(2), alice, true).state, ClientState::connected);
    EXPECT_EQ(number_in(table.find(client(2), alice, true)), 2);
    EXPECT_EQ(table.disconnected_count(), 0u);

    table.disconnect(client(2));
    EXPECT_EQ(number_in(table.find(client(2), alice, true)), 2);
    EXPECT_EQ(table.disconnected_count(), 1u);
}

TEST(SessionTable, ComesBackUnderANewPointer) {
    SessionTable table(10);
    table.add(client(1), alice, make_session(1), nullptr);
    table.disconnect(client(1));
    table.add(client(2), alice, make_session(2), nullptr);

    EXPECT_EQ(table.disconnected_count(), 0u);
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
    EXPECT_EQ(number_in(table.find(client(2), alice, true)), 2);
}

TEST(SessionTable, AReusedPointerStartsWithoutASession) {
    SessionTable table(10);
    table.add(client(1), alice, make_session(1), nullptr);
    table.disconnect(client(1));  // as the adapter does when a connection begins
    table.add(client(1), bob, make_session(2), nullptr);

    EXPECT_EQ(number_in(table.find(client(1), bob, true)), 2);
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
}

TEST(SessionTable, LeavesForeignClientsToOthers) {
    SessionTable table(10);
    table.leave_to_others(client(1), "sensor");
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::other_backend);
    EXPECT_TRUE(table.is_other_backends(client(1)));
    table.disconnect(client(1));
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
    EXPECT_EQ(table.disconnected_count(), 0u);
}

TEST(SessionTable, ForgetsAnIdentityThatAnotherBackendGaveOut) {
    SessionTable table(10);
    table.add(client(1), alice, make_session(1), nullptr);
    table.forget(alice);  // still connected: nothing to forget
    EXPECT_EQ(number_in(table.find(client(1), alice, true)), 1);
    table.disconnect(client(1));
    table.forget(alice);
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
    EXPECT_EQ(table.find(client(9), alice, false).session, nullptr);
    EXPECT_EQ(table.disconnected_count(), 0u);
}

TEST(SessionTable, IsBoundedAndDropsTheLongestDisconnected) {
    SessionTable table(2);
    const std::string names[] = {"a", "b", "c"};
    for (std::size_t i = 0; i < 3; ++i) {
        table.add(client(i), {names[i], "user"}, make_session(static_cast<int>(i) + 1), nullptr);
    }
    EXPECT_EQ(table.connected_count(), 3u);  // connected ones are never dropped
    for (std::size_t i = 0; i < 3; ++i) table.disconnect(client(i));
    EXPECT_EQ(table.disconnected_count(), 2u);
    EXPECT_EQ(table.find(client(0), {"a", "user"}, true).state, ClientState::unknown);
    EXPECT_EQ(number_in(table.find(client(1), {"b", "user"}, true)), 2);
    EXPECT_EQ(number_in(table.find(client(2), {"c", "user"}, true)), 3);
}

TEST(SessionTable, IsBoundedInBytesToo) {
    // A client identifier may have 65535 bytes, and one token is enough to come with ever new ones.
    SessionTable table(1000, 250000);
    for (int i = 0; i < 100; ++i) {
        const std::string id = std::to_string(100 + i) + std::string(59997, 'x');
        table.add(client(1), {id, "alice"}, make_session(i), nullptr);
        table.disconnect(client(1));
        EXPECT_EQ(number_in(table.find(client(1), {id, "alice"}, true)), i);
    }
    EXPECT_EQ(table.disconnected_count(), 4u);
    table.clear();
    const std::string huge(300000, 'x');
    table.add(client(1), {huge, "alice"}, make_session(1), nullptr);
    table.disconnect(client(1));
    EXPECT_EQ(table.disconnected_count(), 0u);
    table.add(client(1), alice, make_session(2), nullptr);
    table.disconnect(client(1));
    EXPECT_EQ(table.disconnected_count(), 1u);
}

TEST(SessionTable, DropsSessionsItNoLongerNeeds) {
    SessionTable table(1);
    const int before = live_sessions;
    table.add(client(1), alice, make_session(1), nullptr);
    table.disconnect(client(1));
    EXPECT_EQ(live_sessions, before + 1);
    table.add(client(2), {"other", "x"}, make_session(2), nullptr);
    table.disconnect(client(2));
    EXPECT_EQ(live_sessions, before + 1);
    EXPECT_EQ(number_in(table.find(client(2), {"other", "x"}, true)), 2);
    table.clear();
    EXPECT_EQ(live_sessions, before);
}

TEST(SessionTable, KnowsTheOwnerOfAClientIdWhenTwoAreTakenOver) {
    SessionTable table(10);
    for (std::size_t i = 1; i <= 3; ++i)
        table.add(client(i), alice, make_session(static_cast<int>(i)), nullptr);
    table.disconnect(client(1));
    EXPECT_FALSE(table.owns_client_id(client(2)));
    EXPECT_TRUE(table.owns_client_id(client(3)));
}

TEST(SessionTable, TellsARecheckFromANewLogin) {
    SessionTable table(10);
    const char password[] = "token";
    table.add(client(1), alice, make_session(1), password);
    EXPECT_TRUE(table.is_recheck(client(1), alice, password));
    const char other[] = "token";
    EXPECT_FALSE(table.is_recheck(client(1), alice, other));
    EXPECT_FALSE(table.is_recheck(client(1), bob, password));
    EXPECT_FALSE(table.is_recheck(client(2), alice, password));
    table.disconnect(client(1));
    EXPECT_FALSE(table.is_recheck(client(1), alice, password));
}

TEST(SessionTable, NamesCantRunIntoEachOther) {
    SessionTable table(10);
    table.add(client(1), {"a", "bc"}, make_session(1), nullptr);
    table.disconnect(client(1));
    EXPECT_EQ(table.find(client(9), {"ab", "c"}, false).session, nullptr);
    EXPECT_NE(table.find(client(9), {"a", "bc"}, false).session, nullptr);
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
