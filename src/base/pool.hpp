// A few ready-made objects for whoever needs one right now: no lock, no thread_local.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace tokenward {

/// Keeps up to `Slots` idle objects. Thread-safe and wait-free. The caller gets a new object where none is
/// idle; a returned one is freed where all slots are full.
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
        explicit operator bool() const noexcept { return object_ != nullptr; }

      private:
        Pool &pool_;
        std::unique_ptr<T> object_;
    };

    /// An idle object, else a default-constructed one.
    Lease take() {
        std::unique_ptr<T> object = take_idle();
        return Lease(*this, object ? std::move(object) : std::make_unique<T>());
    }
    /// The same; empty if memory is short.
    Lease try_take() noexcept {
        std::unique_ptr<T> object = take_idle();
        return Lease(*this, object ? std::move(object) : std::unique_ptr<T>(new (std::nothrow) T));
    }

  private:
    // A slot is looked at first: an exchange that can't succeed would only steal its cache line.
    std::unique_ptr<T> take_idle() noexcept {
        for (auto &slot : slots_) {
            if (slot.load(std::memory_order_relaxed) == nullptr) continue;
            if (T *object = slot.exchange(nullptr, std::memory_order_acquire))
                return std::unique_ptr<T>(object);
        }
        return nullptr;
    }
    void give_back(std::unique_ptr<T> object) noexcept {
        if (!object) return;
        for (auto &slot : slots_) {
            T *expected = nullptr;
            if (slot.load(std::memory_order_relaxed) == nullptr &&
                slot.compare_exchange_strong(expected, object.get(), std::memory_order_release,
                                             std::memory_order_relaxed)) {
                static_cast<void>(object.release());
                return;
            }
        }
    }

    std::array<std::atomic<T *>, Slots> slots_{};
};

}  // namespace tokenward
