#include "support/issuer_keys.hpp"

#include <algorithm>
#include <stdexcept>

namespace tokenward::support {
namespace {

struct KeyKind {
    const char *kid;
    const char *algorithm;
};
constexpr KeyKind kinds[] = {
    {"rsa", "RS256"}, {"p256", "ES256"}, {"p384", "ES384"}, {"p521", "ES512"}, {"ed25519", "EdDSA"}};

/// So many generations, then the next family's would be used.
constexpr std::size_t keys_per_family = 10000;

}  // namespace

IssuerKeys::IssuerKeys(bool algorithm_in_jwk, unsigned key_family)
    : algorithm_in_jwk_(algorithm_in_jwk), next_key_(key_family * keys_per_family) {
    generation_ = 1;
    current_ = new_generation();
}

std::vector<IssuerKeys::Entry> IssuerKeys::new_generation() {
    std::vector<Entry> out;
    for (const auto &kind : kinds) {
        out.push_back({std::string(kind.kid) + '-' + std::to_string(generation_), kind.algorithm,
                       TestKey::shared(kind.algorithm, next_key_)});
    }
    ++next_key_;
    return out;
}

void IssuerKeys::rotate(bool keep_old) {
    ++generation_;
    previous_ = std::exchange(current_, new_generation());
    previous_published_ = keep_old;
}

void IssuerKeys::reuse_kids() {
    previous_ = std::exchange(current_, new_generation());
    previous_published_ = false;
}

std::string IssuerKeys::jwks() const {
    std::vector<JsonObject> keys;
    const auto add = [&](const std::vector<Entry> &generation) {
        for (const auto &entry : generation) {
            keys.push_back(entry.key.jwk(entry.kid, algorithm_in_jwk_ ? entry.algorithm : std::string()));
        }
    };
    add(current_);
    if (previous_published_) add(previous_);
    return support::jwks(keys);
}

const IssuerKeys::Entry &IssuerKeys::entry(const std::vector<Entry> &generation,
                                           std::string_view algorithm) const {
    const std::string_view kind =
        algorithm.starts_with("PS") || algorithm.starts_with("RS") ? "RS256" : algorithm;
    const auto at = std::find_if(generation.begin(), generation.end(),
                                 [&](const Entry &entry) { return entry.algorithm == kind; });
    if (at == generation.end()) throw std::invalid_argument("no key for " + std::string(algorithm));
    return *at;
}

std::string IssuerKeys::sign(const MintRequest &request, JsonObject claims) const {
    using Signer = MintRequest::Signer;
    const Entry &signer = entry(request.signer == Signer::previous ? previous_ : current_, request.algorithm);
    JsonObject header = jws_header(request.algorithm, request.kid.value_or(signer.kid));
    header.merge(request.header);
    claims.merge(request.claims);
    constexpr std::size_t stranger = keys_per_family - 1;  // of family 0, far behind every real generation
    const TestKey &key =
        request.signer == Signer::stranger ? TestKey::shared(signer.algorithm, stranger) : signer.key;
    return key.sign(request.algorithm, header.json(), claims.json());
}

}  // namespace tokenward::support
