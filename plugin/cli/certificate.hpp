// The certificate that a token may be bound to (RFC 8705).
#pragma once

#include <array>
#include <optional>
#include <string>

namespace tokenward::cli {

using CertificateHash = std::array<unsigned char, 32>;

/// The SHA-256 of the first certificate of a PEM file, in DER form. Nothing if it has none or can't be read.
[[nodiscard]] std::optional<CertificateHash> certificate_hash(const std::string &pem_file);

}  // namespace tokenward::cli
