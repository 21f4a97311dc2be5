// A name look-up that hangs: the test program's getaddrinfo() stands in front of the system's.
#pragma once

namespace tokenward::keys {

/// The name whose look-up hangs until end_slow_lookups().
inline constexpr const char *slow_host = "hangs.example";

void end_slow_lookups();
/// Look-ups that hang now.
int slow_lookups();

}  // namespace tokenward::keys
