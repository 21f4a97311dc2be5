#include "access/recent_sets.hpp"

#include "access/bytes.hpp"

#include <utility>

namespace tokenward::access {

/// Writes all that a set is made of into one text, each part behind its length: two different sets never have the
/// same text.
void RecentSets::spell(std::span<const std::string_view> scopes, bool routing_keys,
                       std::string_view confinement, std::span<const std::string_view> vhost_scopes) {
    const auto count = static_cast<std::uint32_t>(vhost_scopes.size());
    std::size_t size = 1 + sizeof(std::uint32_t) + confinement.size() + sizeof(count);
    for (const auto list : {scopes, vhost_scopes}) {
        for (const std::string_view scope : list) size += sizeof(std::uint32_t) + scope.size();
    }
    text_.resize(size);
    char *cursor = text_.data();
    *cursor++ = routing_keys ? 'k' : '-';
    const auto append = [&](std::string_view part) {
        const auto length = static_cast<std::uint32_t>(part.size());
        std::memcpy(cursor, &length, sizeof(length));
        cursor += sizeof(length);
        // An empty view may have a null pointer, and memcpy must not get one.
        if (!part.empty()) std::memcpy(cursor, part.data(), part.size());
        cursor += part.size();
    };
    append(confinement);
    std::memcpy(cursor, &count, sizeof(count));
    cursor += sizeof(count);
    for (const auto list : {vhost_scopes, scopes}) {
        for (const std::string_view scope : list) append(scope);
    }
}

std::shared_ptr<const PermissionSet> RecentSets::compile(std::span<const std::string_view> scopes,
                                                         bool routing_keys, Notes &notes,
                                                         const Confinement &confinement,
                                                         std::span<const std::string_view> vhost_scopes) {
    spell(scopes, routing_keys, confinement.key(), vhost_scopes);
    Slot &slot = slots_[hash_bytes(0, text_) % slot_count];
    if (slot.set && same_bytes(slot.text, text_)) {
        notes = slot.notes;
        return slot.set;
    }
    notes = {};
    auto set = PermissionSet::compile(scopes, routing_keys, notes, confinement, vhost_scopes);
    remember(slot, set, notes);
    return set;
}

/// Not `slot = {}`: its text would keep the memory.
void RecentSets::free(Slot &slot) noexcept {
    [[maybe_unused]] const Slot old = std::exchange(slot, {});
}

void RecentSets::remember(Slot &slot, const std::shared_ptr<const PermissionSet> &set, const Notes &notes) {
    if (text_.size() > max_text_bytes) return;
    text_bytes_ -= slot.text.size();
    free(slot);
    if (text_bytes_ + text_.size() > max_text_bytes) clear();
    slot.notes = notes;
    slot.text = text_;
    slot.set = set;  // last: if a copy above throws, the slot stays free
    text_bytes_ += text_.size();
}

void RecentSets::clear() noexcept {
    for (Slot &slot : slots_) free(slot);
    text_bytes_ = 0;
}

}  // namespace tokenward::access
