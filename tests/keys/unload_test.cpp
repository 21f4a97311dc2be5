// dlclose() in the middle of a name look-up that hangs: our code is gone, libcurl's stays for its thread.
#include "slow_lookup.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

bool is_mapped(const std::string &name) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find(name) != std::string::npos) return true;
    }
    return false;
}

void wait_until(const std::function<bool()> &condition) {
    while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

TEST(Unload, IsPossibleWhileANameLookUpHangs) {
    ASSERT_FALSE(is_mapped("/libcurl.so")) << "else the test shows nothing";
    void *module = ::dlopen(UNLOAD_MODULE, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(module, nullptr) << ::dlerror();  // NOLINT(concurrency-mt-unsafe): glibc's is per thread
    const auto begin = reinterpret_cast<void *(*)(const char *)>(::dlsym(module, "unload_test_begin"));
    const auto end = reinterpret_cast<void (*)(void *)>(::dlsym(module, "unload_test_end"));
    void *running = begin((std::string("https://") + slow_host + "/keys").c_str());
    ASSERT_NE(running, nullptr);
    wait_until([] { return slow_lookups() > 0; });

    const auto from = std::chrono::steady_clock::now();
    end(running);
    ASSERT_EQ(::dlclose(module), 0);
    const auto took = std::chrono::steady_clock::now() - from;
    std::printf("destroy and dlclose during a hanging name look-up: %lld ms\n",
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
    EXPECT_EQ(slow_lookups(), 1) << "it still hangs";
    EXPECT_FALSE(is_mapped("keys_unload_module"));
    EXPECT_TRUE(is_mapped("/libcurl.so")) << "its thread is still in it";

    // The thread comes back into libcurl and ends there.
    end_slow_lookups();
    wait_until([] { return slow_lookups() == 0; });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

TEST(Unload, LeavesNothingBehindHoweverOften) {
    for (int i = 0; i < 20; ++i) {
        void *module = ::dlopen(UNLOAD_MODULE, RTLD_NOW | RTLD_LOCAL);
        ASSERT_NE(module, nullptr) << ::dlerror();  // NOLINT(concurrency-mt-unsafe): glibc's is per thread
        const auto begin = reinterpret_cast<void *(*)(const char *)>(::dlsym(module, "unload_test_begin"));
        const auto end = reinterpret_cast<void (*)(void *)>(::dlsym(module, "unload_test_end"));
        void *running = begin("https://127.0.0.1:1/keys");
        ASSERT_NE(running, nullptr);
        end(running);
        ASSERT_EQ(::dlclose(module), 0);
        ASSERT_FALSE(is_mapped("keys_unload_module")) << i;
    }
}

}  // namespace
}  // namespace tokenward::keys
