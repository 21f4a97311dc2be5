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

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tokenward::session {

/// Thread-safe but for destruction. It holds no backend, and may outlive the one that made it.
class Session {
  public:
    /// `generation`: of the configuration whose denials its token was compared with.
    Session(std::shared_ptr<const SessionOrigin> origin, std::string username, Rights rights,
            std::int64_t generation);
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
    std::int64_t issued_at() const noexcept;
    /// True once a reload has brought a line that denies the session; for good, whatever later reloads bring. Each
    /// generation's denials are looked at when somebody first asks.
    bool is_denied() const noexcept;

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
    /// Whether the reason is that the session has ended, and describe_end tells more.
    static constexpr bool is_end(Reason reason) noexcept {
        return reason == Reason::SESSION_EXPIRED || reason == Reason::DENIED_BY_OPERATOR;
    }
    /// When the time of these rights ran out, or who ended the session.
    std::string describe_end(const Rights &rights) const;
    std::string describe_denied() const;
    /// The scope that would grant the request, and the one that comes nearest, for a line in the log.
    std::string describe_denial(const Rights &rights, const access::Request &request) const;

    /// Swaps the snapshot; waits for the readers of the old one (microseconds).
    void replace_rights(Rights rights, std::int64_t generation);

    /// False in a forked child, unless the session was made there.
    bool of_this_process() const noexcept { return origin_->fork_generation == fork_generation(); }

    /// All sessions' readers: of their rights and of the denials.
    static EpochDomain &readers() noexcept;

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
    denials::Subject subject(const Rights &rights) const noexcept {
        return {origin_->section, origin_->issuer, username_, rights.marks};
    }
    bool look_at_denials(const Rights &rights, std::int64_t seen) const noexcept;
    /// Within a Reader, as `rights` are.
    bool denied(const Rights &rights) const noexcept {
        const std::int64_t seen = denials_seen_.load(std::memory_order_relaxed);
        return seen < 0 || (origin_->denials->generation() > seen && look_at_denials(rights, seen));
    }
    bool ended(const Rights &rights, Until until) const noexcept {
        return denied(rights) || (until == Until::end && expired(rights));
    }
    bool expired(const Rights &rights) const noexcept {
        return origin_->clock.recent_unix_seconds() >= rights.expires_at;
    }

    static constexpr std::uint64_t live_tag = 0x746F6B656E736573U;

    std::uint64_t tag_ = live_tag;
    std::shared_ptr<const SessionOrigin> origin_;
    std::string username_;
    Snapshot<Rights> rights_;
    /// The generation of denials that the session was last compared with; below 0 once one denied it: then minus the
    /// time of that reload, in seconds since 1970.
    mutable std::atomic<std::int64_t> denials_seen_;
};

}  // namespace tokenward::session
