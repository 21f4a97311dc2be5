// What a session keeps of the backend that made it.
#pragma once

#include "base/clock.hpp"
#include "session/counters.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tokenward::session {

class Backend;

/// Immutable; shared by all sessions of a section. It may outlive the backend.
struct SessionOrigin {
    std::string section;             ///< the section's name: part of the identity
    std::string issuer;              ///< as configured
    std::string scope_prefix;        ///< as a token writes it in front of a scope
    std::weak_ptr<Backend> backend;  ///< empty once the backend is gone
    std::shared_ptr<Counters> counters;
    const Clock &clock;
    std::uint32_t fork_generation = 0;  ///< when the backend was created
};

}  // namespace tokenward::session
