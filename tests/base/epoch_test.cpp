#include "base/epoch.hpp"

#include <atomic>
#include <memory>
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
    EpochDomain domain;
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

TEST(EpochDomain, SynchronizeWaitsForAReaderThatWasThere) {
    EpochDomain domain;
    std::atomic<bool> synchronized{false};
    auto reader = std::make_unique<EpochDomain::Reader>(domain);
    std::thread writer([&] {
        domain.synchronize();
        synchronized = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(synchronized.load());
    reader.reset();
    writer.join();
    EXPECT_TRUE(synchronized.load());
}

}  // namespace tokenward
