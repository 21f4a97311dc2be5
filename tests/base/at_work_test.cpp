// A fork and the end of the process wait for threads that are in OpenSSL or libcurl. Each case runs in a child.
#include "base/at_work.hpp"

#include "support/in_child.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

namespace tokenward {
namespace {

using Milliseconds = std::chrono::milliseconds;

constinit std::atomic<bool> inside{false};
constinit std::atomic<bool> left{false};
constinit std::atomic<bool> told_to_stop{false};

using support::wait_for_child;

void wait_until(const std::atomic<bool> &flag) {
    while (!flag) std::this_thread::sleep_for(Milliseconds(1));
}

/// In OpenSSL, until the end of the process has begun, and for a while after that.
void work_past_the_end(WorkingThread whose) {
    {
        const AtWork work(whose);
        inside = true;
        while (!process_ends()) std::this_thread::sleep_for(Milliseconds(1));
        std::this_thread::sleep_for(Milliseconds(50));
        left = true;
    }
    const AtWork again(whose);
    told_to_stop = !again;
    for (;;) ::pause();
}

/// Registered first, so it runs last, as OpenSSL's own handler does.
void look_as_openssl() {
    ::_exit(left && told_to_stop ? 0 : left ? 2 : 1);
}

}  // namespace

TEST(AtWork, ExitWaitsForThreadsInside) {
    for (const WorkingThread whose : {WorkingThread::our_own, WorkingThread::of_host}) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::alarm(60);
            std::atexit([] {
                // The thread has left; give it the moment that it needs to ask again.
                for (int i = 0; i < 5000 && left && !told_to_stop; ++i)
                    std::this_thread::sleep_for(Milliseconds(1));
                look_as_openssl();
            });
            stop_work_at_exit();
            std::thread(work_past_the_end, whose).detach();
            wait_until(inside);
            std::exit(0);
        }
        EXPECT_EQ(wait_for_child(child), 0);
    }
}

TEST(AtWork, ExitDoesntWaitForEver) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        stop_work_at_exit();
        std::thread([] {
            const AtWork work(WorkingThread::our_own);
            inside = true;
            for (;;) ::pause();
        }).detach();
        wait_until(inside);
        std::exit(0);
    }
    EXPECT_EQ(wait_for_child(child), 0);
}

TEST(AtWork, AForkFindsOurOwnThreadsOutside) {
    const pid_t parent = ::fork();
    if (parent == 0) {
        ::alarm(120);
        std::thread([] {
            for (;;) {
                const AtWork work(WorkingThread::our_own);
                inside = true;
                std::this_thread::sleep_for(Milliseconds(1));
                inside = false;
            }
        }).detach();
        int outside = 0;
        for (int i = 0; i < 100; ++i) {
            wait_until(inside);
            const auto before = std::chrono::steady_clock::now();
            const pid_t child = ::fork();
            if (child == 0) {
                // A machine so busy that the bound was reached proves nothing.
                const bool bound = std::chrono::steady_clock::now() - before > Milliseconds(90);
                ::_exit(bound ? 2 : inside ? 1 : 0);
            }
            const int result = wait_for_child(child);
            if (result == 1) ::_exit(1);
            if (result == 0) ++outside;
        }
        ::_exit(outside > 0 ? 0 : 3);
    }
    EXPECT_EQ(wait_for_child(parent), 0);
}

TEST(AtWork, AForkWaitsForAThreadThatStaysNoLongerThanItsBound) {
    const pid_t parent = ::fork();
    if (parent == 0) {
        ::alarm(60);
        std::thread([] {
            const AtWork work(WorkingThread::our_own);
            inside = true;
            for (;;) ::pause();
        }).detach();
        wait_until(inside);
        const pid_t child = ::fork();
        if (child == 0) {
            const AtWork work(WorkingThread::our_own);  // the parent's count is gone
            ::_exit(work ? 0 : 1);
        }
        ::_exit(wait_for_child(child));
    }
    EXPECT_EQ(wait_for_child(parent), 0);
}

}  // namespace tokenward
