// What a session keeps of the backend that made it.
#pragma once

#include "base/clock.hpp"
#include "session/counters.hpp"

#include <memory>
#include <string>

namespace tokenward::session {

class Backend;

/// Immutable; shared by all sessions of a section. It may outlive the backend.
struct SessionOrigin {
    std::string section;             ///< the section's name: part of the identity
    std::string issuer;              ///< as configured
    std::weak_ptr<Backend> backend;  ///< empty once the backend is gone
    std::shared_ptr<Counters> counters;
    const Clock &clock;
};

}  // namespace tokenward::session
