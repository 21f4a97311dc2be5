// Other JWT libraries that Debian ships, each used as its own examples use it.
#pragma once

#include "world.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::bench {

class PeerVerifier {
  public:
    virtual ~PeerVerifier() = default;
    /// Everything from the token's text to the claims that the peer checks.
    virtual bool verify() = 0;
};

struct Peer {
    std::string name;
    std::vector<std::string_view> known;
    /// The sample outlives the verifier.
    std::function<std::unique_ptr<PeerVerifier>(const Sample &)> make;

    bool knows(std::string_view algorithm) const {
        for (const std::string_view one : known) {
            if (one == algorithm) return true;
        }
        return false;
    }
};

/// In a file of its own: cpp-jwt's namespace is libjwt's struct, jwt.
std::unique_ptr<PeerVerifier> make_cpp_jwt(const Sample &sample);

/// Those whose headers were there at build time.
const std::vector<Peer> &peers();

}  // namespace tokenward::bench
