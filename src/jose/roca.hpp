// The fingerprint of weak RSA moduli made by Infineon's RSALib (CVE-2017-15361).
#pragma once

#include <openssl/bn.h>

namespace tokenward::jose {

/// True if the modulus is, for each of the small primes up to 167, a power of 65537 modulo that prime: so are
/// all that the library made, whose primes have the form k*M + (65537^a mod M) with M the product of small
/// primes (Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack, CCS 2017). Of other moduli
/// about one in 2^27 looks like it.
bool has_roca_fingerprint(const BIGNUM *modulus) noexcept;

}  // namespace tokenward::jose
