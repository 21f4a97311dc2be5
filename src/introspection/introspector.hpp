// Asks providers about tokens (RFC 7662) and for them (RFC 6749 section 4.4), on the fetcher's thread.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "introspection/desk.hpp"
#include "introspection/provider.hpp"
#include "introspection/provider_input.hpp"
#include "keys/errands.hpp"
#include "keys/proxy.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace tokenward::introspection {

using Providers = std::vector<std::shared_ptr<Provider>>;

class Introspector final : public keys::Errands {
  public:
    /// Clock and logger must outlive it. `wake`: the fetcher's, called only until stop().
    Introspector(const Clock &clock, Logger &logger, keys::Proxy environment, std::function<void()> wake);

    // ---- for whoever configures the backend, one thread at a time ----
    /// The provider that there is already, with its answers, if nothing changed; else a new one.
    std::shared_ptr<Provider> provider(ProviderInput input);
    /// All others are dropped.
    void commit(Providers providers);

    std::int64_t begin(keys::Transport &transport) override;
    void take_in(keys::Transport::Id id, keys::HttpResponse response) noexcept override;
    void stop() noexcept override;

  private:
    using Job = Provider::Job;

    void start(keys::Transport &transport, Job &&job);
    keys::HttpRequest request_for(const Job &job) const;
    std::shared_ptr<const Answer> read(const Job &job, keys::HttpResponse &response) const;
    void end_discovery(const Job &job, keys::HttpResponse &response);
    void fail(const Job &job, std::string problem, std::string hint, std::int64_t retry_after_s);
    void tell(const Job &job, const std::string &problem, std::uint64_t failures);

    const Clock &clock_;
    Logger &logger_;
    const keys::Proxy environment_;
    const std::shared_ptr<Desk> desk_;
    Providers providers_;  ///< guarded by desk_->mutex

    // The thread's.
    std::map<keys::Transport::Id, Job> running_;
    keys::Transport::Id next_id_ = first_id;
};

}  // namespace tokenward::introspection
