// What a provider that compresses sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tokenward::keys {

/// CRC-32 as gzip uses it (RFC 1952 section 8).
inline std::uint32_t crc32_of(std::string_view text) {
    std::uint32_t crc = 0xFFFFFFFFU;
    for (const char c : text) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

/// `text` of less than 64 KiB as one stored block in gzip (RFC 1951 section 3.2.4).
inline std::string gzip(std::string_view text) {
    std::string bytes("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01", 11);
    const auto put = [&bytes](std::uint32_t number, int octets) {
        for (int i = 0; i < octets; ++i) bytes += static_cast<char>(number >> static_cast<unsigned>(8 * i));
    };
    const auto size = static_cast<std::uint32_t>(text.size());
    put(size, 2);
    put(~size, 2);
    bytes += text;
    put(crc32_of(text), 4);
    put(size, 4);
    return bytes;
}

}  // namespace tokenward::keys
