// Writes the index of a long list (index_reader.hpp says what it holds).
#pragma once

#include "access/compiled_form.hpp"

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>

namespace tokenward::access {

/// An index of the nodes in `nodes`, which lives as long as the arena. `offsets` says where each node begins, in their
/// order.
std::string_view build_index(Level level, std::string_view nodes, std::span<const std::uint32_t> offsets,
                             Arena &arena);

}  // namespace tokenward::access
