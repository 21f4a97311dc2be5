// The one thread of a backend: keeps every section's keys fresh.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "keys/key_store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace tokenward::keys {

/// Starts its thread on the first section that needs the network or a file watched; blocks all signals in it.
class Refresher {
  public:
    virtual ~Refresher() = default;
    static Result<std::unique_ptr<Refresher>> create(const Clock &clock, Logger &logger);

    /// The store of a section: the one already there if issuer, jwks_uri, jwks_file and ca_file are the same
    /// (its other settings are taken over), else a new one whose first fetch begins at commit(). A static
    /// jwks_file is read here; fails with CONFIG_* if it can't be. Nothing changes for others before commit().
    virtual Result<std::shared_ptr<KeyStore>> adopt(const config::Section &section) = 0;
    /// Makes what adopt() returned since the last commit the set of stores; drops all others.
    virtual void commit() = 0;
    virtual void rollback() noexcept = 0;

    /// Waits until every store has keys or the time is up. True if all have.
    virtual bool wait_for_first_keys(std::int64_t max_wait_ms) = 0;

    /// Wakes all waiters, stops a running fetch, joins the thread. Idempotent; bounded.
    virtual void stop() noexcept = 0;
    /// In a forked child: the thread isn't there; forget it.
    virtual void abandon_in_forked_child() noexcept = 0;
};

}  // namespace tokenward::keys
