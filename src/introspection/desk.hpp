// Where logins and the fetcher's thread meet: one for all providers of a backend.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

namespace tokenward::introspection {

struct Desk {
    /// More callers than this would be too many of a host's threads.
    static constexpr int max_waiting = 64;

    std::mutex mutex;
    std::condition_variable changed;  ///< something was answered, or a provider was closed
    int waiting = 0;                  ///< guarded by mutex
    bool closed = false;              ///< guarded by mutex: nothing is asked any more
    std::function<void()>
        wake;  ///< guarded by mutex, and called only while not closed: the thread has something to do
};

}  // namespace tokenward::introspection
