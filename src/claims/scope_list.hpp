// The scopes of one token on their way from its claims to a permission set.
#pragma once

#include <cstddef>
#include <forward_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenward::claims {

/// Keep one and use it again: it allocates only for texts that don't stand in the token. Not thread-safe.
class ScopeList {
  public:
    /// Without their prefix. Views into the payload's document, into the rules, or into what keep() holds.
    std::vector<std::string_view> scopes;
    /// What was skipped and why, for an operator. Printable; no whole claim stands in it.
    std::vector<std::string> notes;

    void clear() noexcept {
        scopes.clear();
        notes.clear();
        made_.clear();
    }
    /// And gives the memory back if it is more than `most_kept_bytes`.
    void clear(std::size_t most_kept_bytes) noexcept {
        clear();
        if (scopes.capacity() * sizeof(scopes[0]) > most_kept_bytes) *this = ScopeList();
    }
    /// A text that stands in no token; the view lives until clear().
    std::string_view keep(std::string text) { return made_.emplace_front(std::move(text)); }
    void note(std::string text) {
        if (has_room_for_notes()) notes.push_back(std::move(text));
    }
    /// False: a note would be thrown away, so it need not be written.
    bool has_room_for_notes() const noexcept { return notes.size() < max_notes; }

  private:
    static constexpr std::size_t max_notes = 4;

    std::forward_list<std::string> made_;
};

}  // namespace tokenward::claims
