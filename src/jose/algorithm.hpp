// Signature algorithms of RFC 7518 section 3.1, RFC 8037 and RFC 9864. HMAC and "none" are left out, so no token can
// choose them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tokenward::jose {

enum class Algorithm : std::uint8_t { RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA };
inline constexpr std::size_t algorithm_count = 10;

/// The name must be exact: "rs256" is none. "Ed25519" is another name of EdDSA.
std::optional<Algorithm> parse_algorithm(std::string_view name) noexcept;
std::string_view algorithm_name(Algorithm algorithm) noexcept;

class AlgorithmSet {
  public:
    static constexpr AlgorithmSet all() noexcept { return AlgorithmSet((1U << algorithm_count) - 1); }
    static constexpr AlgorithmSet none() noexcept { return AlgorithmSet(0); }

    constexpr bool contains(Algorithm a) const noexcept {
        return (bits_ >> static_cast<unsigned>(a) & 1U) != 0;
    }
    constexpr void add(Algorithm a) noexcept { bits_ |= 1U << static_cast<unsigned>(a); }
    constexpr void remove(Algorithm a) noexcept { bits_ &= ~(1U << static_cast<unsigned>(a)); }
    constexpr bool empty() const noexcept { return bits_ == 0; }
    constexpr bool operator==(const AlgorithmSet &) const noexcept = default;

  private:
    explicit constexpr AlgorithmSet(std::uint32_t bits) noexcept : bits_(bits) {}
    std::uint32_t bits_;
};

}  // namespace tokenward::jose
