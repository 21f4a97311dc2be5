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

constexpr SessionTable::Limits limits{};

std::optional<bool> is_in(ClientKey, const std::string &) {
    return true;
}
std::optional<bool> is_refused(ClientKey, const std::string &) {
    return false;
}
std::optional<bool> is_undecided(ClientKey, const std::string &) {
    return std::nullopt;
}
constexpr Broker always{[](ClientKey, const std::string &) { return true; }, is_in};
constexpr Broker never{[](ClientKey, const std::string &) { return false; }, is_in};

/// Leaves behind a durable session.
void leave(SessionTable &table, ClientKey key) {
    table.disconnect(key, Identity(), true);
    table.settle(always);
}

TEST(SessionTable, FindsAConnectedClientByPointerAndNames) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(7), nullptr);

    const Found found = table.find(client(1), alice, true);
    EXPECT_EQ(found.state, ClientState::connected);
    EXPECT_EQ(number_in(found), 7);
    EXPECT_EQ(table.client_id(client(1)), "sensor");
}

TEST(SessionTable, KnowsNobodyElse) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(7), nullptr);

    EXPECT_EQ(table.find(client(2), bob, true).state, ClientState::unknown);
    // Another connection with the same names is another client: let in by a certificate, say.
    EXPECT_EQ(table.find(client(2), alice, true).state, ClientState::unknown);
    // The pointer of a connected client under other names: it came back in another client's life.
    EXPECT_EQ(table.find(client(1), bob, true).state, ClientState::unknown);
    EXPECT_EQ(table.find(client(1), {"other", "alice"}, true).state, ClientState::unknown);
}

TEST(SessionTable, AnswersForAWillAndADurableSessionAfterDisconnect) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(7), nullptr);
    table.disconnect(client(1), Identity(), true);
    for (int settled = 0; settled < 2; ++settled) {
        const Found found = table.find(client(1), alice, true);
        EXPECT_EQ(found.state, ClientState::departed);
        EXPECT_EQ(number_in(found), 7);
        table.settle(always);
    }
    EXPECT_EQ(table.find(client(2), alice, true).state, ClientState::unknown);
    EXPECT_EQ(table.find(client(1), bob, true).state, ClientState::unknown);
    EXPECT_EQ(table.session_of(client(1), alice), nullptr);
    EXPECT_EQ(table.connected_count(), 0u);
}

TEST(SessionTable, OfAClientWithoutADurableSessionOnlyTheWillIsAskedAbout) {
    SessionTable table(limits);
    const int before = live_sessions;
    table.add(client(1), alice, make_session(7), nullptr);
    table.disconnect(client(1), Identity(), false);
    EXPECT_EQ(number_in(table.find(client(1), alice, true)), 7);
    table.settle(always);
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
    EXPECT_EQ(table.departed_count(), 0u);
    EXPECT_EQ(table.remembered_count(), 0u);
    EXPECT_EQ(live_sessions, before);
}

TEST(SessionTable, ForgetsWhatTheBrokerNoLongerHas) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(7), nullptr);
    table.disconnect(client(1), Identity(), true);
    table.settle(never);
    EXPECT_EQ(table.departed_count() + table.remembered_count(), 0u);
}

TEST(SessionTable, AnEarlierLifeOfAPointerDoesNotEndALaterOne) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(1), nullptr);
    table.begin(client(1));  // its end was never told
    table.add(client(1), alice, make_session(2), nullptr);
    table.disconnect(client(1), Identity(), true);
    table.settle(always);
    EXPECT_EQ(number_in(table.find(client(1), alice, true)), 2);
}

TEST(SessionTable, AnswersForTheIdentityBehindARetainedMessage) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(7), nullptr);

    const Found while_connected = table.find(client(9), alice, false);
    EXPECT_EQ(while_connected.state, ClientState::stored);
    EXPECT_EQ(number_in(while_connected), 7);
    leave(table, client(1));
    EXPECT_EQ(number_in(table.find(client(9), alice, false)), 7);

    const Found stranger = table.find(client(9), bob, false);
    EXPECT_EQ(stranger.state, ClientState::stored);
    EXPECT_EQ(stranger.session, nullptr);
}

TEST(SessionTable, TakesOverInTheBrokersOrder) {
    // The new connection is let in first; then the old one's will is checked, and only then the old one
    // disconnects.
    SessionTable table(limits);
    table.add(client(1), alice, make_session(1), nullptr);
    table.add(client(2), alice, make_session(2), nullptr);

    EXPECT_EQ(number_in(table.find(client(1), alice, true)), 1);
    EXPECT_FALSE(table.owns_client_id(client(1)));
    EXPECT_TRUE(table.owns_client_id(client(2)));

    leave(table, client(1));
    EXPECT_EQ(table.find(client(2), alice, true).state, ClientState::connected);
    EXPECT_EQ(number_in(table.find(client(2), alice, true)), 2);
    EXPECT_EQ(table.find(client(1), alice, true).session, nullptr);
    EXPECT_EQ(table.remembered_count(), 0u);

    leave(table, client(2));
    EXPECT_EQ(number_in(table.find(client(2), alice, true)), 2);
    EXPECT_EQ(table.remembered_count(), 1u);
}

TEST(SessionTable, ComesBackUnderANewPointer) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(1), nullptr);
    leave(table, client(1));
    table.add(client(2), alice, make_session(2), nullptr);

    EXPECT_EQ(table.remembered_count(), 0u);
    EXPECT_EQ(table.find(client(1), alice, true).session, nullptr);
}

TEST(SessionTable, AReusedPointerStartsWithoutASession) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(1), nullptr);
    table.begin(client(1));
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
    table.add(client(1), bob, make_session(2), nullptr);
    EXPECT_EQ(number_in(table.find(client(1), bob, true)), 2);
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
    leave(table, client(1));
    table.begin(client(1));
    EXPECT_EQ(table.find(client(1), bob, true).state, ClientState::unknown);
}

TEST(SessionTable, LeavesForeignClientsToOthers) {
    SessionTable table(limits);
    table.leave_to_others(client(1), "sensor", false);
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::other_backend);
    EXPECT_TRUE(table.is_other_backends(client(1)));
    table.settle(always);
    table.disconnect(client(1), {"sensor", "local"}, true);
    EXPECT_EQ(table.find(client(1), {"sensor", "local"}, true).state, ClientState::other_backend);
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
    EXPECT_EQ(table.find(client(9), {"sensor", "local"}, false).session, nullptr);
    table.begin_rechecks();
    EXPECT_EQ(table.recheck_departed(client(1), {"sensor", "local"}), SessionTable::Backend::other);
}

// ---- who has an identifier --------------------------------------------------------------------------------

TEST(SessionTable, AnIdentifierBelongsToWhoeverIsConnectedWithItOrLeftASession) {
    SessionTable table(limits);
    EXPECT_FALSE(table.other_holder(client(2), bob));
    table.add(client(1), alice, make_session(1), nullptr);
    EXPECT_FALSE(table.other_holder(client(2), alice));
    ASSERT_TRUE(table.other_holder(client(2), bob));
    EXPECT_TRUE(table.other_holder(client(2), bob)->connected);
    EXPECT_EQ(table.other_holder(client(2), bob)->username, "alice");
    leave(table, client(1));
    EXPECT_FALSE(table.other_holder(client(2), alice));
    ASSERT_TRUE(table.other_holder(client(2), bob));
    EXPECT_FALSE(table.other_holder(client(2), bob)->connected);
    // The memory of the client that left is another's now.
    EXPECT_TRUE(table.other_holder(client(1), bob));
    table.forget_holder("sensor");
    EXPECT_FALSE(table.other_holder(client(2), bob));
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
}

TEST(SessionTable, WhoIsRefusedByAnotherBackendTakesNothing) {
    for (const bool several_steps : {false, true}) {
        SessionTable table(limits);
        table.add(client(1), alice, make_session(1), nullptr);
        table.leave_to_others(client(2), "sensor", several_steps);
        // The end of a refused client isn't always told, or later.
        table.settle({always.still_there, is_undecided});
        table.settle({always.still_there, is_refused});
        table.settle(always);
        EXPECT_FALSE(table.other_holder(client(3), alice)) << several_steps;
        EXPECT_TRUE(table.owns_client_id(client(1)));
        table.begin(client(2));
        ASSERT_TRUE(table.other_holder(client(3), bob));
        EXPECT_EQ(table.connected_count(), 1u);
    }
}

TEST(SessionTable, WhoTakesSeveralStepsIsInWhenTheBrokerSaysSo) {
    SessionTable table(limits);
    table.leave_to_others(client(2), "sensor", true);
    EXPECT_FALSE(table.other_holder(client(3), alice));
    table.let_in_by_others(client(2), "sensor");
    ASSERT_TRUE(table.other_holder(client(3), alice));
    EXPECT_TRUE(table.other_holder(client(3), alice)->connected);
}

TEST(SessionTable, AClientThatNoPluginWasAskedAboutHasItsIdentifier) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(1), nullptr);
    leave(table, client(1));
    table.let_in_by_others(client(1), "sensor");  // the piece of memory of the one that left
    EXPECT_EQ(table.find(client(1), alice, true).state, ClientState::unknown);
    EXPECT_TRUE(table.other_holder(client(3), alice));
    table.disconnect(client(1), {"sensor", "device"}, true);
    table.settle(always);
    ASSERT_TRUE(table.other_holder(client(3), alice));
    EXPECT_EQ(table.other_holder(client(3), alice)->username, "device");
    table.settle(never);
}

TEST(SessionTable, AWillIsJudgedOnce) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(1), nullptr);
    EXPECT_FALSE(table.take_will(client(1)));
    leave(table, client(1));
    EXPECT_TRUE(table.take_will(client(1)));
    EXPECT_FALSE(table.take_will(client(1)));
}

TEST(SessionTable, AnotherBackendsClientHasItsIdentifierOnceItWasLetIn) {
    SessionTable table(limits);
    table.add(client(1), alice, make_session(1), nullptr);
    leave(table, client(1));
    // Whoever is refused takes nothing from alice.
    table.leave_to_others(client(2), "sensor", false);
    table.disconnect(client(2), {"sensor", "alice"}, true);
    table.settle(always);
    EXPECT_FALSE(table.other_holder(client(3), alice));
    EXPECT_EQ(number_in(table.find(client(1), alice, true)), 1);

    table.leave_to_others(client(2), "sensor", false);
    table.settle(always);
    EXPECT_TRUE(table.other_holder(client(3), alice));
    EXPECT_EQ(table.find(client(9), alice, false).session, nullptr);
    // Also when it is away, and has the same name.
    table.disconnect(client(2), {"sensor", "alice"}, true);
    table.settle(always);
    ASSERT_TRUE(table.other_holder(client(3), alice));
    EXPECT_FALSE(table.other_holder(client(3), alice)->connected);
    EXPECT_EQ(table.find(client(9), alice, false).session, nullptr);
}

TEST(SessionTable, KnowsTheOwnerOfAClientIdWhenTwoAreTakenOver) {
    SessionTable table(limits);
    for (std::size_t i = 1; i <= 3; ++i)
        table.add(client(i), alice, make_session(static_cast<int>(i)), nullptr);
    leave(table, client(1));
    EXPECT_FALSE(table.owns_client_id(client(2)));
    EXPECT_TRUE(table.owns_client_id(client(3)));
}

// ---- what is remembered -----------------------------------------------------------------------------------

TEST(SessionTable, OneIdentityLosesOnlyItsOwn) {
    SessionTable table({.sessions_of_identity = 2, .bytes_of_identity = 1000});
    table.add(client(0), bob, make_session(9), nullptr);
    leave(table, client(0));
    const std::string names[] = {"a", "b", "c"};
    for (std::size_t i = 0; i < 3; ++i)
        table.add(client(i + 1), {names[i], "user"}, make_session(static_cast<int>(i) + 1), nullptr);
    EXPECT_EQ(table.connected_count(), 3u);  // connected ones are never dropped
    for (std::size_t i = 0; i < 3; ++i) leave(table, client(i + 1));
    EXPECT_EQ(table.remembered_count(), 3u);
    // The first of the three lost its session. That it left is known: its messages are kept.
    const Found first = table.find(client(1), {"a", "user"}, true);
    EXPECT_EQ(first.state, ClientState::departed);
    EXPECT_EQ(first.session, nullptr);
    EXPECT_FALSE(table.other_holder(client(5), {"a", "other"}));
    EXPECT_EQ(number_in(table.find(client(2), {"b", "user"}, true)), 2);
    EXPECT_EQ(number_in(table.find(client(3), {"c", "user"}, true)), 3);
    EXPECT_EQ(number_in(table.find(client(0), bob, true)), 9);
}

TEST(SessionTable, LongIdentifiersAreBoundedInBytes) {
    // A client identifier may have 65535 bytes, and one token is enough to come with ever new ones.
    SessionTable table(limits);
    table.add(client(0), bob, make_session(9), nullptr);
    leave(table, client(0));
    for (int i = 0; i < 100; ++i) {
        const std::string id = std::to_string(100 + i) + std::string(59997, 'x');
        table.add(client(1), {id, "alice"}, make_session(i), nullptr);
        leave(table, client(1));
        EXPECT_EQ(number_in(table.find(client(1), {id, "alice"}, true)), i);
        EXPECT_EQ(table.remembered_count(), 2u);
    }
    EXPECT_EQ(number_in(table.find(client(0), bob, true)), 9);
    const std::string longest(65535, 'x');
    table.add(client(1), {longest, "alice"}, make_session(1), nullptr);
    leave(table, client(1));
    EXPECT_EQ(number_in(table.find(client(1), {longest, "alice"}, true)), 1);
}

TEST(SessionTable, AnIdentifierThatAloneIsTooMuchIsNotRemembered) {
    SessionTable table({.bytes_of_identity = 10});
    table.add(client(1), {"12345678901", "alice"}, make_session(1), nullptr);
    leave(table, client(1));
    EXPECT_EQ(table.remembered_count(), 0u);
    table.add(client(1), {"1234567890", "alice"}, make_session(2), nullptr);
    leave(table, client(1));
    EXPECT_EQ(table.remembered_count(), 1u);
}

TEST(SessionTable, AllTogetherAreBoundedToo) {
    for (const SessionTable::Limits &few :
         {SessionTable::Limits{.sessions = 2}, SessionTable::Limits{.bytes = 2}}) {
        SessionTable table(few);
        const std::string names[] = {"a", "b", "c"};
        for (std::size_t i = 0; i < 3; ++i) {
            table.add(client(i), {names[i], names[i]}, make_session(static_cast<int>(i) + 1), nullptr);
            leave(table, client(i));
        }
        EXPECT_EQ(table.remembered_count(), 2u);
        EXPECT_EQ(table.find(client(0), {"a", "a"}, true).session, nullptr);
        EXPECT_EQ(table.find(client(0), {"a", "a"}, true).state, ClientState::departed);
        EXPECT_EQ(number_in(table.find(client(1), {"b", "b"}, true)), 2);
    }
}

TEST(SessionTable, DropsSessionsItNoLongerNeeds) {
    SessionTable table({.sessions = 1});
    const int before = live_sessions;
    table.add(client(1), alice, make_session(1), nullptr);
    leave(table, client(1));
    EXPECT_EQ(live_sessions, before + 1);
    table.add(client(2), {"other", "x"}, make_session(2), nullptr);
    leave(table, client(2));
    EXPECT_EQ(live_sessions, before + 1);
    EXPECT_EQ(number_in(table.find(client(2), {"other", "x"}, true)), 2);
    table.clear();
    EXPECT_EQ(live_sessions, before);
}

TEST(SessionTable, NamesCantRunIntoEachOther) {
    SessionTable table(limits);
    table.add(client(1), {"a", "bc"}, make_session(1), nullptr);
    leave(table, client(1));
    EXPECT_EQ(table.find(client(9), {"ab", "c"}, false).session, nullptr);
    EXPECT_EQ(table.find(client(1), {"ab", "c"}, true).state, ClientState::unknown);
    EXPECT_NE(table.find(client(9), {"a", "bc"}, false).session, nullptr);
}

// ---- rechecks after a reload ------------------------------------------------------------------------------

TEST(SessionTable, TellsARecheckFromANewLogin) {
    SessionTable table(limits);
    const char password[] = "token";
    table.add(client(1), alice, make_session(1), password);
    EXPECT_FALSE(table.recheck(client(1), alice, password)) << "nothing was reloaded";
    table.begin_rechecks();
    const char other[] = "token";
    EXPECT_FALSE(table.recheck(client(1), alice, other));
    EXPECT_FALSE(table.recheck(client(1), bob, password));
    EXPECT_FALSE(table.recheck(client(2), alice, password));
    EXPECT_TRUE(table.recheck(client(1), alice, password));
    EXPECT_FALSE(table.recheck(client(1), alice, password)) << "the broker asks once";
    table.begin_rechecks();
    EXPECT_TRUE(table.recheck(client(1), alice, password));
    table.begin_rechecks();
    leave(table, client(1));
    EXPECT_FALSE(table.recheck(client(1), alice, password));
}

TEST(SessionTable, ChecksADurableSessionOnceToo) {
    constexpr auto none = SessionTable::Backend::none;
    SessionTable table(limits);
    table.add(client(1), alice, make_session(1), nullptr);
    table.begin_rechecks();
    EXPECT_EQ(table.recheck_departed(client(1), alice), none);
    leave(table, client(1));
    EXPECT_EQ(table.recheck_departed(client(1), bob), none);
    EXPECT_EQ(table.recheck_departed(client(1), alice), SessionTable::Backend::this_plugin);
    EXPECT_EQ(table.recheck_departed(client(1), alice), none);
    table.begin_rechecks();
    table.begin(client(1));
    EXPECT_EQ(table.recheck_departed(client(1), alice), none) << "a new connection";
}

}  // namespace
}  // namespace tokenward::mosquitto_plugin
