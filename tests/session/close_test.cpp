// The end of a backend: a login that began before is let finish.
#include "session/fixture.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

namespace tokenward::session {
TEST(Close, WaitsForALoginThatBeganBefore) {
    const Provider provider;
    const StoppingClock clock;
    std::string log;
    const auto backend = make_backend(options_with_log(provider.config(), log), clock);
    const std::string token = Provider::mint(Provider::claims());
    clock.stops = true;
    bool let_in = false;
    std::thread login([&] { let_in = backend->authenticate(bearer(token), {}).has_value(); });
    clock.stopped.acquire();
    std::atomic<bool> closed{false};
    std::thread closing([&] {
        backend->close();
        closed = true;
    });
    // Long enough for a close that doesn't wait; one that waits can't fail here.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_FALSE(closed);
    clock.go_on.release();
    login.join();
    closing.join();
    EXPECT_TRUE(let_in);
    EXPECT_NE(log.find("authenticate ok"), std::string::npos) << "its line came before the log was closed";
}

}  // namespace tokenward::session
