// A forked child starts anew, whatever the parent's threads did at the moment of the fork.
#include "session/fixture.hpp"

#include <atomic>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace tokenward::session {
namespace {

constexpr unsigned hang_guard_s = 120;  // only ends a child that hangs

/// What a child does with a backend of its own; 0 is good.
int child(const std::string &config, const Clock &clock, const std::string &token) {
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

TEST(Fork, ChildUsesABackendOfItsOwnThoughAThreadOfTheParentWasInAuthorize) {
    const Provider provider;
    const StoppingClock clock;
    std::string log;
    const auto backend = make_backend(options_with_log(provider.config(), log), clock);
    const std::string token = Provider::mint(Provider::claims());
    auto session = backend->authenticate(bearer(token), {});
    ASSERT_TRUE(session);

    clock.stops = true;
    Decision decision = Decision::denied;
    std::thread other([&] { decision = (*session)->authorize({access::Operation::read, "v", "q", {}}); });
    clock.stopped.acquire();
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::alarm(hang_guard_s);
        ::_exit(child(provider.config(), clock, token));
    }
    int status = -1;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    clock.go_on.release();
    other.join();
    EXPECT_EQ(decision, Decision::allowed) << "the parent goes on";
    backend->close();
}

}  // namespace tokenward::session
