#include "access/recent_sets.hpp"

#include "access/bytes.hpp"

#include <utility>

namespace tokenward::access {

/// One text for one list of scopes, and no other list has it: each scope has its length in front.
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
        // A view may be empty and without memory, which memcpy must not see.
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
    slot.set = set;  // last: a slot without a set is free, also where memory ran out before
    text_bytes_ += text_.size();
}

void RecentSets::clear() noexcept {
    for (Slot &slot : slots_) slot = {};
    text_bytes_ = 0;
}

}  // namespace tokenward::access
