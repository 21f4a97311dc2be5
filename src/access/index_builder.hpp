// Writes the index of a long list (index_reader.hpp says what it holds).
#pragma once

#include "access/compiled_form.hpp"

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

namespace tokenward::access {

/// Appends an index of the nodes in `nodes` to `out`. `offsets` says where each node begins, in their order.
void build_index(Level level, std::string_view nodes, std::span<const std::uint32_t> offsets,
                 std::pmr::memory_resource &arena, std::pmr::string &out);

}  // namespace tokenward::access
