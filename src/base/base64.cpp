#include "base/base64.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace tokenward {
namespace {

constexpr char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr char standard_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A bit above all 24 that four characters carry.
constexpr std::uint32_t invalid = std::uint32_t{1} << 24;

using Table = std::array<std::uint32_t, 256>;

/// The value of a character, already where it belongs in a group of four.
constexpr Table make_table(const char *alphabet, unsigned shift) {
    Table table{};
    for (auto &entry : table) entry = invalid;
    for (std::uint32_t value = 0; value < 64; ++value) {
        table[static_cast<std::uint8_t>(alphabet[value])] = value << shift;
    }
    return table;
}

template <const auto &Alphabet>
struct Tables {
    static constexpr Table first = make_table(Alphabet, 18);
    static constexpr Table second = make_table(Alphabet, 12);
    static constexpr Table third = make_table(Alphabet, 6);
    static constexpr Table fourth = make_table(Alphabet, 0);
};

void store_big_endian(std::uint8_t *to, std::uint64_t word) noexcept {
    if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
    std::memcpy(to, &word, sizeof word);
}

/// Without padding: `encoded` is digits alone.
template <const auto &Alphabet>
std::optional<std::size_t> decode(std::string_view encoded, void *out) noexcept {
    const auto *in = reinterpret_cast<const std::uint8_t *>(encoded.data());
    auto *to = static_cast<std::uint8_t *>(out);
    std::uint32_t seen = 0;  // one look at the end: forged input isn't worth a branch in the loop
    std::size_t groups = encoded.size() / 4;
    // Two groups give six bytes, written as eight: the third group behind them has room for the other two.
    for (; groups >= 3; groups -= 2, in += 8, to += 6) {
        const std::uint32_t high = Tables<Alphabet>::first[in[0]] | Tables<Alphabet>::second[in[1]] |
                                   Tables<Alphabet>::third[in[2]] | Tables<Alphabet>::fourth[in[3]];
        const std::uint32_t low = Tables<Alphabet>::first[in[4]] | Tables<Alphabet>::second[in[5]] |
                                  Tables<Alphabet>::third[in[6]] | Tables<Alphabet>::fourth[in[7]];
        seen |= high | low;
        store_big_endian(to, std::uint64_t{high} << 40U | std::uint64_t{low & 0xFFFFFFU} << 16U);
    }
    for (; groups != 0; --groups, in += 4, to += 3) {
        const std::uint32_t word = Tables<Alphabet>::first[in[0]] | Tables<Alphabet>::second[in[1]] |
                                   Tables<Alphabet>::third[in[2]] | Tables<Alphabet>::fourth[in[3]];
        seen |= word;
        to[0] = static_cast<std::uint8_t>(word >> 16);
        to[1] = static_cast<std::uint8_t>(word >> 8);
        to[2] = static_cast<std::uint8_t>(word);
    }
    // What is left over of a group must not carry bits that no byte takes (RFC 4648 section 3.5).
    switch (encoded.size() % 4) {
        case 0:
            break;
        case 1:
            return std::nullopt;
        case 2: {
            const std::uint32_t word = Tables<Alphabet>::first[in[0]] | Tables<Alphabet>::second[in[1]];
            seen |= word;
            if ((word & 0xFFFF) != 0) return std::nullopt;
            *to++ = static_cast<std::uint8_t>(word >> 16);
            break;
        }
        default: {
            const std::uint32_t word = Tables<Alphabet>::first[in[0]] | Tables<Alphabet>::second[in[1]] |
                                       Tables<Alphabet>::third[in[2]];
            seen |= word;
            if ((word & 0xFF) != 0) return std::nullopt;
            *to++ = static_cast<std::uint8_t>(word >> 16);
            *to++ = static_cast<std::uint8_t>(word >> 8);
            break;
        }
    }
    if ((seen & invalid) != 0) return std::nullopt;
    return static_cast<std::size_t>(to - static_cast<std::uint8_t *>(out));
}

}  // namespace

std::optional<std::size_t> base64url_decode(std::string_view encoded, void *out) noexcept {
    return decode<url_alphabet>(encoded, out);
}

bool base64_decode(std::string_view encoded, std::string &out) {
    out.clear();
    if (encoded.size() % 4 != 0) return false;
    // "=" and "==" make the last group whole; any other "=" is no digit.
    for (int padding = 0; padding < 2 && !encoded.empty() && encoded.back() == '='; ++padding) {
        encoded.remove_suffix(1);
    }
    out.resize(base64url_decoded_size(encoded.size()));
    if (decode<standard_alphabet>(encoded, out.data())) return true;
    out.clear();
    return false;
}

namespace {

/// Without padding.
std::string encode(std::string_view bytes, const char *alphabet) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    const auto byte = [&](std::size_t i) {
        return i < bytes.size() ? static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) : 0U;
    };
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::uint32_t word = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
        const std::size_t characters = bytes.size() - i >= 3 ? 4 : bytes.size() - i + 1;
        for (std::size_t n = 0; n < characters; ++n) out += alphabet[word >> (18 - 6 * n) & 63U];
    }
    return out;
}

}  // namespace

std::string base64url_encode(std::string_view bytes) {
    return encode(bytes, url_alphabet);
}

std::string base64_encode(std::string_view bytes) {
    std::string out = encode(bytes, standard_alphabet);
    out.append((4 - out.size() % 4) % 4, '=');
    return out;
}

}  // namespace tokenward
