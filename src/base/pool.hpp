// A few ready-made objects for whoever needs one right now: no lock, no thread_local.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace tokenward {

/// Keeps up to `Slots` idle objects. Thread-safe and wait-free; where none is idle the caller makes a new one,
/// and where all slots are full a returned one is freed.
template <class T, std::size_t Slots = 8>
class Pool {
  public:
    Pool() = default;
    ~Pool() {
        for (auto &slot : slots_) delete slot.load(std::memory_order_relaxed);
    }
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;

    /// An object that nobody else has; goes back when the lease ends.
    class Lease {
      public:
        Lease(Pool &pool, std::unique_ptr<T> object) noexcept : pool_(pool), object_(std::move(object)) {}
        ~Lease() { pool_.give_back(std::move(object_)); }
        Lease(const Lease &) = delete;
        Lease &operator=(const Lease &) = delete;
        T &operator*() const noexcept { return *object_; }
        T *operator->() const noexcept { return object_.get(); }

      private:
        Pool &pool_;
        std::unique_ptr<T> object_;
    };

    /// An idle object, else a default-constructed one.
    Lease take() {
        for (auto &slot : slots_) {
            if (slot.load(std::memory_order_relaxed) == nullptr) continue;
            if (T *object = slot.exchange(nullptr, std::memory_order_acquire)) {
                return Lease(*this, std::unique_ptr<T>(object));
            }
        }
        return Lease(*this, std::make_unique<T>());
    }

  private:
    void give_back(std::unique_ptr<T> object) noexcept {
        if (!object) return;
        for (auto &slot : slots_) {
            T *expected = nullptr;
            if (slot.compare_exchange_strong(expected, object.get(), std::memory_order_release,
                                             std::memory_order_relaxed)) {
                static_cast<void>(object.release());
                return;
            }
        }
    }

    std::array<std::atomic<T *>, Slots> slots_{};
};

}  // namespace tokenward
