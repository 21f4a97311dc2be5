// The memory of one call: what is taken from it is given back all at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>

namespace tokenward::access {

/// As std::pmr::monotonic_buffer_resource; but taking memory is no virtual call, which is a sixteenth of what a set costs to
/// compile (tests/bench/README.md). It has its first bytes in itself.
class Arena final : public std::pmr::memory_resource {
  public:
    Arena() = default;
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
    ~Arena() override {
        while (chunks_ != nullptr) {
            Chunk *const next = chunks_->next;
            ::operator delete(chunks_);
            chunks_ = next;
        }
    }

    /// Throws std::bad_alloc. Not initialised.
    void *take(std::size_t size, std::size_t alignment) {
        char *const at = aligned(next_, alignment);
        if (at > end_ || static_cast<std::size_t>(end_ - at) < size) return take_from_new(size, alignment);
        next_ = at + size;
        return at;
    }

  private:
    struct Chunk {
        Chunk *next;
    };
    static constexpr std::size_t own_bytes = 8192;

    static char *aligned(char *at, std::size_t alignment) noexcept {
        return at + (-reinterpret_cast<std::uintptr_t>(at) & (alignment - 1));
    }

    [[gnu::noinline]] void *take_from_new(std::size_t size, std::size_t alignment) {
        if (size > SIZE_MAX / 4) throw std::bad_alloc();
        chunk_bytes_ = std::max(2 * chunk_bytes_, size + alignment);
        auto *const chunk = static_cast<Chunk *>(::operator new(sizeof(Chunk) + chunk_bytes_));
        chunk->next = chunks_;
        chunks_ = chunk;
        next_ = reinterpret_cast<char *>(chunk + 1);
        end_ = next_ + chunk_bytes_;
        return take(size, alignment);
    }

    void *do_allocate(std::size_t size, std::size_t alignment) override { return take(size, alignment); }
    void do_deallocate(void *, std::size_t, std::size_t) override {}
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override { return this == &other; }

    alignas(std::max_align_t) char own_[own_bytes];
    char *next_ = own_;
    char *end_ = own_ + own_bytes;
    Chunk *chunks_ = nullptr;
    std::size_t chunk_bytes_ = own_bytes;
};

/// Not initialised; it lives as long as the arena.
template <class T>
T *allocate(std::size_t count, Arena &arena) {
    if (count > SIZE_MAX / 4 / sizeof(T)) throw std::bad_alloc();
    return static_cast<T *>(arena.take(count * sizeof(T), alignof(T)));
}

}  // namespace tokenward::access
