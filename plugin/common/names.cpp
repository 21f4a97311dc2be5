#include "names.hpp"

namespace tokenward::common {
namespace {

constexpr char hex_digits[] = "0123456789ABCDEF";

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

std::string encode(std::string_view text, std::string_view reserved) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7f && reserved.find(c) == std::string_view::npos) {
            out += c;
        } else {
            out += '%';
            out += hex_digits[byte >> 4];
            out += hex_digits[byte & 15];
        }
    }
    return out;
}

std::string escape(std::string_view text, std::size_t max_bytes, std::string_view with_backslash) {
    std::string out;
    for (const char c : text.substr(0, max_bytes)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte > 0x7e) {
            out += "\\x";
            out += hex_digits[byte >> 4];
            out += hex_digits[byte & 15];
        } else {
            if (with_backslash.find(c) != std::string_view::npos) out += '\\';
            out += c;
        }
    }
    if (text.size() > max_bytes) out += "...";
    return out;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, Plus plus) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (text.size() - i < 3) return std::nullopt;
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else if (text[i] == '+' && plus == Plus::space) {
            out += ' ';
        } else {
            out += text[i];
        }
    }
    return out;
}

std::string percent_encode(std::string_view name) {
    return encode(name, "%/*+");
}

std::string percent_encode_filter(std::string_view filter) {
    return encode(filter, "%");
}

std::optional<std::string_view> without_share(std::string_view subscription) {
    constexpr std::string_view share = "$share/";
    if (!subscription.starts_with(share)) return subscription;
    const std::string_view rest = subscription.substr(share.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) return std::nullopt;
    return rest.substr(slash + 1);
}

std::string printable(std::string_view text, std::size_t max_bytes) {
    return escape(text, max_bytes, "\\");
}

std::string quoted(std::string_view text, std::size_t max_bytes) {
    std::string out(1, '\'');
    out += escape(text, max_bytes, "\\'");
    out += '\'';
    return out;
}

}  // namespace tokenward::common
