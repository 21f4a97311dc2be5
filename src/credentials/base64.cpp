#include "credentials/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace tokenward::credentials {
namespace {

constexpr std::uint8_t invalid = 0xFF;

constexpr std::array<std::uint8_t, 256> make_values() {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<std::uint8_t, 256> values{};
    for (std::uint8_t &value : values) value = invalid;
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return values;
}

constexpr std::array<std::uint8_t, 256> values = make_values();

}  // namespace

bool base64_decode(std::string_view encoded, std::string &out) {
    out.clear();
    if (encoded.size() % 4 != 0) return false;
    std::size_t padding = 0;
    while (padding < 2 && padding < encoded.size() && encoded[encoded.size() - 1 - padding] == '=') ++padding;

    out.reserve(encoded.size() / 4 * 3);
    std::uint32_t bits = 0;
    const std::size_t digits = encoded.size() - padding;
    for (std::size_t i = 0; i < digits; ++i) {
        const std::uint8_t value = values[static_cast<std::uint8_t>(encoded[i])];
        if (value == invalid) return false;
        bits = bits << 6 | value;
        if (i % 4 == 3) {
            out += static_cast<char>(bits >> 16 & 0xFF);
            out += static_cast<char>(bits >> 8 & 0xFF);
            out += static_cast<char>(bits & 0xFF);
            bits = 0;
        }
    }
    // Two digits hold one byte and four spare bits, three hold two bytes and two: spare bits must be zero.
    if (padding == 2) {
        if ((bits & 0x0F) != 0) return false;
        out += static_cast<char>(bits >> 4 & 0xFF);
    } else if (padding == 1) {
        if ((bits & 0x03) != 0) return false;
        out += static_cast<char>(bits >> 10 & 0xFF);
        out += static_cast<char>(bits >> 2 & 0xFF);
    }
    return true;
}

}  // namespace tokenward::credentials
