// A client that was let in: who it is for good, what it may do until the next refresh.
#pragma once

#include "access/permission_set.hpp"
#include "base/clock.hpp"
#include "base/epoch.hpp"
#include "claims/claims.hpp"
#include "session/counters.hpp"
#include "session/outcome.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tokenward::session {

class Backend;

/// The part of an identity that all sessions of a section share.
struct SectionIdentity {
    std::string name;    ///< of the section
    std::string issuer;  ///< as configured
};

/// What sessions share with the backend that made them, and which may outlive it. There are several with the
/// same content for each section, so that threads don't fight for one reference count.
struct Anchor {
    SectionIdentity section;
    std::weak_ptr<Backend> backend;  ///< empty once it is gone
    std::shared_ptr<Counters> counters;
    const Clock &clock;
};

/// Rights and end: ONE immutable snapshot, so that no call sees the new rights with the old end.
struct Rights {
    std::shared_ptr<const access::PermissionSet> permissions;
    std::int64_t expires_at;  ///< seconds since 1970; INT64_MAX: never
};

/// Thread-safe but for destruction. Holds no backend: it outlives the one that made it.
class Session {
  public:
    Session(std::shared_ptr<const Anchor> anchor, std::string username, Rights rights);
    ~Session();
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    /// Tells a live session from what else a host may pass for one (best effort: a wild pointer stays wild).
    bool is_live() const noexcept { return tag_ == live_tag; }

    const std::string &username() const noexcept { return username_; }
    const std::string &issuer() const noexcept { return anchor_->section.issuer; }
    /// The identity is (section, username): two providers' alice never meet, also where a reload gave the
    /// section another issuer.
    bool same_identity(const SectionIdentity &section, std::string_view username) const noexcept {
        return anchor_->section.name == section.name && username_ == username &&
               claims::same_issuer(anchor_->section.issuer, section.issuer);
    }

    // Never block, allocate or take a lock.
    Verdict authorize(const access::Request &request) const noexcept;
    Verdict can_access_vhost(std::string_view vhost) const noexcept;
    std::int64_t expires_at() const noexcept;

    /// Calls `use` with the tags as one snapshot: sorted, separated by commas.
    template <class Use>
    void with_tags(Use use) const {
        const EpochDomain::Reader reader(readers());
        use(rights_.get()->permissions->tags());
    }

    /// {"verdict": ..., "scope": ..., "nearest": ..., "reason": ..., "hint": ...}
    std::string explain(const access::Request &request) const;

    /// Swaps the snapshot; waits for the readers of the old one (microseconds).
    void replace_rights(Rights rights);

    /// Null after the backend's end.
    std::shared_ptr<Backend> backend() const noexcept { return anchor_->backend.lock(); }

  private:
    static EpochDomain &readers() noexcept;
    bool expired(const Rights &rights) const noexcept {
        return anchor_->clock.recent_unix_seconds() >= rights.expires_at;
    }

    static constexpr std::uint64_t live_tag = 0x746F6B656E736573U;

    std::uint64_t tag_ = live_tag;
    std::shared_ptr<const Anchor> anchor_;
    std::string username_;
    Snapshot<Rights> rights_;
};

}  // namespace tokenward::session
