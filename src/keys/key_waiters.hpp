// Callers that wait for keys. One for all sections of a backend.
#pragma once

#include "base/wakeup.hpp"

#include <condition_variable>
#include <mutex>

namespace tokenward::keys {

struct KeyWaiters {
    /// More callers than this would be too many of a host's threads.
    static constexpr int max_waiting = 64;

    /// Guards all that changes over a key set's life. Readers of keys never take it.
    std::mutex mutex;
    std::condition_variable changed;  ///< a fetch ended, a section was dropped, or the backend closes
    int waiting = 0;                  ///< guarded by mutex
    bool closed = false;              ///< guarded by mutex: the backend ends
    Wakeup fetcher;                   ///< the fetcher's thread looks again what is due
};

}  // namespace tokenward::keys
