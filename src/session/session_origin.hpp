// What a session keeps of the backend that made it.
#pragma once

#include "base/clock.hpp"
#include "denials/denials.hpp"
#include "session/counters.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tokenward::session {

class Backend;

/// Immutable; shared by all sessions of a section. It may outlive the backend.
struct SessionOrigin {
    std::string section;                      ///< its title, "[oauth]" or "[oauth.NAME]"
    std::string issuer;                       ///< as configured: the provider, which is a part of the identity
    std::vector<std::string> issuer_aliases;  ///< the provider's other names
    std::string scope_prefix;                 ///< as a token writes it in front of a scope
    bool expand_variables = false;            ///< of the section, for explanations
    bool expand_connection = false;           ///< likewise
    std::weak_ptr<Backend> backend;           ///< empty once the backend is gone
    std::shared_ptr<Counters> counters;
    std::shared_ptr<const denials::Denials>
        denials;  ///< those in force now, not those of the section's configuration
    const Clock &clock;
    std::uint32_t fork_generation = 0;  ///< when the backend was created
};

}  // namespace tokenward::session
