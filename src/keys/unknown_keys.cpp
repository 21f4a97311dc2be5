#include "keys/unknown_keys.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include <sys/random.h>

namespace tokenward::keys {

std::uint64_t UnknownKeys::first_asked(jose::Algorithm algorithm, std::optional<std::string_view> kid,
                                       std::uint64_t begun, std::uint64_t outdated) {
    const auto hashed = hash(algorithm, kid);
    if (!hashed) return begun;  // not remembered: as if forgotten
    const auto bucket =
        entries_.begin() + static_cast<std::ptrdiff_t>(*hashed % (capacity / bucket_size) * bucket_size);
    const auto end = bucket + bucket_size;
    const auto known = std::find_if(bucket, end, [&](const Entry &entry) { return entry.hash == *hashed; });
    if (known != end) {
        if (known->asked < outdated) known->asked = begun;
        return known->asked;
    }
    const auto oldest = std::min_element(
        bucket, end, [](const Entry &left, const Entry &right) { return left.asked < right.asked; });
    *oldest = {*hashed, begun};
    return begun;
}

std::optional<std::uint64_t> UnknownKeys::hash(jose::Algorithm algorithm, std::optional<std::string_view> kid) {
    if (entries_.empty()) {
        if (::getrandom(secret_.data(), secret_.size(), 0) != static_cast<ssize_t>(secret_.size())) return {};
        entries_.resize(capacity);
    }
    std::string text(secret_.data(), secret_.size());
    text += static_cast<char>(algorithm);
    if (kid) text.append(1, '=').append(*kid);  // no kid isn't the empty one
    const auto digest = sha256_(text);
    if (!digest) return {};
    std::uint64_t hash = 0;
    std::memcpy(&hash, digest->data(), sizeof hash);
    return hash;
}

}  // namespace tokenward::keys
