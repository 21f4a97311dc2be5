#include "access/recent_sets.hpp"

#include "access/bytes.hpp"

#include <utility>

namespace tokenward::access {

/// Writes all scopes into one text, each behind its length: two different lists never have the same text.
void RecentSets::spell(std::span<const std::string_view> scopes, bool routing_keys) {
    std::size_t size = 1;
    for (const std::string_view scope : scopes) size += sizeof(std::uint32_t) + scope.size();
    text_.resize(size);
    char *cursor = text_.data();
    *cursor++ = routing_keys ? 'k' : '-';
    for (const std::string_view scope : scopes) {
        const auto length = static_cast<std::uint32_t>(scope.size());
        std::memcpy(cursor, &length, sizeof(length));
        cursor += sizeof(length);
        // An empty view may have a null pointer, and memcpy must not get one.
        if (!scope.empty()) std::memcpy(cursor, scope.data(), scope.size());
        cursor += scope.size();
    }
}

std::shared_ptr<const PermissionSet> RecentSets::compile(std::span<const std::string_view> scopes,
                                                         bool routing_keys, Notes &notes) {
    spell(scopes, routing_keys);
    Slot &slot = slots_[hash_bytes(0, text_) % slot_count];
    if (slot.set && same_bytes(slot.text, text_)) {
        notes = slot.notes;
        return slot.set;
    }
    notes = {};
    auto set = PermissionSet::compile(scopes, routing_keys, notes);
    remember(slot, set, notes);
    return set;
}

void RecentSets::remember(Slot &slot, const std::shared_ptr<const PermissionSet> &set, const Notes &notes) {
    if (text_.size() > max_text_bytes) return;
    text_bytes_ -= slot.text.size();
    slot = {};
    if (text_bytes_ + text_.size() > max_text_bytes) clear();
    slot.notes = notes;
    slot.text = text_;
    slot.set = set;  // last: if a copy above throws, the slot stays free
    text_bytes_ += text_.size();
}

void RecentSets::clear() noexcept {
    for (Slot &slot : slots_) slot = {};
    text_bytes_ = 0;
}

}  // namespace tokenward::access
