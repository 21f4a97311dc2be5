// The keys of the test issuer over time: generations of one key of each kind.
#pragma once

#include "support/test_issuer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tokenward::support {

/// Not thread-safe.
class IssuerKeys {
  public:
    IssuerKeys(bool algorithm_in_jwk, unsigned key_family);

    void rotate(bool keep_old);
    void reuse_kids();
    std::string jwks() const;
    /// Throws std::invalid_argument for an unknown algorithm.
    std::string sign(const MintRequest &request, JsonObject claims) const;

  private:
    struct Entry {
        std::string kid;
        std::string algorithm;
        TestKey key;
    };
    std::vector<Entry> new_generation();
    const Entry &entry(const std::vector<Entry> &generation, std::string_view algorithm) const;

    bool algorithm_in_jwk_;
    int generation_ = 0;    ///< stands in the kid
    std::size_t next_key_;  ///< index among the shared ones
    std::vector<Entry> current_;
    std::vector<Entry> previous_;
    bool previous_published_ = false;
};

}  // namespace tokenward::support
