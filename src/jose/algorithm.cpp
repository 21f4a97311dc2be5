#include "jose/algorithm.hpp"

#include <array>

namespace tokenward::jose {
namespace {

/// In the order of the enumeration.
constexpr std::array<std::string_view, algorithm_count> names = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                                                 "PS512", "ES256", "ES384", "ES512", "EdDSA"};

}  // namespace

std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) return static_cast<Algorithm>(i);
    }
    // RFC 9864 section 2.2: the name that says which curve. No other curve is EdDSA here.
    if (name == "Ed25519") return Algorithm::EdDSA;
    return std::nullopt;
}

std::string_view algorithm_name(Algorithm algorithm) noexcept {
    return names[static_cast<std::size_t>(algorithm)];
}

}  // namespace tokenward::jose
