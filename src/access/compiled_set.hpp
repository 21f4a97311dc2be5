// The one implementation of PermissionSet: a small header with its block right behind it, shared by content.
#pragma once

#include "access/block.hpp"
#include "access/permission_set.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::access {

class CompiledSet final : public PermissionSet, public std::enable_shared_from_this<CompiledSet> {
  public:
    /// What a set is made of, and told apart by.
    struct Content {
        std::string_view block;
        std::string_view tags;
        bool routing_keys = true;

        std::uint64_t hash() const noexcept;
        friend bool operator==(const Content &, const Content &) = default;
    };

    /// A live set of equal content, or a new one.
    static std::shared_ptr<const CompiledSet> share(const Content &content);

    /// For share() only: expects content.block.size() bytes of memory behind itself.
    CompiledSet(const Content &content, std::uint64_t hash, bool interned);
    ~CompiledSet() override;
    CompiledSet(const CompiledSet &) = delete;
    CompiledSet &operator=(const CompiledSet &) = delete;

    bool allows(const Request &request) const noexcept override;
    bool opens_vhost(std::string_view vhost) const noexcept override;
    Explanation explain(const Request &request) const override;
    const std::string &tags() const noexcept override { return tags_; }
    bool empty() const noexcept override { return block_size_ == 0 && tags_.empty(); }
    std::vector<std::string> scopes() const override;

    Content content() const noexcept { return {block(), tags_, routing_keys_}; }
    std::string_view block() const noexcept {
        return {reinterpret_cast<const char *>(this) + sizeof(CompiledSet), block_size_};
    }
    bool routing_keys() const noexcept { return routing_keys_; }

  private:
    friend class InternTable;

    std::string tags_;
    CompiledSet *next_ = nullptr;  ///< in the same bucket of the intern table
    std::uint64_t hash_;
    std::uint32_t block_size_;
    bool routing_keys_;
    bool interned_;
};

}  // namespace tokenward::access
