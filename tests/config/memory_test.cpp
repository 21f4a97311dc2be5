// If memory runs out while a configuration is read, an exception reaches the boundary. Nothing crashes.
#include "config/entry.hpp"

#include <cstdlib>
#include <new>
#include <string>

#include <gtest/gtest.h>

namespace {

// So many allocations succeed, then they fail. Below zero: all succeed.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): operator new has no other
long allocations_left = -1;

}  // namespace

void *operator new(std::size_t size) {
    if (allocations_left == 0) throw std::bad_alloc();
    if (allocations_left > 0) --allocations_left;
    void *memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
void operator delete(void *memory) noexcept {
    std::free(memory);
}
void operator delete(void *memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

namespace tokenward::config {

TEST(Memory, EveryAllocationOfTheReadersMayFail) {
    // Texts too long to lie inside a std::string.
    const std::string ini =
        "[oauth.a-name-that-needs-memory]\nissuer = https://id.example.with.a.long.name\n"
        "additional_scopes_keys = a_name_that_needs_memory, another_one_that_does\n";
    const std::string json =
        R"({"oauth.a-name-that-needs-memory":{"issuer":"https://id.example.with.a.long.name",)"
        R"("additional_scopes_keys":["a_name_that_needs_memory","another_one_that_does"]}})";
    const auto count_failures = [](const auto &read) {
        for (long n = 0;; ++n) {
            allocations_left = n;
            try {
                const bool good = read().has_value();
                allocations_left = -1;
                EXPECT_TRUE(good);
                return n;
            } catch (const std::bad_alloc &) {
                allocations_left = -1;
            }
        }
    };
    EXPECT_GT(count_failures([&] { return parse_ini(ini, "/etc/tokenward/tokenward.ini"); }), 10);
    EXPECT_GT(count_failures([&] { return parse_json(json); }), 10);
}

}  // namespace tokenward::config
