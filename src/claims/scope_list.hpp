// The scopes of one token on their way from its claims to a permission set.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory_resource>
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
    /// Those in which {vhost} stays a variable: it stands behind a vhost part with wildcards.
    std::vector<std::string_view> vhost_scopes;
    /// What was skipped and why, for an operator. Printable; no whole claim stands in it.
    std::vector<std::string> notes;
    /// The same token has other scopes, or other notes, with another client identifier.
    bool depends_on_client_id = false;

    void clear() noexcept {
        scopes.clear();
        vhost_scopes.clear();
        notes.clear();
        depends_on_client_id = false;
        made_.release();
    }
    /// And gives the memory back if it is more than `most_kept_bytes`.
    void clear(std::size_t most_kept_bytes) noexcept {
        clear();
        if (scopes.capacity() * sizeof(scopes[0]) > most_kept_bytes)
            std::vector<std::string_view>().swap(scopes);
        if (vhost_scopes.capacity() * sizeof(scopes[0]) > most_kept_bytes)
            std::vector<std::string_view>().swap(vhost_scopes);
    }
    /// A text that stands in no token; the view lives until clear().
    std::string_view keep(std::string_view text) {
        if (text.empty()) return {};
        char *const copy = static_cast<char *>(made_.allocate(text.size(), 1));
        std::memcpy(copy, text.data(), text.size());
        return {copy, text.size()};
    }
    void note(std::string text) {
        if (has_room_for_notes()) notes.push_back(std::move(text));
    }
    /// False: a note would be thrown away, so it need not be written.
    bool has_room_for_notes() const noexcept { return notes.size() < max_notes; }

  private:
    static constexpr std::size_t max_notes = 4;

    std::pmr::monotonic_buffer_resource made_;
};

}  // namespace tokenward::claims
