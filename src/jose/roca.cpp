#include "jose/roca.hpp"

#include <array>
#include <cstdint>

namespace tokenward::jose {
namespace {

constexpr unsigned generator = 65537;
constexpr std::array<std::uint8_t, 38> primes = {
    3,  5,  7,  11, 13, 17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
    73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};

/// One bit for each residue below 192.
struct Residues {
    std::array<std::uint64_t, 3> bits{};

    constexpr void add(unsigned residue) { bits[residue / 64] |= std::uint64_t{1} << residue % 64; }
    constexpr bool has(unsigned residue) const { return (bits[residue / 64] >> residue % 64 & 1) != 0; }
};

constexpr std::array<Residues, primes.size()> make_subgroups() {
    std::array<Residues, primes.size()> subgroups{};
    for (std::size_t i = 0; i < primes.size(); ++i) {
        unsigned power = 1;
        do {
            subgroups[i].add(power);
            power = power * (generator % primes[i]) % primes[i];
        } while (power != 1);
    }
    return subgroups;
}

constexpr std::array<Residues, primes.size()> subgroups = make_subgroups();

}  // namespace

bool has_roca_fingerprint(const BIGNUM *modulus) noexcept {
    for (std::size_t i = 0; i < primes.size(); ++i) {
        const BN_ULONG residue = BN_mod_word(modulus, primes[i]);
        if (residue == static_cast<BN_ULONG>(-1) || !subgroups[i].has(static_cast<unsigned>(residue)))
            return false;
    }
    return true;
}

}  // namespace tokenward::jose
