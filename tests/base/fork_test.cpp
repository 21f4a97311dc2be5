#include "base/fork.hpp"

#include "base/epoch.hpp"
#include "support/in_child.hpp"

#include <memory>
#include <semaphore>
#include <thread>

#include <gtest/gtest.h>

namespace tokenward {
namespace {

using support::in_child;

int resets = 0;
const ForkReset count_resets([]() noexcept { ++resets; });

constinit EpochDomain domain;
const ForkReset reset_domain([]() noexcept { domain.reset_in_forked_child(); });

}  // namespace

TEST(Fork, ChildSeesANewGenerationAndEveryResetRunsOnce) {
    const std::uint32_t before = fork_generation();
    EXPECT_EQ(in_child([&] { return fork_generation() == before + 1 && resets == 1 ? 0 : 1; }), 0);
    EXPECT_EQ(fork_generation(), before);
    EXPECT_EQ(resets, 0);
}

TEST(Fork, GrandchildIsAnotherGeneration) {
    const std::uint32_t before = fork_generation();
    EXPECT_EQ(in_child([&] {
                  return in_child([&] { return fork_generation() == before + 2 && resets == 2 ? 0 : 1; });
              }),
              0);
}

TEST(Fork, ReadersOfAnotherThreadAreGoneInTheChild) {
    std::binary_semaphore reads{0};
    std::binary_semaphore leave{0};
    std::thread reader([&] {
        const EpochDomain::Reader reader(domain);
        reads.release();
        leave.acquire();
    });
    reads.acquire();
    EXPECT_EQ(in_child([] {
                  domain.synchronize();
                  return 0;
              }),
              0);
    leave.release();
    reader.join();
}

namespace {

struct WaitMoment {
    static inline std::binary_semaphore waits{0};
    static inline std::atomic<bool> told{false};

    static void index_was_read() noexcept {}
    static void wait() noexcept {
        if (!told.exchange(true)) waits.release();
        std::this_thread::yield();
    }
};
constinit BasicEpochDomain<WaitMoment> waited_domain;
const ForkReset reset_waited_domain([]() noexcept { waited_domain.reset_in_forked_child(); });

}  // namespace

TEST(Fork, AWriterOfAnotherThreadIsGoneInTheChild) {
    auto reader = std::make_unique<BasicEpochDomain<WaitMoment>::Reader>(waited_domain);
    std::thread writer([] { waited_domain.synchronize(); });
    WaitMoment::waits.acquire();  // it has the writers' lock and waits for the reader
    EXPECT_EQ(in_child([] {
                  waited_domain.synchronize();
                  return 0;
              }),
              0);
    reader.reset();
    writer.join();
}

}  // namespace tokenward
