// Reload while clients log in: all or nothing, keys stay, live sessions go on.
#include "fixture.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

namespace tokenward::session {
namespace {

std::shared_ptr<Backend> create(const std::string &json, const Clock &clock, std::string &log) {
    BackendOptions options = options_with_log(json, log);
    options.startup_wait_ms = 20000;
    return make_backend(options, clock);
}

/// A host's log callback that doesn't return until it is let.
class HeldSink {
  public:
    static void write(void *user, std::int32_t, const char *, std::size_t) {
        auto &self = *static_cast<HeldSink *>(user);
        if (!self.holds.exchange(false)) return;
        self.entered.release();
        self.go_on.acquire();
    }
    std::atomic<bool> holds{false};
    std::binary_semaphore entered{0};
    std::binary_semaphore go_on{0};
};

/// How often a thread of ours has slept or waited so far.
long times_slept(pid_t thread) {
    std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
    const std::string name = "voluntary_ctxt_switches:";
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name)) return std::stol(line.substr(name.size()));
    }
    return 0;
}

}  // namespace

// A login is in the middle of its line, so reload must wait for it. It sleeps meanwhile.
TEST(Reload, SleepsWhileALogCallbackBlocks) {
    const Provider provider;
    const ManualClock clock;
    HeldSink sink;
    BackendOptions options;
    options.config_json = provider.config();
    options.log = {LogMode::to_callback, HeldSink::write, &sink, {}};
    const auto backend = make_backend(options, clock);
    ASSERT_NE(backend, nullptr);
    sink.holds = true;
    std::thread client([&] { EXPECT_FALSE(backend->authenticate(bearer("opaque"), {})); });
    sink.entered.acquire();
    std::atomic<pid_t> reloader{0};
    std::atomic<bool> reloaded{false};
    std::thread reload([&] {
        reloader = ::gettid();
        EXPECT_TRUE(backend->reload(nullptr));
        reloaded = true;
    });
    // Files and locks cost a few at the most.
    constexpr long many = 200;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (times_slept(reloader) < many && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_GE(times_slept(reloader), many);
    EXPECT_FALSE(reloaded);
    sink.go_on.release();
    reload.join();
    client.join();
    backend->close();
}

TEST(Reload, UnderLoadNobodyIsRefused) {
    const Provider provider;
    const ManualClock clock;
    std::string log;
    const std::string quiet = R"(,"log_level":"error")";
    const auto backend = create(provider.config(quiet), clock, log);
    const std::string token = Provider::mint(Provider::claims());
    const auto live = backend->authenticate(bearer(token), {});
    ASSERT_TRUE(live.has_value());

    std::atomic<bool> stop{false};
    std::atomic<int> logins{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> clients;
    clients.reserve(2);
    for (int i = 0; i < 2; ++i) {
        clients.emplace_back([&] {
            while (!stop.load()) {
                const auto session = backend->authenticate(bearer(token), {});
                if (!session ||
                    (*session)->authorize({access::Operation::read, "v", "q", {}}) != Decision::allowed) {
                    ++wrong;
                }
                if ((*live)->authorize({access::Operation::read, "v", "q", {}}) != Decision::allowed) ++wrong;
                ++logins;
            }
        });
    }
    BackendOptions good;
    BackendOptions bad;
    bad.config_json = provider.config(R"(,"nonsense":1)");
    for (int i = 0; i < 60 || logins.load() == 0; ++i) {
        good.config_json = provider.config(quiet + (i % 2 == 0 ? R"(,"token_cache_size":0)" : ""));
        EXPECT_TRUE(backend->reload(&good).has_value());
        const auto refused = backend->reload(&bad);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().reason, Reason::CONFIG_UNKNOWN_KEY);
    }
    stop = true;
    for (auto &client : clients) client.join();
    EXPECT_EQ(wrong.load(), 0);
    EXPECT_GT(logins.load(), 0);
    backend->close();
}

// The thread of metrics_file is the last thing that can be missing.
TEST(Reload, WithoutAThreadForMetricsFileTheOldConfigurationStays) {
    const Provider provider;
    const ManualClock clock;
    std::string log;
    const auto backend = create(provider.config(), clock, log);
    ASSERT_NE(backend, nullptr);
    const std::string token = Provider::mint(Provider::claims());
    BackendOptions next;
    next.config_json =
        provider.config(R"(,"require_at_jwt":true,"metrics_file":")" + provider.path("metrics.prom") + '"');

    pthread_attr_t usual;
    ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
    pthread_attr_t no_room = usual;
    // More than any machine's addresses: QEMU takes memory for each page of less.
    ASSERT_EQ(pthread_attr_setstacksize(&no_room, std::size_t{1} << 60U), 0);
    ASSERT_EQ(pthread_setattr_default_np(&no_room), 0);
    Reason reason = Reason::NONE;
    try {
        const auto reloaded = backend->reload(&next);
        if (!reloaded) reason = reloaded.error().reason;
    } catch (const std::exception &error) {
        ADD_FAILURE() << error.what();
    }
    const auto created = Backend::create(next, clock);
    ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
    EXPECT_STREQ(reason_name(reason), "RESOURCE_LIMIT");
    EXPECT_NE(log.find("the old configuration stays"), std::string::npos) << log;
    EXPECT_TRUE(backend->authenticate(bearer(token), {})) << "half of the reload was done";
    ASSERT_FALSE(created);
    EXPECT_STREQ(reason_name(created.error().reason), "RESOURCE_LIMIT");

    ASSERT_TRUE(backend->reload(&next));
    EXPECT_FALSE(backend->authenticate(bearer(token), {}));
    backend->close();
    EXPECT_TRUE(std::ifstream(provider.path("metrics.prom")).is_open());
}

TEST(Reload, AnUnchangedSectionKeepsItsKeysAndAsksForNone) {
    support::TestIssuer issuer;
    std::string log;
    const auto config = [&](const std::string &more) {
        return R"({"issuer":")" + issuer.issuer() + R"(","audience":"broker","ca_file":")" + issuer.ca_file() +
               '"' + more + "}";
    };
    const auto backend = create(config(""), SystemClock::instance(), log);
    const std::string token = issuer.mint();
    ASSERT_TRUE(backend->authenticate(bearer(token), {}).has_value()) << log;
    const std::size_t requests = issuer.requests(support::TestIssuer::Endpoint::jwks);
    issuer.set_network(support::TestIssuer::Network::down);
    BackendOptions options;
    options.config_json = config(R"(,"clock_skew":30)");
    ASSERT_TRUE(backend->reload(&options).has_value());
    EXPECT_TRUE(backend->authenticate(bearer(token), {}).has_value()) << log;
    EXPECT_EQ(issuer.requests(support::TestIssuer::Endpoint::jwks), requests);

    // Another jwks_uri means another key set, which isn't there yet.
    options.config_json = config(R"(,"jwks_uri":"https://localhost:1/jwks")");
    ASSERT_TRUE(backend->reload(&options).has_value());
    const auto pending = backend->authenticate(bearer(token), {});
    ASSERT_FALSE(pending.has_value());
    EXPECT_EQ(pending.error().reason, Reason::KEYS_PENDING);
    EXPECT_GE(pending.error().retry_after_ms, 20);
    EXPECT_LE(pending.error().retry_after_ms, 1000);
    backend->close();
}

}  // namespace tokenward::session
