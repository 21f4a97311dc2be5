// What a session may do: scopes are compiled once and asked often.
#pragma once

#include "access/explanation.hpp"
#include "access/request.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::access {

/// What compile() found that an operator should know.
struct Notes {
    std::vector<std::string> malformed;  ///< scopes of four or more parts, with the likely spelling; quoted
    bool three_parts_ignored = false;    ///< routing_keys = off, and there were scopes of three parts
};

/// Immutable and thread-safe. Sessions with the same scopes share one set (shared_sets.hpp).
class PermissionSet : public std::enable_shared_from_this<PermissionSet> {
  public:
    /// Two sets of equal content are one object.
    struct Content {
        std::string_view permissions;  ///< in the compiled form
        std::string_view tags;         ///< sorted, unique, separated by commas
        bool routing_keys = true;

        friend bool operator==(const Content &, const Content &) = default;
    };

    /// `scopes`: without their prefix (DESIGN section 4, "Scopes"). A text that is no scope is ignored.
    static std::shared_ptr<const PermissionSet> compile(std::span<const std::string_view> scopes,
                                                        bool routing_keys, Notes &notes);

    ~PermissionSet();
    PermissionSet(const PermissionSet &) = delete;
    PermissionSet &operator=(const PermissionSet &) = delete;
    static void operator delete(void *memory) noexcept { ::operator delete(memory); }

    /// Never allocates, blocks or throws. The time is linear in the name, for any pattern.
    bool allows(const Request &request) const noexcept;
    bool opens_vhost(std::string_view vhost) const noexcept;
    Explanation explain(const Request &request) const;

    Content content() const noexcept {
        return {{bytes(), permissions_size_}, {bytes() + permissions_size_, tags_size_}, routing_keys_};
    }
    std::string_view tags() const noexcept { return content().tags; }
    /// True: neither a permission nor a tag.
    bool empty() const noexcept { return permissions_size_ == 0 && tags_size_ == 0; }
    /// Every permission and tag as a scope in canonical spelling, sorted.
    std::vector<std::string> scopes() const;

  private:
    friend class SharedSets;

    /// A new set, not yet shared.
    static std::shared_ptr<PermissionSet> make(const Content &content);
    explicit PermissionSet(const Content &content) noexcept;

    /// A set and its bytes are one allocation, so that allows() finds the bytes without a pointer to follow.
    struct BytesBehind {
        std::size_t count;
    };
    static void *operator new(std::size_t size, BytesBehind behind) {
        return ::operator new(size + behind.count);
    }
    static void operator delete(void *memory, BytesBehind) noexcept { ::operator delete(memory); }

    /// The compiled form, and behind it the tags.
    const char *bytes() const noexcept { return reinterpret_cast<const char *>(this + 1); }

    std::uint32_t permissions_size_;
    std::uint32_t tags_size_;
    bool routing_keys_;

    // What SharedSets notes about the set.
    bool listed_ = false;
    std::uint64_t hash_ = 0;
    PermissionSet *next_ = nullptr;  ///< the next set in the same bucket
};

}  // namespace tokenward::access
