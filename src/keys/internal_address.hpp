// Addresses that only the inside of a network can reach (RFC 6890). A provider of somebody else's must not name them.
#pragma once

#include <string_view>

struct sockaddr;

namespace tokenward::keys {

/// Loopback, link-local (169.254.169.254: a cloud's metadata), private, shared, multicast, reserved; also inside an
/// IPv6 address that stands for an IPv4 one. Other families than the two are internal.
bool is_internal_address(const sockaddr &address) noexcept;

/// `host` is such an address, or localhost. Other names are not looked up.
bool is_internal_host(std::string_view host);

}  // namespace tokenward::keys
