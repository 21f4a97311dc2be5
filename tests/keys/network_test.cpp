// The refresher's own thread against a real HTTPS server on loopback, in real time.
#include "fakes.hpp"
#include "jose/base64url.hpp"
#include "jose/jws.hpp"
#include "keys/refresher.hpp"
#include "slow_lookup.hpp"
#include "support/test_issuer.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

using support::TestIssuer;
using Endpoint = TestIssuer::Endpoint;
using Fault = TestIssuer::Fault;
using Milliseconds = std::chrono::milliseconds;
constexpr std::int64_t long_wait_ms = 60'000;

std::int64_t now_ms() {
    return SystemClock::instance().monotonic_ms();
}

/// What is known of the threads of that name: their blocked signals.
std::vector<std::uint64_t> blocked_signals_of(const std::string &thread_name) {
    std::vector<std::uint64_t> masks;
    for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        std::string line;
        std::string name;
        while (std::getline(status, line)) {
            if (line.rfind("Name:\t", 0) == 0) name = line.substr(6);
            if (line.rfind("SigBlk:\t", 0) == 0 && name == thread_name)
                masks.push_back(std::stoull(line.substr(8), nullptr, 16));
        }
    }
    return masks;
}

/// Real time, but no test depends on how much: the condition comes or the test's own time limit does.
void wait_until(const std::function<bool()> &condition) {
    while (!condition()) std::this_thread::sleep_for(Milliseconds(2));
}

class RefresherTest : public testing::Test {
  protected:
    RefresherTest() : refresher(std::move(Refresher::create(SystemClock::instance(), log.logger).value())) {
        section = section_of(issuer.issuer());
        section.ca_file = issuer.ca_file();
        section.jwks_min_refresh_s = 1;
    }

    std::shared_ptr<KeyStore> begin(const config::Section &with) {
        Result<std::shared_ptr<KeyStore>> store = refresher->adopt(with);
        EXPECT_TRUE(store) << store.error().detail;
        refresher->commit();
        return store ? *store : nullptr;
    }
    std::shared_ptr<KeyStore> begin_with_keys() {
        std::shared_ptr<KeyStore> store = begin(section);
        EXPECT_TRUE(refresher->wait_for_first_keys(long_wait_ms)) << log.text();
        return store;
    }

    /// The outcome of one token: key found and signature good, or why not.
    static Reason check(KeyStore &store, const std::string &token, std::int64_t max_wait_ms,
                        std::int32_t *retry_after_ms = nullptr) {
        JsonDocument document;
        const auto jws = jose::CompactJws::split(token);
        const auto header = jose::Header::decode(jws->header, document);
        const Result<KeyRef> key = store.find(header->algorithm, header->kid, "", max_wait_ms);
        if (!key) {
            if (retry_after_ms != nullptr) *retry_after_ms = key.error().retry_after_ms;
            return key.error().reason;
        }
        std::string signature(jose::base64url_decoded_size(jws->signature.size()), '\0');
        signature.resize(*jose::base64url_decode(jws->signature, signature.data()));
        if ((*key)->verify(header->algorithm, jws->signing_input, signature)) return Reason::NONE;
        store.report_bad_signature();
        return Reason::BAD_SIGNATURE;
    }

    TestIssuer issuer;
    LogCapture log;
    std::unique_ptr<Refresher> refresher;
    config::Section section;
};

// ---- start ------------------------------------------------------------------------------------------------

TEST_F(RefresherTest, FirstKeysComeByDiscovery) {
    const auto store = begin_with_keys();
    EXPECT_EQ(check(*store, issuer.mint(), 0), Reason::NONE);
    EXPECT_EQ(issuer.requests(Endpoint::discovery), 1U);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 1U);
    EXPECT_FALSE(store->status().stale);
    EXPECT_EQ(store->status().jwks_uri, issuer.jwks_uri());
}

TEST_F(RefresherTest, TheProviderIsDownAtTheStartAndBackLater) {
    issuer.set_network(TestIssuer::Network::down);
    const auto store = begin(section);
    std::int32_t retry = 0;
    EXPECT_EQ(check(*store, issuer.mint(), 0, &retry), Reason::KEYS_PENDING);
    EXPECT_GE(retry, 20);
    EXPECT_LE(retry, 1000);
    EXPECT_FALSE(refresher->wait_for_first_keys(50));
    wait_until([&] { return !store->status().last_error.empty(); });
    issuer.set_network(TestIssuer::Network::up);
    EXPECT_TRUE(refresher->wait_for_first_keys(long_wait_ms)) << log.text();
    EXPECT_EQ(check(*store, issuer.mint(), 0), Reason::NONE);
}

TEST_F(RefresherTest, OneFetchServesAllWaiters) {
    issuer.set_fault(Endpoint::jwks, Fault::hang, 1);
    const auto store = begin(section);
    const std::string token = issuer.mint();
    std::atomic<int> good{0};
    std::vector<std::thread> callers;
    callers.reserve(64);
    for (int i = 0; i < 64; ++i) {
        callers.emplace_back([&] { good += check(*store, token, long_wait_ms) == Reason::NONE ? 1 : 0; });
    }
    for (std::thread &caller : callers) caller.join();
    EXPECT_EQ(good.load(), 64);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 1U);
}

// ---- refresh ----------------------------------------------------------------------------------------------

TEST_F(RefresherTest, AtMaxAge0TheProviderIsAskedAtMostOncePerMinRefreshAndNoTokenIsRefused) {
    TestIssuer::Documents documents;
    documents.cache_control = "max-age=0";
    issuer.set_documents(documents);
    const auto store = begin_with_keys();
    const std::string token = issuer.mint();
    std::size_t refused = 0;
    std::size_t checked = 0;
    while (issuer.requests(Endpoint::jwks) < 4) {
        refused += check(*store, token, 0) == Reason::NONE ? 0 : 1;
        ++checked;
    }
    EXPECT_EQ(refused, 0U) << "of " << checked;
    const std::vector<std::int64_t> times = issuer.request_times(Endpoint::jwks);
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], 1'000);
    EXPECT_GE(issuer.not_modified(), 2U) << "and conditionally";
}

TEST_F(RefresherTest, KeysRotateWhileTwoThreadsCheckTokensInALoopAndNoneIsRefused) {
    const auto store = begin_with_keys();
    std::mutex mutex;
    std::string token = issuer.mint();
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> accepted{0};
    std::atomic<std::size_t> refused{0};
    std::atomic<std::size_t> tried_again{0};
    const auto client = [&](std::int64_t max_wait_ms) {
        while (!stop) {
            std::string mine;
            {
                const std::lock_guard lock(mutex);
                mine = token;
            }
            std::int32_t retry = 0;
            Reason reason = check(*store, mine, max_wait_ms, &retry);
            for (; reason == Reason::KEYS_PENDING; reason = check(*store, mine, max_wait_ms, &retry)) {
                ++tried_again;
                std::this_thread::sleep_for(Milliseconds(retry));
            }
            ++(reason == Reason::NONE ? accepted : refused);
        }
    };
    std::thread waiting(client, long_wait_ms);
    std::thread not_waiting(client, 0);
    for (int rotation = 0; rotation < 3; ++rotation) {
        const std::size_t fetched = issuer.requests(Endpoint::jwks);
        std::this_thread::sleep_for(Milliseconds(1'300));  // past the window of the last fetch
        issuer.rotate(true);
        {
            const std::lock_guard lock(mutex);
            token = issuer.mint();
        }
        wait_until([&] { return issuer.requests(Endpoint::jwks) > fetched; });
    }
    const std::size_t so_far = accepted;
    wait_until([&] { return accepted > so_far + 100; });
    stop = true;
    waiting.join();
    not_waiting.join();
    std::printf("3 rotations under 2 threads: %zu accepted, %zu refused, %zu told to try again\n",
                accepted.load(), refused.load(), tried_again.load());
    EXPECT_EQ(refused.load(), 0U);
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 4U) << "one fetch for each rotation";
}

TEST_F(RefresherTest, AKeyThatIsReusedUnderItsKidIsFoundAfterOneBadSignature) {
    const auto store = begin_with_keys();
    issuer.reuse_kids();
    const std::string token = issuer.mint();
    EXPECT_EQ(check(*store, token, 0), Reason::BAD_SIGNATURE);
    wait_until([&] { return check(*store, token, 0) == Reason::NONE; });
    EXPECT_LE(issuer.requests(Endpoint::jwks), 3U);
}

TEST_F(RefresherTest, TenThousandMadeUpKidsCostOneFetchPerMinRefreshAndHarmNoGoodToken) {
    const auto store = begin_with_keys();
    const std::string token = issuer.mint();
    const std::int64_t begin = now_ms();
    std::atomic<int> next{0};
    std::atomic<int> found{0};
    std::atomic<int> attackers{2};
    const auto attack = [&] {
        for (int i = next++; i < 10'000; i = next++) {
            const Result<KeyRef> key =
                store->find(jose::Algorithm::RS256, "made-up-" + std::to_string(i), "", 0);
            if (key) ++found;
            if (i % 10 == 0) std::this_thread::sleep_for(Milliseconds(2));
        }
        --attackers;
    };
    std::thread first(attack);
    std::thread second(attack);
    std::vector<double> latencies;
    std::size_t refused = 0;
    while (attackers > 0) {
        const auto from = std::chrono::steady_clock::now();
        refused += check(*store, token, 0) == Reason::NONE ? 0 : 1;
        latencies.push_back(
            std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - from).count());
    }
    first.join();
    second.join();
    const std::int64_t took = now_ms() - begin;
    std::sort(latencies.begin(), latencies.end());
    std::printf(
        "10000 made-up kids from 2 threads in %lld ms: %zu fetches; %zu good tokens checked meanwhile, %zu "
        "refused, median %.0f us, 99 %% %.0f us\n",
        static_cast<long long>(took), issuer.requests(Endpoint::jwks) - 1, latencies.size(), refused,
        latencies[latencies.size() / 2], latencies[latencies.size() * 99 / 100]);
    EXPECT_EQ(found.load(), 0);
    EXPECT_EQ(refused, 0U);
    EXPECT_LE(issuer.requests(Endpoint::jwks) - 1, static_cast<std::size_t>(took / 1'000 + 1));
    const std::vector<std::int64_t> times = issuer.request_times(Endpoint::jwks);
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], 1'000);
}

TEST_F(RefresherTest, KeysSurviveARestartWhileTheProviderIsDown) {
    const support::TemporaryDirectory directory;
    section.jwks_cache_file = directory.path() + "/keys.json";
    begin_with_keys();
    wait_until([&] { return std::filesystem::exists(section.jwks_cache_file); });
    refresher->stop();
    issuer.set_network(TestIssuer::Network::down);
    refresher = std::move(Refresher::create(SystemClock::instance(), log.logger).value());
    const auto store = begin(section);
    EXPECT_TRUE(refresher->wait_for_first_keys(0));
    EXPECT_EQ(check(*store, issuer.mint(), 0), Reason::NONE);
    EXPECT_EQ(log.count(LogLevel::info, "from jwks_cache_file"), 1) << log.text();
    wait_until([&] { return !store->status().last_error.empty(); });
    EXPECT_EQ(check(*store, issuer.mint(), 0), Reason::NONE);
}

TEST_F(RefresherTest, ACacheFileThatOthersMayWriteIsNotUsed) {
    const support::TemporaryDirectory directory;
    section.jwks_cache_file = directory.path() + "/keys.json";
    begin_with_keys();
    wait_until([&] { return std::filesystem::exists(section.jwks_cache_file); });
    refresher->stop();
    ASSERT_EQ(::chmod(section.jwks_cache_file.c_str(), 0660), 0);
    issuer.set_network(TestIssuer::Network::down);
    refresher = std::move(Refresher::create(SystemClock::instance(), log.logger).value());
    const auto store = begin(section);
    EXPECT_EQ(check(*store, issuer.mint(), 0), Reason::KEYS_PENDING);
    EXPECT_EQ(log.count(LogLevel::warning, "others may write it"), 1) << log.text();
}

TEST_F(RefresherTest, ACertificateErrorIsNamedWithHostAndReason) {
    issuer.set_tls(TestIssuer::Tls::expired);
    begin(section);
    wait_until([&] { return log.count(LogLevel::warning, "tls_error") > 0; });
    EXPECT_GE(log.count(LogLevel::warning, "TLS with \"localhost:"), 1) << log.text();
    EXPECT_GE(log.count(LogLevel::warning, "certificate has expired"), 1) << log.text();
}

// ---- the end ----------------------------------------------------------------------------------------------

/// The end came long before what hangs did.
constexpr std::int64_t hang_ms = 30'000;

TEST_F(RefresherTest, StopIsPromptDuringAHangingFetch) {
    issuer.set_fault(Endpoint::jwks, Fault::hang, 30);
    const auto store = begin(section);
    wait_until([&] { return issuer.requests(Endpoint::jwks) > 0; });
    Reason reason = Reason::NONE;
    std::thread waiter([&] { reason = check(*store, issuer.mint(), long_wait_ms); });
    const std::int64_t from = now_ms();
    refresher->stop();
    const std::int64_t took = now_ms() - from;
    waiter.join();
    std::printf("stop during a hanging fetch: %lld ms\n", static_cast<long long>(took));
    EXPECT_LT(took, hang_ms);
    EXPECT_EQ(reason, Reason::KEYS_PENDING);
    refresher->stop();
}

TEST_F(RefresherTest, StopIsPromptDuringAHangingTlsHandshake) {
    issuer.set_network(TestIssuer::Network::blackhole);
    begin(section);
    std::this_thread::sleep_for(Milliseconds(100));
    const std::int64_t from = now_ms();
    refresher->stop();
    const std::int64_t took = now_ms() - from;
    std::printf("stop during a hanging TLS handshake: %lld ms\n", static_cast<long long>(took));
    EXPECT_LT(took, hang_ms);
}

TEST_F(RefresherTest, StopIsPromptDuringAHangingNameLookUpAndEveryThreadBlocksAllSignals) {
    section.issuer = std::string("https://") + slow_host;
    begin(section);
    wait_until([] { return slow_lookups() > 0; });
    const std::vector<std::uint64_t> masks = blocked_signals_of("tokenward-keys");
    EXPECT_GE(masks.size(), 2U) << "ours, and libcurl's look-up that inherits name and mask";
    // All but what can't be blocked: SIGKILL, SIGSTOP, and glibc's own 32 and 33.
    constexpr std::uint64_t unblockable =
        1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1) | 1ULL << 31U | 1ULL << 32U;
    for (const std::uint64_t mask : masks) EXPECT_EQ(mask | unblockable, ~std::uint64_t{0});

    const std::int64_t from = now_ms();
    refresher->stop();
    const std::int64_t took = now_ms() - from;
    EXPECT_EQ(slow_lookups(), 1) << "it still hangs";
    std::printf("stop during a hanging name look-up: %lld ms\n", static_cast<long long>(took));
    EXPECT_LT(took, hang_ms);
    end_slow_lookups();
    wait_until([] { return slow_lookups() == 0; });
}

TEST_F(RefresherTest, TheCallersOwnSignalMaskIsUntouched) {
    sigset_t before;
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
    begin_with_keys();
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int signal = 1; signal < NSIG; ++signal)
        EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
}

TEST_F(RefresherTest, AForkedChildForgetsTheThreadAndEnds) {
    issuer.set_fault(Endpoint::jwks, Fault::hang, 30);
    const auto store = begin(section);
    wait_until([&] { return issuer.requests(Endpoint::jwks) > 0; });
    std::thread waiter([&] { check(*store, issuer.mint(), long_wait_ms); });
    std::this_thread::sleep_for(Milliseconds(50));  // most likely it waits by now
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(20);  // a child that hangs is a failure, not a hang
        refresher->abandon_in_forked_child();
        refresher.reset();
        ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    issuer.heal();
    waiter.join();
    EXPECT_EQ(check(*store, issuer.mint(), long_wait_ms), Reason::NONE) << "the parent goes on";
}

// ---- reload -----------------------------------------------------------------------------------------------

TEST_F(RefresherTest, AnUnchangedSectionKeepsItsKeysOverAReload) {
    const auto store = begin_with_keys();
    section.jwks_cache_ttl_s = 60;
    section.jwks_max_stale_s = 600;
    section.algorithms = jose::AlgorithmSet::none();
    const auto again = begin(section);
    EXPECT_EQ(again, store);
    EXPECT_LE(store->status().next_fetch_in_s, 60) << "the other settings are taken over";
    EXPECT_EQ(issuer.requests(Endpoint::jwks), 1U);
}

struct ReloadRow {
    const char *name;
    std::function<void(config::Section &)> change;
};

class ReloadTest : public RefresherTest, public testing::WithParamInterface<ReloadRow> {};

TEST_P(ReloadTest, AChangedSectionGetsKeysOfItsOwn) {
    const auto store = begin_with_keys();
    const support::TemporaryDirectory directory;
    std::filesystem::copy_file(section.ca_file, directory.path() + "/ca.pem");
    config::Section changed = section;
    changed.ca_file = directory.path() + "/ca.pem";  // undone where it isn't the change
    const std::string copy = changed.ca_file;
    changed = section;
    GetParam().change(changed);
    if (changed.ca_file == "COPY") changed.ca_file = copy;
    const auto other = begin(changed);
    EXPECT_NE(other, store);
    EXPECT_TRUE(refresher->wait_for_first_keys(long_wait_ms)) << log.text();
}

INSTANTIATE_TEST_SUITE_P(Rows, ReloadTest,
                         testing::Values(ReloadRow{"ca_file", [](auto &s) { s.ca_file = "COPY"; }},
                                         ReloadRow{"jwks_uri",
                                                   [](auto &s) { s.jwks_uri = s.issuer + "/jwks"; }},
                                         ReloadRow{"name", [](auto &s) { s.name = "other"; }},
                                         ReloadRow{"issuer", [](auto &s) { s.issuer += "/"; }}),
                         [](const auto &info) { return info.param.name; });

TEST_F(RefresherTest, ARolledBackReloadChangesNothing) {
    const auto store = begin_with_keys();
    config::Section changed = section;
    changed.jwks_cache_ttl_s = 1;
    ASSERT_TRUE(refresher->adopt(changed));
    config::Section broken = section;
    broken.name = "broken";
    broken.ca_file = "/nonexistent/ca.pem";
    ASSERT_FALSE(refresher->adopt(broken));
    refresher->rollback();
    EXPECT_GT(store->status().next_fetch_in_s, 1000);
    EXPECT_EQ(begin(section), store);
}

TEST_F(RefresherTest, ADroppedSectionsWaitersLeave) {
    issuer.set_fault(Endpoint::jwks, Fault::hang, 30);
    const auto store = begin(section);
    Reason reason = Reason::NONE;
    std::thread waiter([&] { reason = check(*store, issuer.mint(), long_wait_ms); });
    refresher->commit();  // of nothing
    waiter.join();
    EXPECT_EQ(reason, Reason::KEYS_PENDING);
}

TEST_F(RefresherTest, ReloadsUnderLoadRefuseNoToken) {
    const auto store = begin_with_keys();
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> accepted{0};
    std::atomic<std::size_t> refused{0};
    const std::string token = issuer.mint();
    const auto client = [&] {
        while (!stop) ++(check(*store, token, 0) == Reason::NONE ? accepted : refused);
    };
    std::thread first(client);
    std::thread second(client);
    for (int i = 0; i < 100; ++i) {
        section.jwks_cache_ttl_s = 1000 + i;
        EXPECT_EQ(begin(section), store);
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

class FileTest : public RefresherTest, public testing::WithParamInterface<FileRow> {
  protected:
    std::string write() const {
        const std::string path = directory.path() + "/file";
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
    section.jwks_file = write();
    const auto store = refresher->adopt(section);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().reason, GetParam().reason) << store.error().detail;
    EXPECT_NE(store.error().detail.find("/file"), std::string::npos) << store.error().detail;
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
    section.ca_file = write();
    const auto store = refresher->adopt(section);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().reason, GetParam().reason) << store.error().detail;
}

INSTANTIATE_TEST_SUITE_P(Rows, CaFileTest,
                         testing::Values(FileRow{"missing", nullptr, 0, Reason::CONFIG_UNREADABLE},
                                         FileRow{"writable_by_others", "x", 0666, Reason::CONFIG_INSECURE_FILE},
                                         FileRow{"no_certificate", "garbage", 0600,
                                                 Reason::CONFIG_INVALID_VALUE},
                                         FileRow{"empty", "", 0600, Reason::CONFIG_INVALID_VALUE}),
                         [](const auto &info) { return info.param.name; });

TEST_F(RefresherTest, AStaticSetNeedsNoThreadAndIsReadAgainAtReload) {
    const support::TemporaryDirectory directory;
    section.jwks_file = directory.path() + "/keys.json";
    support::write_file(section.jwks_file, issuer.jwks());
    const auto store = begin(section);
    EXPECT_TRUE(refresher->wait_for_first_keys(0));
    // A look-up of an earlier test may be on its way out.
    for (int i = 0; i < 1'000 && !blocked_signals_of("tokenward-keys").empty(); ++i) {
        std::this_thread::sleep_for(Milliseconds(2));
    }
    EXPECT_TRUE(blocked_signals_of("tokenward-keys").empty());
    EXPECT_EQ(check(*store, issuer.mint(), long_wait_ms), Reason::NONE);
    EXPECT_TRUE(store->status().static_set);

    issuer.rotate(false);
    EXPECT_EQ(check(*store, issuer.mint(), long_wait_ms), Reason::UNKNOWN_KEY) << "at once";
    support::write_file(section.jwks_file, "garbage");
    EXPECT_FALSE(refresher->adopt(section));
    refresher->rollback();
    EXPECT_FALSE(store->status().keys.empty());
    support::write_file(section.jwks_file, issuer.jwks());
    EXPECT_EQ(begin(section), store);
    EXPECT_EQ(check(*store, issuer.mint(), 0), Reason::NONE);
    EXPECT_EQ(issuer.requests(Endpoint::jwks) + issuer.requests(Endpoint::discovery), 0U);
}

}  // namespace
}  // namespace tokenward::keys
