// Answers that still count, by the SHA-256 of the token: its bytes aren't kept.
#pragma once

#include "introspection/answer.hpp"
#include "jose/sha256.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>

namespace tokenward::introspection {

/// Bounded in number and in bytes; the least recently used one goes first. Not thread-safe.
class Answers {
  public:
    Answers(std::size_t most, std::size_t most_bytes) : most_(most), most_bytes_(most_bytes) {}

    /// NULL: there is none, or it no longer counts.
    AnswerRef find(const jose::Sha256Digest &token, std::int64_t now);
    void put(const jose::Sha256Digest &token, AnswerRef answer);
    void erase(const jose::Sha256Digest &token) noexcept;
    std::size_t size() const noexcept { return by_token_.size(); }

  private:
    struct Entry {
        jose::Sha256Digest token;
        AnswerRef answer;
    };
    using Entries = std::list<Entry>;  ///< the most recently used one first
    /// Of a digest nobody can choose an order, so that a tree is as good as a table, and needs no hash.
    using Index = std::map<jose::Sha256Digest, Entries::iterator>;

    void erase(Index::iterator at) noexcept;
    static std::size_t bytes_of(const Answer &answer) noexcept;

    const std::size_t most_;
    const std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    Entries entries_;
    Index by_token_;
};

}  // namespace tokenward::introspection
