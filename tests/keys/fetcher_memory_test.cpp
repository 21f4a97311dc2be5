// The key thread while memory is short: whichever allocation fails, it costs one fetch. The next one brings fresh keys
// as soon as somebody asks. With OpenSSL 3.0 a failed allocation of its own ends a request or the reading of a set,
// never with a set that lacks a key. One of them only the deadline ends: libcurl 7.88 takes a handshake's error for "not
// yet" if the read before it found nothing (the room to read into is allocated anew each time). Not counted is what
// libcurl's thread for name look-ups allocates.
#include "failing_malloc.hpp"
#include "fakes.hpp"
#include "gzip.hpp"
#include "keys/cache_file.hpp"
#include "keys/fetcher.hpp"
#include "keys/http_client.hpp"
#include "support/test_issuer.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

using support::JsonObject;
using support::TestIssuer;
using support::TestKey;
using Endpoint = TestIssuer::Endpoint;
using Fault = TestIssuer::Fault;

constexpr std::chrono::seconds patience{60};
constexpr jose::Algorithm eddsa = jose::Algorithm::EdDSA;

/// Keys of each type, two that no token can use, and an Ed25519 key for each kid.
std::string set_of(const std::vector<std::string> &kids) {
    std::vector<JsonObject> keys{
        TestKey::shared("RS256").jwk("rsa", "RS256"), TestKey::shared("ES256").jwk("ec", "ES256"),
        JsonObject().string("kty", "oct").string("kid", "secret").string("k", "c2VjcmV0"),
        JsonObject().string("kty", "EC").string("kid", "broken").string("crv", "P-256")};
    for (std::size_t i = 0; i < kids.size(); ++i)
        keys.push_back(TestKey::shared("EdDSA", i).jwk(kids[i], "EdDSA"));
    return support::jwks(keys);
}

/// A provider, one section of it, and what the key thread does for it, in the test's hands. Only what that thread
/// allocates is counted.
///
/// The clock moves only while no fetch runs. So Fetcher::end_overdue(), the last line of defence, helps nobody here: a
/// fetch that is lost never ends.
class World {
  public:
    World(TestIssuer &provider, Allocator failing) : provider_(provider), failing_(failing) {
        section_ = section_of(provider.issuer());
        section_.keys.ca_file = provider.ca_file();
        section_.keys.jwks_timeout_s = failing == Allocator::openssls ? 5 : 30;
        section_.keys.jwks_token_file = folder_.path() + "/token";
        section_.keys.jwks_cache_file = folder_.path() + "/cache/keys.json";
        std::filesystem::create_directory(folder_.path() + "/cache");
        provider.heal();
        write_token_file();
        publish({"k1"});
        FileNotes notes;
        keys_ = std::make_shared<SectionKeys>(clock_, waiters_, *read_section_input(section_, notes),
                                              [] { return 0.5; });
        keys_->start();
        sections_.push_back(keys_);
    }

    // ---- what happens ----
    /// The provider's set from now on. Clients have tokens of its last key.
    void publish(std::vector<std::string> kids) {
        clock_.advance_s(1);
        published_at_ = clock_.unix_seconds();
        kids_ = std::move(kids);
        asked = kids_.back();
        TestIssuer::Documents documents = provider_.documents();
        documents.jwks = set_of(kids_);
        if (compress) {
            documents.content_encoding = "gzip";
            documents.jwks = gzip(*documents.jwks);
            documents.discovery = gzip(JsonObject()
                                           .string("issuer", provider_.issuer())
                                           .string("jwks_uri", provider_.jwks_uri())
                                           .json());
        }
        provider_.set_documents(documents);
    }
    void move_keys() {
        TestIssuer::Documents documents = provider_.documents();
        documents.jwks_uri = provider_.moved_jwks_uri();
        provider_.set_documents(documents);
        provider_.set_fault(Endpoint::jwks, Fault::status, 404);
    }
    void write_token_file() const { std::ofstream(section_.keys.jwks_token_file) << "a-token-of-this-broker"; }
    void remove_token_file() const { std::filesystem::remove(section_.keys.jwks_token_file); }
    void until_due() {
        clock_.advance_ms(std::max<std::int64_t>(keys_->next_fetch_at() - clock_.monotonic_ms(), 0));
    }

    // ---- the key thread ----
    /// Somebody asks and the key thread works, until one more fetch has brought something good.
    void until_good() {
        const std::size_t before = good_fetches();
        until([&] { return good_fetches() > before; }, "no good fetch");
    }
    void until_fetch_ended() {
        until([&] { return good_fetches() + failed_fetches() > 0; }, "no fetch ended");
    }
    void until_found() {
        until([&] { return is_found(); }, "the key isn't found");
    }

    // ---- what must be so ----
    /// The published set, whole, and confirmed now.
    void expect_fresh_keys() const {
        const KeyStatus status = keys_->status();
        EXPECT_EQ(status.keys.size(), kids_.size() + 2);
        EXPECT_EQ(status.age_s, 0);
        EXPECT_EQ(status.last_error, "");
        EXPECT_TRUE(keys_->find(eddsa, kids_.back(), "", 0));
        EXPECT_NE(keys_->next_fetch_at(), Schedule::never);
        EXPECT_LE(count(FetchResult::timeout), failing_ == Allocator::openssls ? 1U : 0U) << "a request hung";
    }
    /// The published set or no file, and nothing left beside it.
    void expect_no_older_cache() const {
        const auto cached = read_cache();
        EXPECT_TRUE(!cached || holds_newest(*cached)) << cached->jwks;
        std::size_t files = 0;
        for (const auto &entry : std::filesystem::directory_iterator(folder_.path() + "/cache"))
            files += entry.is_regular_file() ? 1 : 0;
        EXPECT_EQ(files, cached ? 1U : 0U);
    }
    void expect_cache() const { EXPECT_TRUE(read_cache()); }

    /// The kid that clients ask for.
    std::string asked;
    bool compress = false;  ///< what is published from now on

  private:
    bool is_found() const { return keys_->find(eddsa, asked, "", 0).has_value(); }
    std::size_t count(FetchResult result) const {
        return keys_->status().fetches.by_result[static_cast<std::size_t>(result)];
    }
    std::size_t good_fetches() const { return count(FetchResult::ok) + count(FetchResult::not_modified); }
    std::size_t failed_fetches() const { return count(FetchResult::network_error); }

    std::optional<CachedKeys> read_cache() const {
        const auto cached = read_cache_file(section_.keys.jwks_cache_file,
                                            {section_.issuer, "", 86'400, clock_.unix_seconds()});
        EXPECT_TRUE(cached) << cached.error().detail;
        return cached ? *cached : std::nullopt;
    }
    bool holds_newest(const CachedKeys &cached) const {
        return cached.jwks.find('"' + kids_.back() + '"') != std::string::npos;
    }
    /// An older set never has a time at which there was a newer one.
    void expect_no_older_set_with_a_newer_time() const {
        const auto cached = read_cache();
        if (!cached || cached->fetched_at < published_at_) return;
        EXPECT_TRUE(holds_newest(*cached)) << cached->jwks;
    }

    void until(const std::function<bool()> &done, const char *else_what) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (!done()) {
            if (std::chrono::steady_clock::now() > deadline) {
                ADD_FAILURE() << else_what << '\n' << log_.text().substr(0, 4'000);
                return;
            }
            is_found();
            if (keys_->next_fetch_at() != Schedule::never) until_due();
            round();
            expect_no_older_set_with_a_newer_time();
        }
    }
    /// As Fetcher::run() does.
    void round() {
        try {
            const AllocationsCount count;
            fetcher_.round(sections_, 5);
        } catch (const std::exception &) {
        }
    }

    TestIssuer &provider_;
    Allocator failing_;
    support::TemporaryDirectory folder_;
    config::Section section_;
    std::vector<std::string> kids_;
    std::int64_t published_at_ = 0;
    ManualClock clock_;
    LogCapture log_;
    std::shared_ptr<KeyWaiters> waiters_ = std::make_shared<KeyWaiters>();
    std::shared_ptr<SectionKeys> keys_;
    Sections sections_;
    Fetcher fetcher_{clock_, log_.logger, Proxy{}, std::make_unique<HttpClient>(waiters_->fetcher)};
};

/// What happens while one allocation fails, and what must have happened before.
struct Scene {
    const char *name;
    std::function<void(World &)> before;
    std::function<void(World &)> happens;
};

void PrintTo(const Scene &scene, std::ostream *out) {
    *out << scene.name;
}

void nothing(World & /*world*/) {}

const Scene scenes[] = {
    {"cold_start", nothing, [](World &world) { world.until_good(); }},
    {"confirmed_by_304",
     [](World &world) {
         world.until_good();
         world.until_due();
     },
     [](World &world) { world.until_good(); }},
    {"another_set",
     [](World &world) {
         world.until_good();
         world.publish({"k1", "k2"});
     },
     [](World &world) { world.until_good(); }},
    {"asked_in_vain",
     [](World &world) {
         world.until_good();
         world.asked = "stranger";
     },
     [](World &world) { world.until_good(); }},
    {"moved",
     [](World &world) {
         world.until_good();
         world.publish({"k1", "k2"});
         world.move_keys();
     },
     [](World &world) { world.until_good(); }},
    {"unreadable_token_file", [](World &world) { world.remove_token_file(); },
     [](World &world) {
         world.until_fetch_ended();
         world.write_token_file();
         world.until_good();
     }},
    {"gzip",
     [](World &world) {
         world.compress = true;
         world.publish({"k1", "k2"});
     },
     [](World &world) { world.until_good(); }},
};

class FetcherMemory : public testing::TestWithParam<Scene> {
  protected:
    FetcherMemory() { initialise_curl(); }

    /// The number of allocations of the scene; each `stride`-th failed once.
    long sweep(Allocator whose, long stride) {
        for (long n = 1;; n += stride) {
            SCOPED_TRACE(n);
            World world(provider(), whose);
            GetParam().before(world);
            fail_allocation(whose, n);
            GetParam().happens(world);
            const bool failed = allocation_failed();
            fail_allocation(whose, 0);
            world.expect_fresh_keys();
            world.expect_no_older_cache();
            // And so do the fetches after it.
            world.publish({"k2", "k3"});
            world.until_found();
            world.expect_fresh_keys();
            world.expect_no_older_cache();
            world.expect_cache();
            if (!failed || HasFailure()) return n;
        }
    }

  private:
    /// One for all: making its certificates takes long. By its address: HttpMemory looks names up, which takes longer.
    static TestIssuer &provider() {
        static TestIssuer issuer([] {
            TestIssuer::Options options;
            options.host = "127.0.0.1";
            return options;
        }());
        return issuer;
    }
};

TEST_P(FetcherMemory, EveryAllocationOfOursAndOfLibcurlsMayFail) {
    EXPECT_GT(sweep(Allocator::everybody_elses, 1), 50);
}

TEST_P(FetcherMemory, OpensslsAllocationsMayFail) {
    EXPECT_GT(sweep(Allocator::openssls, 29), 10);
}

INSTANTIATE_TEST_SUITE_P(All, FetcherMemory, testing::ValuesIn(scenes),
                         [](const auto &scene) { return scene.param.name; });

// ---- the thread itself ---------------------------------------------------------------------------------------

/// In the key thread the `n`-th allocation after its first look at the clock fails.
class ClockThatTakesMemory final : public Clock {
  public:
    explicit ClockThatTakesMemory(long n) : n_(n) {}
    std::int64_t unix_seconds() const noexcept override { return SystemClock::instance().unix_seconds(); }
    std::int64_t monotonic_ms() const noexcept override {
        if (std::this_thread::get_id() != test_ && !taken_.exchange(true)) {
            thread_local const AllocationsCount until_the_threads_end;
            fail_allocation(Allocator::everybody_elses, n_);
        }
        return SystemClock::instance().monotonic_ms();
    }

  private:
    const long n_;
    const std::thread::id test_ = std::this_thread::get_id();
    mutable std::atomic<bool> taken_{false};
};

// A few are enough: what isn't caught further down is thrown before the first request.
TEST(KeyThreadMemory, TheThreadGoesOnWhateverIsThrown) {
    TestIssuer issuer;
    config::Section section = section_of(issuer.issuer());
    section.keys.ca_file = issuer.ca_file();
    int caught = 0;
    for (long n = 1; n <= 5; ++n) {
        SCOPED_TRACE(n);
        const ClockThatTakesMemory clock(n);
        LogCapture log;
        Fetcher fetcher(clock, log.logger, Proxy{}, nullptr);
        FileNotes notes;
        EXPECT_TRUE(fetcher.prepare(*read_section_input(section, notes)));
        fetcher.commit();
        EXPECT_TRUE(fetcher.wait_for_first_keys(std::chrono::milliseconds(patience).count())) << log.text();
        caught += log.count(LogLevel::error, "bad_alloc");
    }
    EXPECT_GE(caught, 1) << "the thread's own handler";
}

}  // namespace
}  // namespace tokenward::keys
