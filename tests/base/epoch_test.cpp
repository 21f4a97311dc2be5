#include "base/epoch.hpp"

#include <atomic>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward {
namespace {

struct Pair {
    explicit Pair(int value) : first(value), second(value) {}
    ~Pair() { first = -1; }  // a reader that outlives it would see halves
    int first;
    int second;
};

}  // namespace

TEST(Snapshot, ReadersSeeWholeValuesWhileAWriterSwaps) {
    // Not on the stack: there the address sanitizer of gcc 12 doesn't keep its alignment.
    const auto owned = std::make_unique<EpochDomain>();
    EpochDomain &domain = *owned;
    Snapshot<Pair> snapshot(std::make_unique<Pair>(0));
    std::atomic<bool> stop{false};
    std::atomic<int> torn{0};
    std::vector<std::thread> readers(3);
    for (std::thread &reader_thread : readers) {
        reader_thread = std::thread([&] {
            while (!stop.load()) {
                const EpochDomain::Reader reader(domain);
                const Pair *pair = snapshot.get();
                if (pair->first != pair->second) ++torn;
            }
        });
    }
    for (int value = 1; value < 3000; ++value) snapshot.replace(std::make_unique<Pair>(value), domain);
    stop = true;
    for (auto &reader : readers) reader.join();
    EXPECT_EQ(torn.load(), 0);
    const EpochDomain::Reader reader(domain);
    EXPECT_EQ(snapshot.get()->second, 2999);
}

// Each of the following tests stops a thread at one of the domain's moments.
namespace {

/// Stands still where its thread comes by, until it is let go.
class Barrier {
  public:
    void pass() {
        came_.release();
        go_.acquire();
    }
    void wait_until_it_came() { came_.acquire(); }
    void let_go() { go_.release(); }

  private:
    std::binary_semaphore came_{0};
    std::binary_semaphore go_{0};
};

struct StoppedMoments {
    static inline std::atomic<Barrier *> at_index{nullptr};               ///< of the next reader
    static inline std::atomic<std::binary_semaphore *> at_wait{nullptr};  ///< told once

    static void index_was_read() noexcept {
        if (Barrier *barrier = at_index.exchange(nullptr)) barrier->pass();
    }
    static void wait() noexcept {
        if (auto *told = at_wait.exchange(nullptr)) told->release();
        std::this_thread::yield();
    }
};
using StoppedDomain = BasicEpochDomain<StoppedMoments>;

}  // namespace

TEST(EpochDomain, SynchronizeWaitsForAReaderThatWasThere) {
    const auto owned = std::make_unique<StoppedDomain>();
    StoppedDomain &domain = *owned;
    std::atomic<bool> synchronized{false};
    std::binary_semaphore waits_or_ended{0};
    StoppedMoments::at_wait = &waits_or_ended;
    auto reader = std::make_unique<StoppedDomain::Reader>(domain);
    std::thread writer([&] {
        domain.synchronize();
        synchronized = true;
        if (StoppedMoments::at_wait.exchange(nullptr) != nullptr) waits_or_ended.release();
    });
    waits_or_ended.acquire();
    EXPECT_FALSE(synchronized.load());
    reader.reset();
    writer.join();
    EXPECT_TRUE(synchronized.load());
}

/// The reader reads the index, a whole synchronize() goes by, and only then does the reader count itself: under
/// the index that the next writer flips away from last. With one flip that writer frees what the reader holds.
TEST(EpochDomain, SynchronizeWaitsForAReaderThatCountsItselfAfterAFlip) {
    // The reader's index is of the one and of the other parity.
    for (int earlier = 1; earlier <= 2; ++earlier) {
        const auto owned = std::make_unique<StoppedDomain>();
        StoppedDomain &domain = *owned;
        std::atomic<int> freed{0};
        struct Value {
            std::atomic<int> &freed;
            ~Value() { ++freed; }
        };
        const auto value = [&] { return std::unique_ptr<const Value>(new Value{freed}); };
        Snapshot<Value> snapshot(value());

        Barrier index_read;
        Barrier reading;
        StoppedMoments::at_index = &index_read;
        std::thread reader_thread([&] {
            const StoppedDomain::Reader reader(domain);
            static_cast<void>(snapshot.get());
            reading.pass();
        });
        index_read.wait_until_it_came();
        for (int i = 0; i < earlier; ++i) snapshot.replace(value(), domain);
        EXPECT_EQ(freed.load(), earlier);
        index_read.let_go();
        reading.wait_until_it_came();  // it holds the value that was published last

        std::binary_semaphore waits_or_ended{0};
        StoppedMoments::at_wait = &waits_or_ended;
        std::thread writer([&] {
            snapshot.replace(value(), domain);
            if (StoppedMoments::at_wait.exchange(nullptr) != nullptr) waits_or_ended.release();
        });
        waits_or_ended.acquire();
        EXPECT_EQ(freed.load(), earlier) << "freed under a reader, after " << earlier;
        reading.let_go();
        reader_thread.join();
        writer.join();
        EXPECT_EQ(freed.load(), earlier + 1);
    }
}

}  // namespace tokenward
