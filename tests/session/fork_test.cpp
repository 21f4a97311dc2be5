// A forked child starts anew, whatever the parent's threads did at the moment of the fork.
#include "session/fixture.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace tokenward::session {
namespace {

constexpr int forks = 100;
constexpr unsigned hang_guard_s = 60;  // only ends a child that hangs: a sound one takes milliseconds

/// What a child does with a backend of its own; 0 is good.
int child(const std::string &config, const ManualClock &clock, const std::string &token) {
    BackendOptions options;
    options.config_json = config;
    auto backend = Backend::create(options, clock);
    if (!backend) return 1;
    auto session = (*backend)->authenticate(bearer(token), {});
    if (!session) return 2;
    if (!(*backend)->refresh(**session, bearer(token), {})) return 3;
    if ((*session)->authorize({access::Operation::read, "v", "q", {}}) != Decision::allowed) return 4;
    session->reset();
    (*backend)->close();
    return 0;
}

}  // namespace

TEST(Fork, ChildUsesABackendOfItsOwnThoughAThreadOfTheParentAuthorizesAllTheTime) {
    const Provider provider;
    const ManualClock clock;
    std::string log;
    const auto backend = make_backend(options_with_log(provider.config(), log), clock);
    const std::string token = Provider::mint(Provider::claims());
    auto session = backend->authenticate(bearer(token), {});
    ASSERT_TRUE(session);

    std::atomic<bool> stop{false};
    std::atomic<int> began{0};
    std::vector<std::thread> threads(2);  // two, so that one is inside while the other is about to fork
    for (std::thread &thread : threads) {
        thread = std::thread([&] {
            ++began;
            while (!stop.load(std::memory_order_relaxed)) {
                static_cast<void>((*session)->authorize({access::Operation::read, "v", "q", {}}));
            }
        });
    }
    while (began.load() != 2) std::this_thread::yield();

    int failed = 0;
    for (int i = 0; i < forks && failed == 0; ++i) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::alarm(hang_guard_s);
            ::_exit(child(provider.config(), clock, token));
        }
        ASSERT_GT(pid, 0);
        int status = 0;
        ASSERT_EQ(::waitpid(pid, &status, 0), pid);
        EXPECT_TRUE(WIFEXITED(status)) << "fork " << i << ": ended by signal " << WTERMSIG(status);
        if (WIFEXITED(status)) {
            EXPECT_EQ(WEXITSTATUS(status), 0) << "fork " << i;
        }
        failed += status != 0 ? 1 : 0;
    }
    stop = true;
    for (std::thread &thread : threads) thread.join();
    backend->close();
}

}  // namespace tokenward::session
