// A forked child ends though its parent's fetcher was busy. No network: a thread that libcurl or OpenSSL has
// may be in malloc, where a child can hang in the sanitizer's own locks.
#include "fakes.hpp"
#include "keys/fetcher.hpp"
#include "section_keys_fixture.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

constexpr unsigned hang_guard_s = 120;  // only ends a child that hangs
constexpr std::int64_t long_wait_ms = 60'000;

/// The fetcher's thread stands still in its first wait, until it is let go. Then the key set comes.
class StoppedTransport final : public Transport {
  public:
    void start(Id id, HttpRequest) override {
        HttpResponse response;
        response.result = FetchResult::ok;
        response.body = key_set({"k1"});
        answers_.push_back({id, std::move(response)});
    }
    void cancel(Id) noexcept override {}
    std::vector<Completed> wait(std::int64_t) override {
        if (!let_go_) {
            stopped.release();
            go_on.acquire();
            let_go_ = true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return std::exchange(answers_, {});
    }
    std::binary_semaphore stopped{0};
    std::binary_semaphore go_on{0};

  private:
    bool let_go_ = false;
    std::vector<Completed> answers_;
};

}  // namespace

TEST(Fork, AChildForgetsTheFetcherThoughItsThreadAndACallerWithTheLockAreGone) {
    ManualClock clock;
    LogCapture log;
    auto *const transport = new StoppedTransport;
    auto fetcher = std::make_unique<Fetcher>(clock, log.logger, Proxy{}, std::unique_ptr<Transport>(transport));
    config::Section section = section_of("https://provider.example");
    section.keys.jwks_uri = "https://provider.example/keys";
    const std::shared_ptr<SectionKeys> keys = fetcher->prepare(input_of(section)).value();
    fetcher->commit();
    transport->stopped.acquire();

    // A caller asks for the time with the lock in its hands.
    std::binary_semaphore caller_stopped{0};
    std::binary_semaphore caller_goes_on{0};
    std::atomic<bool> stops{true};
    clock.on_read = [&] {
        if (!stops.exchange(false)) return;
        caller_stopped.release();
        caller_goes_on.acquire();
    };
    bool found = false;
    std::thread caller([&] { found = keys->find(jose::Algorithm::EdDSA, "k1", "", long_wait_ms).has_value(); });
    caller_stopped.acquire();

    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(hang_guard_s);
        Fetcher::abandon_in_forked_child(std::move(fetcher));
        ::_exit(0);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "ended by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
    caller_goes_on.release();
    transport->go_on.release();
    caller.join();
    EXPECT_TRUE(found) << "the parent goes on";
}

}  // namespace tokenward::keys
