// A login beside the fetch that brings keys: it sees the set together with its age.
#include "section_keys_fixture.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

using PublicationTest = SectionKeysTest;

TEST_F(PublicationTest, ALoginBetweenTheStepsOfTheFirstFetchNeverFindsItsKeysTooOld) {
    serve(discovery());
    transport.answer_with(key_set({"k1"}));
    int logins = 0;
    bool in_login = false;
    clock.on_read = [&] {
        // Without keys a login would wait for the lock that this fetch holds.
        if (in_login || !keys->has_keys()) return;
        in_login = true;
        EXPECT_EQ(find_reason("k1"), Reason::NONE);
        in_login = false;
        ++logins;
    };
    round();
    clock.on_read = nullptr;
    EXPECT_GT(logins, 0) << "the fetch asked for the time after it published its keys";
}

TEST_F(PublicationTest, ALoginWhileFreshKeysReplaceStaleOnesFindsTheFreshOnes) {
    begin_with(key_set({"k1"}));
    const KeyRef k1 = *keys->find(eddsa, "k1", "", 0);
    clock.advance_s(86'401);
    ASSERT_EQ(find_reason("k1"), Reason::KEYS_UNAVAILABLE);
    round();
    while (!transport.running.empty() && transport.request().url != jwks_uri) {
        transport.answer_with(discovery());
        round();
    }
    transport.answer_with(key_set({"k1", "k2"}));

    // A login that read the stale set stands still. It keeps the fetch in the middle of its publication.
    std::promise<void> reads;
    std::promise<void> may_go_on;
    std::thread::id slow_login;
    std::atomic<bool> stopped{false};
    clock.on_read = [&] {
        if (std::this_thread::get_id() != slow_login || stopped.exchange(true)) return;
        reads.set_value();
        may_go_on.get_future().wait();
    };
    std::promise<void> known;
    std::thread login([&, start = known.get_future()]() mutable {
        start.wait();
        find_reason("k1");
    });
    slow_login = login.get_id();
    known.set_value();
    reads.get_future().wait();
    std::thread fetch([&] { round(); });

    // The time limit is for a failing test only.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!keys->still_good(*k1) && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_TRUE(keys->still_good(*k1));
    if (keys->still_good(*k1)) {
        EXPECT_EQ(find_reason("k2"), Reason::NONE);
    }
    may_go_on.set_value();
    login.join();
    fetch.join();
}

}  // namespace
}  // namespace tokenward::keys
