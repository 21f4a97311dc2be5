// An authenticated client: its identity, which stays, and its rights, which a refresh replaces.
#pragma once

#include "access/permission_set.hpp"
#include "base/epoch.hpp"
#include "base/fork.hpp"
#include "base/issuer.hpp"
#include "base/reason.hpp"
#include "session/decision.hpp"
#include "session/rights.hpp"
#include "session/session_origin.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tokenward::session {

/// Thread-safe but for destruction. It holds no backend, and may outlive the one that made it.
class Session {
  public:
    Session(std::shared_ptr<const SessionOrigin> origin, std::string username, Rights rights);
    ~Session();
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    /// False for most pointers that aren't a live session. A host's wild pointer can't be told for sure.
    bool is_live() const noexcept { return tag_ == live_tag; }

    const std::string &username() const noexcept { return username_; }
    const std::string &issuer() const noexcept { return origin_->issuer; }
    /// The identity is (provider, username), so two providers' alice never meet. A reload may give the provider's
    /// issuer and an alias each other's place.
    bool has_identity(const SessionOrigin &origin, std::string_view username) const noexcept {
        return username_ == username && is_issuer(origin_->issuer, origin.issuer, origin.issuer_aliases);
    }

    /// `until`: whether the rights still count once their time has run out.
    enum class Until { end, past_end };

    // Never block, allocate or take a lock.
    Decision authorize(const access::Request &request, Until until = Until::end) const noexcept;
    Decision can_access_vhost(std::string_view vhost) const noexcept;
    std::int64_t expires_at() const noexcept;

    /// Calls `use` with the tags as one snapshot: sorted, separated by commas.
    template <class Use>
    void with_tags(Use use) const {
        const EpochDomain::Reader reader(readers());
        use(rights_.get()->permissions->tags());
    }

    /// {"username": ..., "verdict": ..., "scope": ..., "nearest": ..., "why": ..., "reason": ..., "hint": ...}
    std::string explain(const access::Request &request, Until until = Until::end) const;

    /// One snapshot, for what asks more than once.
    Rights rights() const noexcept;
    /// Why these rights don't allow the request; NONE if they do. Cheap beside an explanation.
    Reason reason_of_denial(const Rights &rights, const access::Request &request, Until until) const noexcept;
    /// When the time of these rights ran out.
    std::string describe_end(const Rights &rights) const;
    /// The scope that would grant the request, and the one that comes nearest, for a line in the log.
    std::string describe_denial(const Rights &rights, const access::Request &request) const;

    /// Swaps the snapshot; waits for the readers of the old one (microseconds).
    void replace_rights(Rights rights);

    /// False in a forked child, unless the session was made there.
    bool of_this_process() const noexcept { return origin_->fork_generation == fork_generation(); }

    /// Null once the backend is gone.
    std::shared_ptr<Backend> backend() const noexcept { return origin_->backend.lock(); }

  private:
    std::string scope_to_show(access::Request request) const;
    /// A variable that stays as it is written, since the option that would replace it is off.
    struct Unexpanded {
        std::string_view variable;
        std::string_view option;
    };
    /// Of the nearest scope; empty if it has none.
    Unexpanded unexpanded(const access::Explanation &found) const;
    std::string why_unexpanded(const access::Explanation &found) const;
    std::string hint_for(Reason reason, const Rights &rights, const access::Request &request,
                         const access::Explanation &found) const;
    static EpochDomain &readers() noexcept;
    bool expired(const Rights &rights) const noexcept {
        return origin_->clock.recent_unix_seconds() >= rights.expires_at;
    }

    static constexpr std::uint64_t live_tag = 0x746F6B656E736573U;

    std::uint64_t tag_ = live_tag;
    std::shared_ptr<const SessionOrigin> origin_;
    std::string username_;
    Snapshot<Rights> rights_;
};

}  // namespace tokenward::session
