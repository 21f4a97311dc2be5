// Equal sets are one object as long as one of them lives. Nothing is left behind. Threads and forks are safe.
#include "access/bytes.hpp"
#include "access/permission_set.hpp"
#include "access/shared_sets.hpp"
#include "random_case.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tokenward::access {
namespace {

constexpr unsigned hang_guard_s = 120;  // only ends a child that hangs

std::shared_ptr<const PermissionSet> compile(const std::vector<std::string_view> &scopes,
                                             bool routing_keys = true) {
    Notes notes;
    return PermissionSet::compile(scopes, routing_keys, notes);
}

TEST(Sharing, EqualSetsAreOneObject) {
    const auto set = compile({"read:v/a", "write:v/b/k", "tag:x"});
    EXPECT_EQ(compile({"tag:x", "write:v/b/k", "read:v/a", "read:v/a", "openid"}), set);
    EXPECT_EQ(compile({"read:v/%61", "write:%76/b/k", "tag:x"}), set);
    EXPECT_NE(compile({"read:v/a", "write:v/b/k"}), set);
    EXPECT_NE(compile({"read:v/a", "write:v/b/k", "tag:y"}), set);
    EXPECT_NE(compile({"read:v/a", "write:v/b/k", "tag:x"}, false), set);
    EXPECT_NE(compile({"read:v/a", "write:v/b", "tag:x"}), set);
}

TEST(Sharing, TheOrderOfTheScopesDoesNotCount) {
    // Every kind of pattern: names that begin alike, prefixes of other names, names with zero bytes, empty
    // names.
    const std::vector<std::string_view> names = {"",
                                                 "tenant.1",
                                                 "tenant.10",
                                                 "tenant.10%00",
                                                 "tenant.10%00%00b",
                                                 "*",
                                                 "tenant.*",
                                                 "tenant.1*",
                                                 "*.done",
                                                 "tenant.*.done",
                                                 "%zz",
                                                 "%",
                                                 "**",
                                                 "*%00*",
                                                 "tenant.1*%2A",
                                                 "ten+",
                                                 "tenant",
                                                 "%74enant",
                                                 "t",
                                                 "*t*n*"};
    std::vector<std::string> texts;
    for (const std::string_view name : names) {
        texts.push_back("read:v/" + std::string(name));
        texts.push_back("write:w*/" + std::string(name));
        texts.push_back("write:v/x/" + std::string(name));
    }
    std::vector<std::string_view> scopes(texts.begin(), texts.end());
    Random random(9);
    for (std::size_t size = 1; size <= scopes.size(); ++size) {
        const auto set = compile({scopes.begin(), scopes.begin() + static_cast<std::ptrdiff_t>(size)});
        for (int round = 0; round < 10; ++round) {
            for (std::size_t i = size - 1; i > 0; --i) std::swap(scopes[i], scopes[random.below(i + 1)]);
            ASSERT_EQ(compile({scopes.begin(), scopes.begin() + static_cast<std::ptrdiff_t>(size)}), set);
        }
        // So that the next, larger set has other scopes.
        std::swap(scopes[0], scopes[random.below(scopes.size())]);
    }
}

TEST(Sharing, SetsWithTheSameHashAreToldApart) {
    // Makes two sets whose hashes collide: two words of eight bytes differ, and the second takes the first's
    // difference out of the hash again. It takes the key of this process.
    const std::string name(64, 'n');
    const std::string first_scope = "read:v/" + name;
    const auto first = compile({first_scope});
    const std::string bytes(first->content().permissions);
    std::uint64_t hash = mix(1 ^ hash_key.start, bytes.size());
    std::size_t at = 0;
    for (; at < bytes.find('n'); at += 8) hash = mix(hash, load<std::uint64_t>(bytes.data() + at));
    std::string other = bytes;
    other[at] = 'm';
    const std::uint64_t difference =
        mix(hash, load<std::uint64_t>(bytes.data() + at)) ^ mix(hash, load<std::uint64_t>(other.data() + at));
    const std::uint64_t word = load<std::uint64_t>(bytes.data() + at + 8) ^ difference;
    std::memcpy(other.data() + at + 8, &word, sizeof(word));
    ASSERT_EQ(hash_bytes(1, other), hash_bytes(1, bytes));

    std::string scope = "read:v/";
    for (const char c : other.substr(bytes.find('n'), name.size())) {
        constexpr std::string_view digits = "0123456789abcdef";
        const auto byte = static_cast<unsigned char>(c);
        scope += {'%', digits[byte / 16], digits[byte % 16]};
    }
    const auto second = compile({scope});
    ASSERT_EQ(second->content().permissions, other);
    EXPECT_NE(second, first);
    EXPECT_FALSE(second->allows({Operation::read, "v", name, std::nullopt}));
}

TEST(Sharing, TheEmptySetIsASet) {
    const auto set = compile({});
    EXPECT_TRUE(set->empty());
    EXPECT_EQ(compile({"openid"}), set);
    EXPECT_FALSE(set->allows({Operation::read, "", "", std::nullopt}));
    EXPECT_FALSE(set->opens_vhost(""));
    EXPECT_FALSE(set->explain({Operation::read, "", "", std::nullopt}).why.empty());
}

TEST(Sharing, NothingIsKeptAlive) {
    auto set = compile({"read:v/kept"});
    const std::weak_ptr<const PermissionSet> watch = set;
    set.reset();
    EXPECT_TRUE(watch.expired());
    EXPECT_TRUE(compile({"read:v/kept"})->allows({Operation::read, "v", "kept", std::nullopt}));
}

TEST(Sharing, ThreadsCompileAndReleaseTheSameSets) {
    std::atomic<bool> wrong{false};
    const auto work = [&wrong] {
        for (int i = 0; i < 4000; ++i) {
            const std::string name = "q" + std::to_string(i % 7);
            const std::string scope = "read:v/" + name;
            const std::string other = "read:v/" + std::to_string(i) + "*";
            const auto set = compile({scope});
            const auto unique = compile({scope, other});
            if (!set->allows({Operation::read, "v", name, std::nullopt})) wrong = true;
            if (set->allows({Operation::read, "v", "q9", std::nullopt})) wrong = true;
            if (!unique->allows({Operation::read, "v", name, std::nullopt})) wrong = true;
        }
    };
    std::thread a(work);
    std::thread b(work);
    work();
    a.join();
    b.join();
    EXPECT_FALSE(wrong);
}

TEST(Sharing, AForkedChildNeverWaitsForTheTable) {
    const auto set = compile({"read:v/a"});
    auto released_in_child = compile({"read:v/b"});
    // Stands still with the locks, and not in malloc: there a child may hang in the sanitizer's own locks.
    std::binary_semaphore locked{0};
    std::binary_semaphore leave{0};
    std::thread other([&] {
        const SharedSets::AllLocked all;
        locked.release();
        leave.acquire();
    });
    locked.acquire();
    const pid_t child = fork();
    if (child == 0) {
        alarm(hang_guard_s);
        bool good = set->allows({Operation::read, "v", "a", std::nullopt});
        released_in_child.reset();
        for (int i = 0; i < 64; ++i) {  // more than there are locks
            const std::string scope = "read:v/child" + std::to_string(i);
            good = good && compile({scope})->opens_vhost("v");
        }
        _exit(good ? 0 : 1);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    leave.release();
    other.join();
    EXPECT_TRUE(released_in_child->allows({Operation::read, "v", "b", std::nullopt}));
}

TEST(Sharing, ASetIsOneSmallRunOfBytes) {
    std::vector<std::string> texts;
    std::size_t text_bytes = 0;
    for (int i = 0; i < 20; ++i) {
        texts.push_back("read:%2F/" + std::string(1, static_cast<char>('a' + i)) +
                        "-some-distinct-queue-name-" + std::to_string(i));
        text_bytes += texts.back().size();
    }
    const auto set = compile({texts.begin(), texts.end()});
    EXPECT_LE(set->content().permissions.size(), text_bytes + 16 * texts.size());
    EXPECT_LE(sizeof(PermissionSet), 64U);
    // The same resource for three operations is stored once.
    const auto one = compile({"read:v/a-rather-long-name"});
    const auto three =
        compile({"read:v/a-rather-long-name", "write:v/a-rather-long-name", "configure:v/a-rather-long-name"});
    EXPECT_EQ(one->content().permissions.size(), three->content().permissions.size());
}

}  // namespace
}  // namespace tokenward::access
