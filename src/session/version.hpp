// The library's version. A test compares it with the version in meson.build.
#pragma once

namespace tokenward::session {

inline constexpr char version[] = "1.0.0";

}  // namespace tokenward::session
