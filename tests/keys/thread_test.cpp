// The fetcher's thread: its end in the middle of anything, its signals, reloads; files.
#include "network_fixture.hpp"
#include "slow_lookup.hpp"
#include "support/thread_signals.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

using ThreadTest = FetcherTest;
using support::blocked_signals_of;

// ---- the end ----------------------------------------------------------------------------------------------

/// Ends a test that hangs: long before a waiter's own time is up, and no sound test takes as long.
class HangGuard {
  public:
    HangGuard() { ::alarm(45); }
    ~HangGuard() { ::alarm(0); }
    HangGuard(const HangGuard &) = delete;
    HangGuard &operator=(const HangGuard &) = delete;
};

/// A client has sent to that port of ours and nobody has read it.
bool something_sent_to(int port) {
    std::ifstream connections("/proc/self/net/tcp");
    std::string line;
    std::getline(connections, line);  // names of the columns
    while (std::getline(connections, line)) {
        unsigned local = 0;
        unsigned state = 0;
        unsigned unread = 0;
        if (std::sscanf(line.c_str(), " %*d: %*x:%x %*x:%*x %x %*x:%x", &local, &state, &unread) != 3) continue;
        constexpr unsigned established = 1;
        if (local == static_cast<unsigned>(port) && state == established && unread != 0) return true;
    }
    return false;
}

TEST_F(ThreadTest, StopEndsAHangingFetchAndWakesItsWaiter) {
    const HangGuard guard;
    static thread_local bool is_waiter = false;
    std::binary_semaphore asks{0};
    std::atomic<bool> told{false};
    // Its first question for the time is asked with the lock, just before it waits: stop() comes in after that.
    clock.on_read = [&] {
        if (is_waiter && !told.exchange(true)) asks.release();
    };
    stop_the_clock();
    issuer.set_fault(Endpoint::jwks, Fault::hang, 3'600);
    const auto keys = begin(section);
    wait_until([&] { return issuer.requests(Endpoint::jwks) > 0; });
    Reason reason = Reason::NONE;
    std::thread waiter([&] {
        is_waiter = true;
        reason = check(*keys, issuer.mint(), long_wait_ms);
    });
    asks.acquire();
    fetcher->stop();
    waiter.join();
    EXPECT_EQ(reason, Reason::KEYS_PENDING);
    EXPECT_EQ(fetches_ended(*keys), 0U) << "it was given up, and not ended by its own time limit";
    fetcher->stop();
}

TEST_F(ThreadTest, StopEndsAHangingTlsHandshake) {
    const HangGuard guard;
    issuer.set_network(TestIssuer::Network::blackhole);
    const auto keys = begin(section);
    wait_until([&] { return something_sent_to(issuer.port()); });
    fetcher->stop();
    EXPECT_EQ(fetches_ended(*keys), 0U) << "it was given up, and not ended by its own time limit";
}

TEST_F(ThreadTest, StopDoesNotWaitForAHangingNameLookUpAndEveryThreadBlocksAllSignalsButTheFaults) {
    const HangGuard guard;
    section.issuer = std::string("https://") + slow_host;
    const auto keys = begin(section);
    wait_until([] { return slow_lookups() > 0; });
    // What can't be blocked: SIGKILL, SIGSTOP, and glibc's own 32 and 33, which QEMU makes 34 and 35.
    std::uint64_t open = 1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1);
    for (const int own : {32, 33, 34, 35}) open |= 1ULL << (own - 1);
    // What must not be blocked, since the host's crash handler runs on the thread that faults.
    std::uint64_t faults = 0;
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) faults |= 1ULL << (fault - 1);
    open |= faults;
    // The C library blocks all signals for the moment in which a thread begins.
    std::vector<std::uint64_t> masks;
    wait_until([&] {
        masks = blocked_signals_of("tokenward-keys");
        return std::none_of(masks.begin(), masks.end(),
                            [faults](std::uint64_t mask) { return (mask & faults) != 0; });
    });
    EXPECT_GE(masks.size(), 2U) << "ours, and libcurl's look-up that inherits name and mask";
    for (const std::uint64_t mask : masks) EXPECT_EQ(mask | open, ~std::uint64_t{0});

    fetcher->stop();
    EXPECT_EQ(slow_lookups(), 1) << "it still hangs";
    EXPECT_EQ(fetches_ended(*keys), 0U) << "the fetch was given up, and not ended by its own time limit";
    end_slow_lookups();
    wait_until([] { return slow_lookups() == 0; });
}

TEST_F(ThreadTest, TheCallersOwnSignalMaskIsUntouched) {
    sigset_t before;
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    begin_with_keys();
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int signal = 1; signal < NSIG; ++signal)
        EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
}

// ---- reload -----------------------------------------------------------------------------------------------

TEST_F(ThreadTest, AnUnchangedSectionKeepsItsKeysOverAReload) {
    const auto keys = begin_with_keys();
    section.keys.jwks_cache_ttl_s = 60;
    section.keys.jwks_max_stale_s = 600;
    section.tokens.algorithms = jose::AlgorithmSet::none();
    section.name = "other";  // the provider is the same
    const auto again = begin(section);
    EXPECT_EQ(again, keys);
    EXPECT_LE(keys->status().next_fetch_in_s, 1) << "and a refresh is due";
    wait_until([&] { return fetches_ended(*keys) == 2; });
    EXPECT_LE(keys->status().next_fetch_in_s, 60) << "the other settings are taken over";
}

struct ReloadRow {
    const char *name;
    std::function<void(config::Section &)> change;
};

class ReloadTest : public FetcherTest, public testing::WithParamInterface<ReloadRow> {};

TEST_P(ReloadTest, AChangedSectionGetsKeysOfItsOwn) {
    const auto keys = begin_with_keys();
    const support::TemporaryDirectory directory;
    std::filesystem::copy_file(section.keys.ca_file, directory.path() + "/ca.pem");
    config::Section changed = section;
    changed.keys.ca_file = directory.path() + "/ca.pem";  // undone where it isn't the change
    const std::string copy = changed.keys.ca_file;
    changed = section;
    GetParam().change(changed);
    if (changed.keys.ca_file == "COPY") changed.keys.ca_file = copy;
    const auto other = begin(changed);
    EXPECT_NE(other, keys);
    EXPECT_TRUE(fetcher->wait_for_first_keys(long_wait_ms)) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Rows, ReloadTest,
                         testing::Values(ReloadRow{"ca_file", [](auto &s) { s.keys.ca_file = "COPY"; }},
                                         ReloadRow{"jwks_uri",
                                                   [](auto &s) { s.keys.jwks_uri = s.issuer + "/jwks"; }},
                                         ReloadRow{"issuer", [](auto &s) { s.issuer += "/"; }}),
                         [](const auto &info) { return info.param.name; });

TEST_F(ThreadTest, ARolledBackReloadChangesNothing) {
    const auto keys = begin_with_keys();
    config::Section changed = section;
    changed.keys.jwks_cache_ttl_s = 1;
    ASSERT_TRUE(prepare(changed));
    config::Section broken = section;
    broken.issuer = "https://broken.example";
    broken.keys.ca_file = "/nonexistent/ca.pem";
    ASSERT_FALSE(prepare(broken));
    fetcher->rollback();
    EXPECT_GT(keys->status().next_fetch_in_s, 1000);
    EXPECT_EQ(begin(section), keys);
}

TEST_F(ThreadTest, ADroppedSectionsWaitersLeave) {
    issuer.set_fault(Endpoint::jwks, Fault::hang, 30);
    const auto keys = begin(section);
    Reason reason = Reason::NONE;
    std::thread waiter([&] { reason = check(*keys, issuer.mint(), long_wait_ms); });
    fetcher->commit();  // of nothing
    waiter.join();
    EXPECT_EQ(reason, Reason::KEYS_PENDING);
}

TEST_F(ThreadTest, ReloadsUnderLoadRefuseNoToken) {
    const auto keys = begin_with_keys();
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> accepted{0};
    std::atomic<std::size_t> refused{0};
    const std::string token = issuer.mint();
    const auto client = [&] {
        while (!stop) ++(check(*keys, token, 0) == Reason::NONE ? accepted : refused);
    };
    std::thread first(client);
    std::thread second(client);
    for (int i = 0; i < 100; ++i) {
        section.keys.jwks_cache_ttl_s = 1000 + i;
        EXPECT_EQ(begin(section), keys);
    }
    wait_until([&] { return accepted > 100; });
    stop = true;
    first.join();
    second.join();
    EXPECT_EQ(refused.load(), 0U);
}

// ---- files ------------------------------------------------------------------------------------------------

struct FileRow {
    const char *name;
    const char *content;  ///< NULL: no file
    mode_t mode;
    Reason reason;
};

class FileTest : public FetcherTest, public testing::WithParamInterface<FileRow> {
  protected:
    std::string write() const {
        std::string path = directory.path() + "/file";
        if (GetParam().content != nullptr) {
            support::write_file(path, GetParam().content);
            ::chmod(path.c_str(), GetParam().mode);
        }
        return path;
    }
    support::TemporaryDirectory directory;
};

class JwksFileTest : public FileTest {};

TEST_P(JwksFileTest, RefusesTheConfiguration) {
    section.keys.jwks_file = write();
    const auto keys = prepare(section);
    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error().reason, GetParam().reason) << keys.error().detail;
    EXPECT_NE(keys.error().detail.find("/file"), std::string::npos) << keys.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, JwksFileTest,
    testing::Values(FileRow{"missing", nullptr, 0, Reason::CONFIG_UNREADABLE},
                    FileRow{"writable_by_others", "{}", 0666, Reason::CONFIG_INSECURE_FILE},
                    FileRow{"garbage", "garbage", 0600, Reason::CONFIG_INVALID_VALUE},
                    FileRow{"no_keys", R"({"keys":[]})", 0600, Reason::CONFIG_INVALID_VALUE},
                    FileRow{"only_unusable_keys", R"({"keys":[{"kty":"oct","k":"AA"}]})", 0600,
                            Reason::CONFIG_INVALID_VALUE}),
    [](const auto &info) { return info.param.name; });

class CaFileTest : public FileTest {};

TEST_P(CaFileTest, RefusesTheConfiguration) {
    section.keys.ca_file = write();
    const auto keys = prepare(section);
    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error().reason, GetParam().reason) << keys.error().detail;
}

INSTANTIATE_TEST_SUITE_P(Rows, CaFileTest,
                         testing::Values(FileRow{"missing", nullptr, 0, Reason::CONFIG_UNREADABLE},
                                         FileRow{"writable_by_others", "x", 0666, Reason::CONFIG_INSECURE_FILE},
                                         FileRow{"no_certificate", "garbage", 0600,
                                                 Reason::CONFIG_INVALID_VALUE},
                                         FileRow{"empty", "", 0600, Reason::CONFIG_INVALID_VALUE}),
                         [](const auto &info) { return info.param.name; });

TEST_F(ThreadTest, AStaticSetNeedsNoThreadAndIsReadAgainAtReload) {
    const support::TemporaryDirectory directory;
    section.keys.jwks_file = directory.path() + "/keys.json";
    support::write_file(section.keys.jwks_file, issuer.jwks());
    const auto keys = begin(section);
    EXPECT_TRUE(fetcher->wait_for_first_keys(0));
    // A look-up of an earlier test may be on its way out.
    for (int i = 0; i < 1'000 && !blocked_signals_of("tokenward-keys").empty(); ++i) {
        std::this_thread::sleep_for(Milliseconds(2));
    }
    EXPECT_TRUE(blocked_signals_of("tokenward-keys").empty());
    EXPECT_EQ(check(*keys, issuer.mint(), long_wait_ms), Reason::NONE);
    EXPECT_TRUE(keys->status().static_set);

    issuer.rotate(false);
    EXPECT_EQ(check(*keys, issuer.mint(), long_wait_ms), Reason::UNKNOWN_KEY) << "at once";
    support::write_file(section.keys.jwks_file, "garbage");
    EXPECT_FALSE(prepare(section));
    fetcher->rollback();
    EXPECT_FALSE(keys->status().keys.empty());
    support::write_file(section.keys.jwks_file, issuer.jwks());
    EXPECT_EQ(begin(section), keys);
    EXPECT_EQ(check(*keys, issuer.mint(), 0), Reason::NONE);
    EXPECT_EQ(issuer.requests(Endpoint::jwks) + issuer.requests(Endpoint::discovery), 0U);
}

}  // namespace
}  // namespace tokenward::keys
