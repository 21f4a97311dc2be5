// A key that its user holds, whatever becomes of the set it was in.
#pragma once

#include "jose/jwk.hpp"

#include <memory>

namespace tokenward::keys {

using KeyRef = std::shared_ptr<const jose::Key>;

}  // namespace tokenward::keys
