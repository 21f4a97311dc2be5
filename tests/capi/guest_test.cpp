// The library leaves its host's process as it found it: OpenSSL's error queue, errno, unloading, fork.
#include "loaded_library.hpp"
#include "static_provider.hpp"
#include "support/in_child.hpp"
#include "support/thread_signals.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <alloca.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tokenward::support {
namespace {

void no_log(void *, std::int32_t, const char *, std::size_t) {}

tokenward_backend *create(const LoadedLibrary &tw, const std::string &config) {
    const tokenward_string file = text(config);
    const auto options = options_with_log(file, no_log);
    tokenward_backend *backend = nullptr;
    auto error = cleared<tokenward_error>();
    EXPECT_EQ(tw.create(&options, &backend, &error), TOKENWARD_OK) << error.message;
    return backend;
}

bool is_mapped(const std::string &name) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find(name) != std::string::npos) return true;
    }
    return false;
}

/// Creates a backend and a session, uses them, ends them.
void whole_life(const LoadedLibrary &tw, const std::string &config, const std::string &token) {
    tokenward_backend *backend = create(tw, config);
    tokenward_session *session = nullptr;
    const auto credentials = bearer(token);
    EXPECT_EQ(tw.authenticate(backend, &credentials, nullptr, &session, nullptr), TOKENWARD_OK);
    const auto asked = request(TOKENWARD_READ, "v", "a");
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ALLOWED);
    tw.destroy(backend);
    tw.session_release(session);
}

}  // namespace

TEST(Guest, AHundredLoadsAndTheLibraryIsGone) {
    const StaticProvider provider;
    const std::string token = StaticProvider::token("read:v/a");
    for (int i = 0; i < 100; ++i) {
        {
            const LoadedLibrary tw;
            ASSERT_TRUE(is_mapped("libtokenward.so"));
            whole_life(tw, provider.config_file(), token);
        }
        ASSERT_FALSE(is_mapped("libtokenward.so")) << "after load " << i;
    }
}

TEST(Guest, TheLibraryIsGoneAlsoWhileAThreadThatUsedItLives) {
    const StaticProvider provider;
    const std::string token = StaticProvider::token("read:v/a");
    std::mutex mutex;
    std::condition_variable changed;
    bool used = false;
    bool end = false;
    auto tw = std::make_unique<LoadedLibrary>();
    std::thread user([&] {
        whole_life(*tw, provider.config_file(), token);
        std::unique_lock lock(mutex);
        used = true;
        changed.notify_all();
        changed.wait(lock, [&] { return end; });
    });
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return used; });
    }
    tw.reset();
    EXPECT_FALSE(is_mapped("libtokenward.so"));
    {
        const std::lock_guard lock(mutex);
        end = true;
    }
    changed.notify_all();
    user.join();  // a thread that runs the unloaded library's code would crash here
}

TEST(Guest, APlantedOpenSslErrorIsThereAloneAfterEveryCall) {
    const StaticProvider provider;
    const LoadedLibrary tw;
    const std::string good = StaticProvider::token("read:v/a");
    std::string forged = good;
    forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
    const std::string rsa = StaticProvider::key().sign("ES256", jws_header("RS256", "k1").json(), "{}");

    for (const bool planted : {true, false}) {
        SCOPED_TRACE(planted ? "an error was there" : "the queue was empty");
        const auto expect_untouched = [&](const char *after) {
            unsigned long error = ERR_get_error();
            if (planted) {
                EXPECT_EQ(ERR_GET_REASON(error), ERR_R_PASSED_NULL_PARAMETER) << after;
                error = ERR_get_error();
            }
            EXPECT_EQ(error, 0UL) << after << ": " << ERR_error_string(error, nullptr);
            EXPECT_EQ(errno, 4711) << after;
        };
        const auto plant = [&] {
            ERR_clear_error();
            if (planted) ERR_raise(ERR_LIB_USER, ERR_R_PASSED_NULL_PARAMETER);
            errno = 4711;
        };
        plant();
        tokenward_backend *backend = create(tw, provider.config_file());
        expect_untouched("create");
        tokenward_session *session = nullptr;
        for (const std::string &token : {good, forged, rsa, std::string("e30.e30."), std::string("garbage")}) {
            tokenward_session *one = nullptr;
            const auto credentials = bearer(token);
            plant();
            tw.authenticate(backend, &credentials, nullptr, &one, nullptr);
            expect_untouched("authenticate");
            if (one != nullptr) session = one;
        }
        ASSERT_NE(session, nullptr);
        const auto asked = request(TOKENWARD_READ, "v", "a");
        plant();
        EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ALLOWED);
        expect_untouched("authorize");
        const auto bad = bearer(forged);
        plant();
        EXPECT_EQ(tw.session_refresh(session, &bad, nullptr, nullptr), TOKENWARD_REFUSED);
        expect_untouched("refresh");
        plant();
        EXPECT_EQ(tw.reload(backend, nullptr, nullptr), TOKENWARD_OK);
        expect_untouched("reload");
        std::size_t length = 0;
        plant();
        tw.inspect(backend, good.data(), good.size(), nullptr, 0, &length, nullptr);
        tw.status(backend, nullptr, 0, &length, nullptr);
        tw.metrics(backend, nullptr, 0, &length, nullptr);
        expect_untouched("reports");
        plant();
        tw.session_release(session);
        tw.destroy(backend);
        expect_untouched("release and destroy");
    }
    ERR_clear_error();
}

TEST(Guest, AForkedChildMayAuthorizeAndGoButNotAuthenticate) {
    const StaticProvider provider;
    const LoadedLibrary tw;
    tokenward_backend *backend = create(tw, provider.config_file());
    const std::string token = StaticProvider::token("read:v/a tag:t");
    tokenward_session *session = nullptr;
    const auto credentials = bearer(token);
    ASSERT_EQ(tw.authenticate(backend, &credentials, nullptr, &session, nullptr), TOKENWARD_OK);

    const int failed = in_child([&] {  // each number names one check
        auto error = cleared<tokenward_error>();
        const auto asked = request(TOKENWARD_READ, "v", "a");
        const char *name = nullptr;
        std::size_t length = 0;
        tokenward_session *other = nullptr;
        if (tw.authorize(session, &asked) != TOKENWARD_ALLOWED) return 1;
        if (tw.session_username(session, &name, &length) != TOKENWARD_OK) return 2;
        if (tw.session_tags(session, nullptr, 0, &length) != TOKENWARD_OK || length != 1) return 3;
        if (tw.authenticate(backend, &credentials, nullptr, &other, &error) != TOKENWARD_ERROR) return 4;
        if (std::string(tw.reason_name(error.reason)) != "FORKED") return 5;
        if (tw.session_refresh(session, &credentials, nullptr, &error) != TOKENWARD_ERROR) return 6;
        if (tw.reload(backend, nullptr, &error) != TOKENWARD_ERROR) return 7;
        const auto forked = [&](std::int32_t result) {
            return result == TOKENWARD_ERROR && error.reason == TOKENWARD_REASON_FORKED;
        };
        if (!forked(tw.status(backend, nullptr, 0, &length, &error))) return 8;
        if (!forked(tw.metrics(backend, nullptr, 0, &length, &error))) return 9;
        if (!forked(tw.explain(session, &asked, nullptr, 0, &length, &error))) return 10;
        if (!forked(tw.inspect(backend, "a", 1, nullptr, 0, &length, &error))) return 11;
        if (tw.report_denial(session, &asked, nullptr) != TOKENWARD_ERROR) return 12;
        std::int32_t fd = 0;
        if (tw.log_fd(backend, &fd) != TOKENWARD_ERROR || fd != -1) return 13;
        tw.session_release(session);
        tw.destroy(backend);
        return 0;
    });
    EXPECT_EQ(failed, 0);

    const auto asked = request(TOKENWARD_READ, "v", "a");
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ALLOWED) << "the parent goes on";
    tw.session_release(session);
    EXPECT_EQ(tw.authenticate(backend, &credentials, nullptr, &session, nullptr), TOKENWARD_OK);
    tw.session_release(session);
    tw.destroy(backend);
}

namespace {

/// A provider that takes connections and never answers: whoever waits for its keys waits.
class Waiting : public testing::Test {
  protected:
    void SetUp() override {
        issuer.set_network(TestIssuer::Network::blackhole);
        provider.write("waiting.ini", "[oauth]\nissuer = " + issuer.issuer() +
                                          "\naudience = broker\nscope_prefix =\nca_file = " + issuer.ca_file() +
                                          "\n");
        const std::string path = provider.path("waiting.ini");
        const tokenward_string file = text(path);
        auto options = options_with_log(file, no_log);
        options.max_wait_ms = 60'000;
        auto error = cleared<tokenward_error>();
        ASSERT_EQ(tw.create(&options, &backend, &error), TOKENWARD_OK) << error.message;
    }

    std::string token() const {
        return StaticProvider::mint(StaticProvider::claims("read:v/a").string("iss", issuer.issuer()));
    }
    /// Waits until the one caller waits for keys: a key was asked for.
    static void let_it_wait(const std::atomic<bool> &began) {
        while (!began) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }

    TestIssuer issuer;
    const StaticProvider provider;
    const LoadedLibrary tw;
    tokenward_backend *backend = nullptr;
};

}  // namespace

TEST_F(Waiting, DestroySendsThoseThatWaitAwayWithTryAgain) {
    const std::string waiting = token();
    const auto credentials = bearer(waiting);
    std::atomic<bool> began{false};
    std::int32_t result = TOKENWARD_OK;
    auto error = cleared<tokenward_error>();
    std::thread caller([&] {
        tokenward_session *session = nullptr;
        began = true;
        result = tw.authenticate(backend, &credentials, nullptr, &session, &error);
    });
    let_it_wait(began);
    tw.destroy(backend);
    caller.join();
    EXPECT_EQ(result, TOKENWARD_TRY_AGAIN) << error.message;
    EXPECT_EQ(error.reason, TOKENWARD_REASON_KEYS_PENDING);
}

TEST_F(Waiting, AHostThreadThatIsCancelledWhileItWaitsDoesntEndTheProcess) {
    struct Caller {
        const LoadedLibrary &tw;
        tokenward_backend *backend;
        tokenward_credentials credentials;
        std::atomic<bool> began{false};
        std::atomic<int> result{-1};
    };
    const std::string waiting = token();
    Caller caller{tw, backend, bearer(waiting)};
    pthread_t thread{};
    ASSERT_EQ(pthread_create(
                  &thread, nullptr,
                  [](void *argument) -> void * {
                      auto &self = *static_cast<Caller *>(argument);
                      tokenward_session *session = nullptr;
                      self.began = true;
                      self.result =
                          self.tw.authenticate(self.backend, &self.credentials, nullptr, &session, nullptr);
                      for (;;) pthread_testcancel();
                  },
                  &caller),
              0);
    let_it_wait(caller.began);
    EXPECT_EQ(pthread_cancel(thread), 0);
    tw.destroy(backend);
    void *ended = nullptr;
    EXPECT_EQ(pthread_join(thread, &ended), 0);
    EXPECT_EQ(ended, PTHREAD_CANCELED);
    EXPECT_EQ(caller.result, TOKENWARD_TRY_AGAIN) << "the call itself is no cancellation point";
}

TEST_F(Waiting, OurThreadsLeaveTheFaultsToTheHostsHandler) {
    std::uint64_t mask = 0;
    // It has no name at first. The test hangs, and is ended, if a fault stays blocked.
    do {
        std::this_thread::yield();
        const auto masks = blocked_signals_of("tokenward-keys");
        mask = masks.empty() ? ~std::uint64_t{0} : masks.front();
    } while (is_blocked(mask, SIGSEGV));
    for (const int fault : {SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
        EXPECT_FALSE(is_blocked(mask, fault)) << fault;
    for (const int other : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM, SIGPIPE, SIGUSR1})
        EXPECT_TRUE(is_blocked(mask, other));
    tw.destroy(backend);
}

namespace {

/// Runs `body` on a thread with a stack of so many bytes. arm64 has none of 64 KiB: what is more is used up first.
void on_a_stack_of(std::size_t bytes, std::function<void()> body) {
    struct Task {
        std::function<void()> body;
        std::size_t too_much;
    };
    const std::size_t size = std::max<std::size_t>(bytes, PTHREAD_STACK_MIN);
    Task task{std::move(body), size - bytes};
    pthread_attr_t attributes;
    ASSERT_EQ(pthread_attr_init(&attributes), 0);
    ASSERT_EQ(pthread_attr_setstacksize(&attributes, size), 0);
    pthread_t thread{};
    const auto run = [](void *argument) -> void * {
        const auto &asked = *static_cast<Task *>(argument);
        [[maybe_unused]] void *const volatile used_up = alloca(asked.too_much);
        asked.body();
        return nullptr;
    };
    ASSERT_EQ(pthread_create(&thread, &attributes, run, &task), 0);
    ASSERT_EQ(pthread_join(thread, nullptr), 0);
    pthread_attr_destroy(&attributes);
}

}  // namespace

TEST(Guest, ACallNeedsNoMoreStackThanTheHeaderSays) {
    const StaticProvider provider;
    const LoadedLibrary tw;
    tokenward_backend *backend = nullptr;
    on_a_stack_of(std::size_t{128} << 10, [&] { backend = create(tw, provider.config_file()); });
    ASSERT_NE(backend, nullptr);
    const std::string token = StaticProvider::token("read:v/a read:%2F/amq.topic/a.*");
    on_a_stack_of(std::size_t{64} << 10, [&] {
        tokenward_session *session = nullptr;
        auto error = cleared<tokenward_error>();
        const auto credentials = bearer(token);
        EXPECT_EQ(tw.authenticate(backend, &credentials, nullptr, &session, &error), TOKENWARD_OK);
        auto asked = request(TOKENWARD_READ, "/", "amq.topic", "a/b");
        asked.flags |= TOKENWARD_MQTT_TOPIC;
        EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ALLOWED);
        asked.operation = TOKENWARD_WRITE;
        EXPECT_EQ(tw.report_denial(session, &asked, nullptr), TOKENWARD_OK);
        EXPECT_EQ(tw.session_refresh(session, &credentials, nullptr, &error), TOKENWARD_OK);
        std::size_t length = 0;
        EXPECT_EQ(tw.explain(session, &asked, nullptr, 0, &length, &error), TOKENWARD_OK);
        EXPECT_EQ(tw.status(backend, nullptr, 0, &length, &error), TOKENWARD_OK);
        EXPECT_EQ(tw.metrics(backend, nullptr, 0, &length, &error), TOKENWARD_OK);
        EXPECT_EQ(tw.inspect(backend, token.data(), token.size(), nullptr, 0, &length, &error), TOKENWARD_OK);
        tw.session_release(session);
    });
    tw.destroy(backend);
}

namespace {

/// True if the descriptor is a connection or a listener of the network.
bool is_network_socket(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    return getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) == 0 && address.ss_family == AF_INET;
}

}  // namespace

// One more descriptor each time, until there are enough: whoever is the first to get none, the answer is the
// same. With the queue it is the log.
TEST(Guest, WithoutDescriptorsTheAnswerNamesTheLimit) {
    const StaticProvider provider;
    for (const std::int32_t mode : {TOKENWARD_LOG_TO_STDERR, TOKENWARD_LOG_TO_QUEUE}) {
        const int failed = in_child([&] {
            const LoadedLibrary tw;
            const std::string path = provider.config_file();
            const tokenward_string file = text(path);
            auto options = cleared<tokenward_options>();
            options.config_files = &file;
            options.config_file_count = 1;
            options.log_mode = mode;
            auto error = cleared<tokenward_error>();
            for (int fd = 3; fd < 256; ++fd) close(fd);
            rlimit limit{};
            getrlimit(RLIMIT_NOFILE, &limit);
            int refused = 0;
            for (limit.rlim_cur = 3;; ++limit.rlim_cur) {
                setrlimit(RLIMIT_NOFILE, &limit);
                tokenward_backend *backend = nullptr;
                if (tw.create(&options, &backend, &error) == TOKENWARD_OK) break;
                ++refused;
                if (error.reason != TOKENWARD_REASON_RESOURCE_LIMIT) return 10 + refused;
                if (std::string(error.hint).find("ulimit -n") == std::string::npos) return 20 + refused;
            }
            return refused >= 2 ? 0 : 1;  // an event, and a file
        });
        EXPECT_EQ(failed, 0) << mode;
    }
}

TEST(Guest, NothingOfOursTakesThePlaceOfAClosedStandardDescriptor) {
    TestIssuer issuer;
    issuer.set_network(TestIssuer::Network::blackhole);
    const StaticProvider provider;
    provider.write("live.ini", "[oauth]\nissuer = " + issuer.issuer() +
                                   "\naudience = a\nca_file = " + issuer.ca_file() + "\n");
    const int failed = in_child([&] {
        const LoadedLibrary tw;
        const std::string path = provider.path("live.ini");
        const tokenward_string file = text(path);
        auto options = cleared<tokenward_options>();
        options.config_files = &file;
        options.config_file_count = 1;
        options.log_mode = TOKENWARD_LOG_TO_QUEUE;
        // The issuer's own sockets came along.
        for (int fd = 3; fd < 256; ++fd) close(fd);
        for (const int standard : {0, 1, 2}) close(standard);
        tokenward_backend *backend = nullptr;
        if (tw.create(&options, &backend, nullptr) != TOKENWARD_OK) return 1;
        std::int32_t log_fd = -1;
        if (tw.log_fd(backend, &log_fd) != TOKENWARD_OK || log_fd < 3) return 2;
        int connection = -1;
        while (connection < 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            for (int fd = 0; fd < 64; ++fd) {
                if (is_network_socket(fd)) connection = fd;
            }
        }
        for (const int standard : {0, 1, 2}) {
            if (fcntl(standard, F_GETFD) != -1) return 10 + standard;
        }
        tw.destroy(backend);
        return 0;
    });
    EXPECT_EQ(failed, 0);
}

namespace {

/// For a handler of the process's end, which takes no argument.
struct AtProcessEnd {
    const LoadedLibrary *tw;
    tokenward_backend *backend;
    const tokenward_credentials *credentials;
};
AtProcessEnd at_process_end;

/// Runs after the library's own handler and after OpenSSL's.
void call_after_the_end() {
    const AtProcessEnd &host = at_process_end;
    auto error = cleared<tokenward_error>();
    const auto says_so = [&](std::int32_t result) {
        return result == TOKENWARD_ERROR && error.reason == TOKENWARD_REASON_BACKEND_CLOSED &&
               std::string(error.message) == "the process ends" &&
               std::string(error.hint).find("connect again") == std::string::npos;
    };
    tokenward_session *session = nullptr;
    if (!says_so(host.tw->authenticate(host.backend, host.credentials, nullptr, &session, &error))) _exit(1);
    if (!says_so(host.tw->reload(host.backend, nullptr, &error))) _exit(2);
    tokenward_backend *other = nullptr;
    if (!says_so(host.tw->create(nullptr, &other, &error))) _exit(3);
    host.tw->destroy(host.backend);
    _exit(0);
}

}  // namespace

TEST(Guest, ACallAfterTheProcessHasBegunToEndSaysSo) {
    const StaticProvider provider;
    const std::string token = StaticProvider::token("read:v/a");
    const auto credentials = bearer(token);
    const int failed = in_child([&] {
        std::atexit(call_after_the_end);
        const LoadedLibrary tw;
        at_process_end = {&tw, create(tw, provider.config_file()), &credentials};
        std::exit(99);
        return 98;
    });
    EXPECT_EQ(failed, 0);
}

}  // namespace tokenward::support
