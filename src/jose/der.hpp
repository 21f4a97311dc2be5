// What a binary file of keys or certificates is, for a message: people give DER and PKCS#12 where PEM is needed.
#pragma once

#include <cstdint>
#include <string_view>

namespace tokenward::jose {

enum class Der : std::uint8_t { none, certificate, public_key, private_key, pkcs12, pkcs7 };

/// What `bytes` are, if they begin with one of these in DER (ITU-T X.690). Leaves the error queue as it was.
Der der_kind(std::string_view bytes);

}  // namespace tokenward::jose
