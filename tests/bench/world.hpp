// What the benchmarks measure on: one key and one token of each algorithm, and the library as a broker loads
// it.
#pragma once

#include "capi/loaded_library.hpp"
#include "support/test_issuer.hpp"
#include "support/token_mint.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/evp.h>

namespace tokenward::bench {

inline constexpr std::array<const char *, 4> algorithms = {"RS256", "PS256", "ES256", "EdDSA"};

struct PublicKeyFree {
    void operator()(EVP_PKEY *key) const noexcept { EVP_PKEY_free(key); }
};
using PublicKey = std::unique_ptr<EVP_PKEY, PublicKeyFree>;

/// One key of an algorithm, and one token under it.
struct Sample {
    std::string algorithm;
    std::string token;
    std::string signing_input;
    std::string signature;  ///< as OpenSSL takes it: DER for ES256
    std::string jwk;
    std::string pem;  ///< of the public key
    PublicKey key;

    bool is_eddsa() const { return algorithm == "EdDSA"; }
    bool is_pss() const { return algorithm == "PS256"; }
};

/// 20 scopes as an operator writes them. `salt`, if not empty, stands in front of each resource.
std::vector<std::string> twenty_scopes(std::string_view salt = {});
/// `count` scopes, each of another resource.
std::vector<std::string> many_scopes(std::size_t count, std::string_view salt = {});
/// Claims of an access token as Keycloak writes them, valid for a day.
support::JsonObject claims(std::string_view username, const std::vector<std::string> &scopes);
std::string mint(std::string_view algorithm, const support::JsonObject &claims, std::string_view kid);

class World {
  public:
    static World &get();

    const Sample &sample(std::size_t algorithm) const { return samples_[algorithm]; }
    const support::LoadedLibrary &library() const noexcept { return library_; }
    std::string write(const std::string &name, const std::string &content) const;
    /// A configuration that knows all keys; `more` is appended to the section.
    std::string config(const std::string &name, const std::string &more) const;

  private:
    World();

    support::LoadedLibrary library_;
    support::TemporaryDirectory directory_;
    std::array<Sample, algorithms.size()> samples_;
};

/// A backend that logs warnings into the void. Throws if it can't be created.
class Backend {
  public:
    explicit Backend(const std::string &more);
    ~Backend();
    Backend(const Backend &) = delete;
    Backend &operator=(const Backend &) = delete;

    std::int32_t authenticate(const tokenward_credentials &credentials, tokenward_session **session) const {
        return library_.authenticate(handle_, &credentials, &context_, session, nullptr);
    }
    /// One that must be let in.
    tokenward_session *session(std::string_view token) const;
    bool reload() const { return library_.reload(handle_, nullptr, nullptr) == TOKENWARD_OK; }
    const support::LoadedLibrary &library() const noexcept { return library_; }

  private:
    const support::LoadedLibrary &library_;
    tokenward_backend *handle_ = nullptr;
    tokenward_context context_;
};

/// Backends that all benchmarks share: without and with the verified-token cache.
const Backend &cold_backend();
const Backend &warm_backend();
/// Whose denied_file has ten thousand lines, none of which denies a token of this benchmark.
const Backend &denying_backend();

}  // namespace tokenward::bench
