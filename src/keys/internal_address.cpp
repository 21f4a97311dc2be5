#include "keys/internal_address.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace tokenward::keys {
namespace {

struct Range {
    std::array<std::uint8_t, 16> begin;
    unsigned bits;
};

constexpr Range internal_v4[] = {
    {{0}, 8},           // this host
    {{10}, 8},          // private
    {{100, 64}, 10},    // shared (carriers, some clouds' metadata)
    {{127}, 8},         // loopback
    {{169, 254}, 16},   // link-local
    {{172, 16}, 12},    // private
    {{192, 0, 0}, 24},  // protocols
    {{192, 168}, 16},   // private
    {{198, 18}, 15},    // benchmarks
    {{224}, 3},         // multicast, reserved, broadcast
};
constexpr Range internal_v6[] = {
    {{0xFC}, 7},         // unique local
    {{0xFE, 0x80}, 10},  // link-local
    {{0xFE, 0xC0}, 10},  // site-local
    {{0xFF}, 8},         // multicast
};

/// IPv6 addresses that hold an IPv4 one at this byte.
struct Embedding {
    Range range;
    std::size_t at;
};
constexpr Embedding embeddings[] = {
    {{{0}, 96}, 12},                                         // ::a.b.c.d; also :: and ::1, as 0.0.0.0/8
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96}, 12},  // mapped
    {{{0, 0x64, 0xFF, 0x9B}, 96}, 12},                       // NAT64
    {{{0x20, 0x02}, 16}, 2},                                 // 6to4
};

bool is_within(const std::uint8_t *address, const Range &range) noexcept {
    const unsigned whole = range.bits / 8;
    if (std::memcmp(address, range.begin.data(), whole) != 0) return false;
    const unsigned rest = range.bits % 8;
    return rest == 0 || (address[whole] ^ range.begin[whole]) >> (8 - rest) == 0;
}

bool is_internal_v4(const std::uint8_t *address) noexcept {
    return std::any_of(std::begin(internal_v4), std::end(internal_v4),
                       [address](const Range &range) { return is_within(address, range); });
}

bool is_internal_v6(const std::uint8_t *address) noexcept {
    for (const Embedding &embedding : embeddings) {
        if (is_within(address, embedding.range) && is_internal_v4(address + embedding.at)) return true;
    }
    return std::any_of(std::begin(internal_v6), std::end(internal_v6),
                       [address](const Range &range) { return is_within(address, range); });
}

}  // namespace

bool is_internal_address(const sockaddr &address) noexcept {
    std::array<std::uint8_t, 16> bytes{};
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        std::memcpy(bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
        return is_internal_v4(bytes.data());
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &address, sizeof v6);
        std::memcpy(bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
        return is_internal_v6(bytes.data());
    }
    return true;
}

bool is_internal_host(std::string_view host) {
    std::string name = to_lower(host);
    if (name.ends_with('.')) name.pop_back();
    std::array<std::uint8_t, 16> bytes{};
    if (::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1) return is_internal_v4(bytes.data());
    if (::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1) return is_internal_v6(bytes.data());
    return name == "localhost" || name.ends_with(".localhost");
}

}  // namespace tokenward::keys
