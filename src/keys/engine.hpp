// What the refresher's thread does in one round: begins the fetches that are due, takes in what came.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "keys/proxy.hpp"
#include "keys/store.hpp"
#include "keys/transport.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tokenward::keys {

/// No thread of its own: driven by the refresher's, or by a test.
class Engine {
  public:
    /// All must outlive the engine.
    Engine(const Clock &clock, Logger &logger, Transport &transport, Proxy environment);

    /// Begins what is due among `stores`, gives up what is no longer theirs, waits for at most `max_wait_ms`,
    /// takes in what came.
    void round(const std::vector<std::shared_ptr<Store>> &stores, std::int64_t max_wait_ms);

  private:
    struct Job {
        std::shared_ptr<Store> store;
        FetchPlan plan;
        bool discovering = false;
        bool discovered_now = false;
    };
    /// What was said and written about a store, so that it is done once.
    struct Said {
        std::vector<std::string> notes;
        bool broken = false;
        std::string jwks;  ///< the last good document, for the cache file
        std::string cache_error;
        std::optional<std::int64_t> cached_at;
    };

    void drop_jobs_of_others(const std::vector<std::shared_ptr<Store>> &stores);
    void begin(const std::shared_ptr<Store> &store, FetchPlan plan);
    void request(Transport::Id id, const Job &job);
    void take_in(Transport::Id id, HttpResponse response);
    void discovered(Transport::Id id, Job &job, HttpResponse response);
    void keys_came(Job &job, HttpResponse response);
    void fail(Job &job, FetchResult result, const std::string &error, bool reached);
    void say_notes(const Job &job, const jose::KeySet::Notes &notes);
    void say_success(const Job &job, bool changed);
    void remember(const Job &job, bool changed);

    const Clock &clock_;
    Logger &logger_;
    Transport &transport_;
    Proxy environment_;
    std::unordered_map<Transport::Id, Job> jobs_;
    std::unordered_map<const Store *, Said> said_;
    Transport::Id next_id_ = 1;
};

}  // namespace tokenward::keys
