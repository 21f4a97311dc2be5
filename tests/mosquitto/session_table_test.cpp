#include "session_table.hpp"

#include <string>

#include <gtest/gtest.h>

// The table only hands sessions around: any pointer will do.
struct tokenward_session {
    int number;
};

namespace tokenward::mosquitto_plugin {
namespace {

SessionRef make_session(int number) {
    return std::shared_ptr<tokenward_session>(new tokenward_session{number},
                                              [](tokenward_session *session) { delete session; });
}

/// Client pointers as the broker would have them; the same number is the same pointer.
ClientKey client(std::size_t number) {
    static const char places[64] = {};
    return &places[number];
}

int number_in(const Found &found) {
    return found.session == nullptr ? 0 : (*found.session)->number;
}

constexpr Identity alice{"sensor", "alice"};
constexpr Identity bob{"sensor", "bob"};

TEST(SessionTable, FindsALiveClientByPointerAndNames) {
    SessionTable table(10);
    table.admit(client(1), alice, make_session(7), nullptr);

    const Found found = table.find(client(1), alice, true);
    EXPECT_EQ(found.standing, Standing::live);
    EXPECT_EQ(number_in(found), 7);
    EXPECT_EQ(table.client_id(client(1)), "sensor");
}

TEST(SessionTable, KnowsNobodyElse) {
    SessionTable table(10);
    table.admit(client(1), alice, make_session(7), nullptr);

    EXPECT_EQ(table.find(client(2), bob, true).standing, Standing::unknown);
    // Another connection with the same names is another client: let in by a certificate, say.
    EXPECT_EQ(table.find(client(2), alice, true).standing, Standing::unknown);
    // The pointer of a live client under other names: it came back in another client's life.
    EXPECT_EQ(table.find(client(1), bob, true).standing, Standing::unknown);
    EXPECT_EQ(table.find(client(1), {"other", "alice"}, true).standing, Standing::unknown);
}

TEST(SessionTable, AnswersForAWillAndADurableSessionAfterDisconnect) {
    SessionTable table(10);
    table.admit(client(1), alice, make_session(7), nullptr);
    table.depart(client(1));

    const Found found = table.find(client(1), alice, true);
    EXPECT_EQ(found.standing, Standing::departed);
    EXPECT_EQ(number_in(found), 7);
    EXPECT_EQ(table.find(client(2), alice, true).standing, Standing::unknown);
    EXPECT_EQ(table.live(client(1), alice), nullptr);
    EXPECT_EQ(table.live_count(), 0u);
}

TEST(SessionTable, AnswersForTheIdentityBehindARetainedMessage) {
    SessionTable table(10);
    table.admit(client(1), alice, make_session(7), nullptr);

    const Found while_connected = table.find(client(9), alice, false);
    EXPECT_EQ(while_connected.standing, Standing::remote);
    EXPECT_EQ(number_in(while_connected), 7);
    table.depart(client(1));
    EXPECT_EQ(number_in(table.find(client(9), alice, false)), 7);

    const Found stranger = table.find(client(9), bob, false);
    EXPECT_EQ(stranger.standing, Standing::remote);
    EXPECT_EQ(stranger.session, nullptr);
}

TEST(SessionTable, TakesOverInTheBrokersOrder) {
    // The new connection is let in first; then the old one's will is checked, and only then it departs.
    SessionTable table(10);
    table.admit(client(1), alice, make_session(1), nullptr);
    table.admit(client(2), alice, make_session(2), nullptr);

    EXPECT_EQ(number_in(table.find(client(1), alice, true)), 1);
    EXPECT_FALSE(table.owns_client_id(client(1)));
    EXPECT_TRUE(table.owns_client_id(client(2)));

    table.depart(client(1));
    EXPECT_EQ(table.find(client(2), alice, true).standing, Standing::live);
    EXPECT_EQ(number_in(table.find(client(2), alice, true)), 2);
    EXPECT_EQ(table.departed_count(), 0u);

    table.depart(client(2));
    EXPECT_EQ(number_in(table.find(client(2), alice, true)), 2);
    EXPECT_EQ(table.departed_count(), 1u);
}

TEST(SessionTable, ComesBackUnderANewPointer) {
    SessionTable table(10);
    table.admit(client(1), alice, make_session(1), nullptr);
    table.depart(client(1));
    table.admit(client(2), alice, make_session(2), nullptr);

    EXPECT_EQ(table.departed_count(), 0u);
    EXPECT_EQ(table.find(client(1), alice, true).standing, Standing::unknown);
    EXPECT_EQ(number_in(table.find(client(2), alice, true)), 2);
}

TEST(SessionTable, AReusedPointerStartsWithoutASession) {
    SessionTable table(10);
    table.admit(client(1), alice, make_session(1), nullptr);
    table.depart(client(1));  // as the adapter does when a connection begins
    table.admit(client(1), bob, make_session(2), nullptr);

    EXPECT_EQ(number_in(table.find(client(1), bob, true)), 2);
    EXPECT_EQ(table.find(client(1), alice, true).standing, Standing::unknown);
}

TEST(SessionTable, LeavesForeignClientsToOthers) {
    SessionTable table(10);
    table.leave_to_others(client(1), "sensor");
    EXPECT_EQ(table.find(client(1), alice, true).standing, Standing::foreign);
    EXPECT_TRUE(table.is_foreign(client(1)));
    table.depart(client(1));
    EXPECT_EQ(table.find(client(1), alice, true).standing, Standing::unknown);
    EXPECT_EQ(table.departed_count(), 0u);
}

TEST(SessionTable, ForgetsAnIdentityThatAnotherBackendGaveOut) {
    SessionTable table(10);
    table.admit(client(1), alice, make_session(1), nullptr);
    table.forget(alice);  // still connected: nothing to forget
    EXPECT_EQ(number_in(table.find(client(1), alice, true)), 1);
    table.depart(client(1));
    table.forget(alice);
    EXPECT_EQ(table.find(client(1), alice, true).standing, Standing::unknown);
    EXPECT_EQ(table.find(client(9), alice, false).session, nullptr);
    EXPECT_EQ(table.departed_count(), 0u);
}

TEST(SessionTable, IsBoundedAndDropsTheLongestDeparted) {
    SessionTable table(2);
    const std::string names[] = {"a", "b", "c"};
    for (std::size_t i = 0; i < 3; ++i) {
        table.admit(client(i), {names[i], "user"}, make_session(static_cast<int>(i) + 1), nullptr);
    }
    EXPECT_EQ(table.live_count(), 3u);  // live ones are never dropped
    for (std::size_t i = 0; i < 3; ++i) table.depart(client(i));
    EXPECT_EQ(table.departed_count(), 2u);
    EXPECT_EQ(table.find(client(0), {"a", "user"}, true).standing, Standing::unknown);
    EXPECT_EQ(number_in(table.find(client(1), {"b", "user"}, true)), 2);
    EXPECT_EQ(number_in(table.find(client(2), {"c", "user"}, true)), 3);
}

TEST(SessionTable, IsBoundedInBytesToo) {
    // A client identifier may have 65535 bytes, and one token is enough to come with ever new ones.
    SessionTable table(1000, 250000);
    for (int i = 0; i < 100; ++i) {
        const std::string id = std::to_string(100 + i) + std::string(59997, 'x');
        table.admit(client(1), {id, "alice"}, make_session(i), nullptr);
        table.depart(client(1));
        EXPECT_EQ(number_in(table.find(client(1), {id, "alice"}, true)), i);
    }
    EXPECT_EQ(table.departed_count(), 4u);
    table.clear();
    const std::string huge(300000, 'x');
    table.admit(client(1), {huge, "alice"}, make_session(1), nullptr);
    table.depart(client(1));
    EXPECT_EQ(table.departed_count(), 0u);
    table.admit(client(1), alice, make_session(2), nullptr);
    table.depart(client(1));
    EXPECT_EQ(table.departed_count(), 1u);
}

TEST(SessionTable, DropsSessionsItNoLongerNeeds) {
    SessionTable table(1);
    const SessionRef session = make_session(1);
    table.admit(client(1), alice, session, nullptr);
    table.depart(client(1));
    EXPECT_GT(session.use_count(), 1);
    table.admit(client(2), {"other", "x"}, make_session(2), nullptr);
    table.depart(client(2));
    EXPECT_EQ(session.use_count(), 1);
}

TEST(SessionTable, TellsARecheckFromANewLogin) {
    SessionTable table(10);
    const char password[] = "token";
    table.admit(client(1), alice, make_session(1), password);
    EXPECT_TRUE(table.is_recheck(client(1), alice, password));
    const char other[] = "token";
    EXPECT_FALSE(table.is_recheck(client(1), alice, other));
    EXPECT_FALSE(table.is_recheck(client(1), bob, password));
    EXPECT_FALSE(table.is_recheck(client(2), alice, password));
    table.depart(client(1));
    EXPECT_FALSE(table.is_recheck(client(1), alice, password));
}

TEST(SessionTable, NamesCantRunIntoEachOther) {
    SessionTable table(10);
    table.admit(client(1), {"a", "bc"}, make_session(1), nullptr);
    table.depart(client(1));
    EXPECT_EQ(table.find(client(9), {"ab", "c"}, false).session, nullptr);
    EXPECT_NE(table.find(client(9), {"a", "bc"}, false).session, nullptr);
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
