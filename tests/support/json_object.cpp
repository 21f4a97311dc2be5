#include "base/json_writer.hpp"
#include "support/token_mint.hpp"

#include <algorithm>

namespace tokenward::support {

std::string base64url_encode(std::string_view bytes) {
    static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    out.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(c);
        count += 8;
        while (count >= 6) {
            count -= 6;
            out += alphabet[bits >> static_cast<unsigned>(count) & 63U];
        }
    }
    if (count > 0) out += alphabet[bits << static_cast<unsigned>(6 - count) & 63U];
    return out;
}

std::string json_string(std::string_view text) {
    std::string out;
    JsonWriter(out).value(text);
    return out;
}

std::string json_strings(const std::vector<std::string> &texts) {
    std::string out = "[";
    for (const auto &text : texts) {
        if (out.size() > 1) out += ',';
        JsonWriter(out).value(text);
    }
    return out + ']';
}

JsonObject &JsonObject::raw(std::string_view name, std::string json) {
    const auto at =
        std::find_if(members_.begin(), members_.end(), [&](const auto &m) { return m.first == name; });
    if (at == members_.end()) {
        members_.emplace_back(name, std::move(json));
    } else {
        at->second = std::move(json);
    }
    return *this;
}

JsonObject &JsonObject::remove(std::string_view name) {
    std::erase_if(members_, [&](const auto &member) { return member.first == name; });
    return *this;
}

JsonObject &JsonObject::merge(const JsonObject &other) {
    for (const auto &[name, json] : other.members_) json.empty() ? remove(name) : raw(name, json);
    return *this;
}

bool JsonObject::has(std::string_view name) const {
    return std::any_of(members_.begin(), members_.end(), [&](const auto &m) { return m.first == name; });
}

std::string JsonObject::json() const {
    std::string out = "{";
    for (const auto &[name, json] : members_) {
        if (out.size() > 1) out += ',';
        JsonWriter(out).value(name);
        out += ':';
        out += json;
    }
    return out + '}';
}

std::string jwks(const std::vector<JsonObject> &keys) {
    std::string out = R"({"keys":[)";
    bool first = true;
    for (const auto &key : keys) {
        if (!first) out += ',';
        first = false;
        out += key.json();
    }
    return out + "]}";
}

JsonObject jws_header(std::string_view algorithm, std::string_view kid) {
    JsonObject header;
    header.string("alg", algorithm).string("typ", "JWT");
    if (!kid.empty()) header.string("kid", kid);
    return header;
}

std::string compact(std::string_view header, std::string_view payload, std::string_view signature) {
    return base64url_encode(header) + '.' + base64url_encode(payload) + '.' + base64url_encode(signature);
}

}  // namespace tokenward::support
