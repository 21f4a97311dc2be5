// The fingerprint of weak RSA moduli made by Infineon's RSALib (CVE-2017-15361).
#pragma once

#include <openssl/bn.h>

namespace tokenward::jose {

/// True if the modulus is a power of 65537 modulo each prime up to 167. RSALib's moduli are: its primes have
/// the form k*M + (65537^a mod M), where M is the product of small primes (Nemec, Sys, Svenda, Klinec, Matyas:
/// The Return of Coppersmith's Attack, CCS 2017). One in 2^27 of the other moduli is, too.
bool has_roca_fingerprint(const BIGNUM *modulus) noexcept;

}  // namespace tokenward::jose
