// As whom a provider is asked: a client with a secret, or with a private key (RFC 6749 section 2.3, RFC 7523).
#pragma once

#include "base/result.hpp"
#include "keys/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/evp.h>

namespace tokenward::introspection {

inline constexpr std::size_t largest_secret_file = std::size_t{64} << 10;

/// How a client says who it is (OpenID Connect Core section 9).
enum class AuthMethod : std::uint8_t { client_secret_basic, client_secret_post, private_key_jwt };

/// Immutable. Wipes its secret.
class Client {
  public:
    /// `content`: of the secret's file: one line of text, or a private key in PEM (RSA, P-256, P-384, P-521, Ed25519). Fails
    /// with CONFIG_INVALID_VALUE; no message shows what the file holds.
    static Result<std::shared_ptr<const Client>> read(std::string id, std::string_view content);
    /// One whose secret is text, of any bytes.
    static std::shared_ptr<const Client> with_secret(std::string id, std::string secret);
    ~Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    const std::string &id() const noexcept { return id_; }
    bool same_as(const Client &other) const noexcept { return id_ == other.id_ && secret_ == other.secret_; }

    /// `offered`: the methods that the provider names; empty: it doesn't say, so client_secret_basic (RFC 8414 section 2).
    AuthMethod method(std::span<const std::string> offered) const;

    /// Adds to a form, or to the headers, who asks. `audience`: the provider's issuer; `now`: seconds since 1970. Fails with
    /// INTROSPECTION_FAILED if OpenSSL can't sign.
    Result<void> sign_in(keys::HttpRequest &request, AuthMethod method, std::string_view audience,
                         std::int64_t now) const;

  private:
    Client(std::string id, std::string secret);
    Result<std::string> assertion(std::string_view audience, std::int64_t now) const;

    std::string id_;
    std::string secret_;
    struct FreeKey {
        void operator()(EVP_PKEY *key) const noexcept { EVP_PKEY_free(key); }
    };
    std::unique_ptr<EVP_PKEY, FreeKey> key_;  ///< NULL: the secret is text
    const char *algorithm_ = nullptr;         ///< of the key, as a JWS names it
};

/// name=value of an application/x-www-form-urlencoded body.
void add_to_form(std::string &form, std::string_view name, std::string_view value);

}  // namespace tokenward::introspection
