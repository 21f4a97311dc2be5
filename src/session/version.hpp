// The library's version; meson's project version, checked by a test of the boundary.
#pragma once

namespace tokenward::session {

inline constexpr char version[] = "1.0.0";

}  // namespace tokenward::session
