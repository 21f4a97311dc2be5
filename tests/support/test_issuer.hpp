// An OpenID provider for tests: discovery and JWKS over TLS under a CA of its own, on loopback and a port that
// the kernel gives; every fault of a sick provider as a switch, every request counted.
//
// In a test:    TestIssuer issuer;  ... issuer.issuer(), issuer.ca_file(), issuer.mint() ...
// From a shell: tests/support/test_issuer, which adds an admin endpoint (see issuer_admin.hpp).
#pragma once

#include "support/test_ca.hpp"
#include "support/token_mint.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tokenward::support {

/// What a token shall look like. The default claims are iss, sub ("alice"), aud ("broker"), iat, exp and jti.
struct MintRequest {
    enum class Signer {
        current,   ///< the newest published key
        previous,  ///< the one before the last rotation
        stranger,  ///< a key that was never published, under the current one's kid unless kid says otherwise
    };
    std::string algorithm = "RS256";
    Signer signer = Signer::current;
    std::optional<std::string> kid;  ///< instead of the key's; empty text: no kid
    std::int64_t lifetime_s = 300;   ///< exp - iat; may be negative
    JsonObject header;               ///< members to set; an empty raw value removes the member
    JsonObject claims;               ///< the same
};

class TestIssuer {
  public:
    struct Options {
        std::string directory;           ///< for ca.pem, server.pem, server.key; empty: a temporary one
        std::string host = "localhost";  ///< in the issuer's URL; "127.0.0.1" works as well
        std::string path;                ///< of the issuer's URL, such as "/realms/test"
        bool algorithm_in_jwk = true;    ///< name the algorithm in each key (RSA: RS256)
        /// Issuers of one process and family have the same keys, which saves making them; take another number
        /// where two issuers must differ.
        unsigned key_family = 0;
    };

    enum class Endpoint { discovery, jwks, introspection, token };
    /// What a request runs into. The number is the fault's own.
    enum class Fault {
        none,
        hang,      ///< answers after so many seconds
        delay,     ///< answers after so many milliseconds
        status,    ///< that status
        garbage,   ///< 200, and a body that isn't JSON
        huge,      ///< 200, and so many MiB of JSON with white space
        drip,      ///< one byte of the right answer every so many milliseconds
        truncate,  ///< a Content-Length, half of the body, end of connection
        redirect,  ///< that status (302 ...) to the same document at another path
        outdated,  ///< the set from before the last rotation; only of the JWKS
        // Nothing more comes, also after the fault's end; the client must give up.
        stall_before_header,
        stall_in_header,
        stall_in_body,
        reset_in_body,  ///< half of the body, then a TCP reset
    };
    /// What the connection runs into.
    enum class Network {
        up,
        down,       ///< connections are refused
        blackhole,  ///< connections are taken and never answered, also after the fault's end
        reset,      ///< connections are taken and reset
    };
    enum class Tls {
        good,
        expired,
        wrong_host,
        other_ca,
        old_protocol,
        stall,  ///< half of the handshake, then nothing, also after the fault's end
        reset,  ///< half of the handshake, then a TCP reset
    };

    /// What the documents say.
    struct Documents {
        std::string issuer;                    ///< in discovery; empty: the true one
        std::string jwks_uri;                  ///< in discovery; empty: the true one
        std::optional<std::string> discovery;  ///< the whole body instead
        std::optional<std::string> jwks;       ///< the whole body instead
        std::string introspection_endpoint;         ///< in discovery; empty: the true one
        std::optional<std::string> introspection;   ///< the whole body instead, about every token
        std::optional<std::string> token;           ///< the whole body instead, for every client that is known
        std::vector<std::string> auth_methods{"client_secret_basic"};  ///< what introspection and token endpoint take
        std::string cache_control;             ///< of both; empty: no such header
        std::string content_encoding;  ///< of both; the body is sent as it stands; empty: no such header
        std::string retry_after;       ///< of both, beside a status that is a fault; empty: no such header
        bool etag = true;              ///< of the JWKS; conditional requests get a 304
    };

    explicit TestIssuer(Options options);
    TestIssuer() : TestIssuer(Options()) {}
    ~TestIssuer();
    TestIssuer(const TestIssuer &) = delete;
    TestIssuer &operator=(const TestIssuer &) = delete;

    const std::string &issuer() const noexcept;  ///< https://localhost:PORT and the path
    std::string jwks_uri() const;
    /// The same documents without faults, at another address.
    std::string moved_jwks_uri() const;
    std::string ca_file() const;
    std::string directory() const;
    int port() const noexcept;

    void set_fault(Endpoint endpoint, Fault fault, int number = 0);
    void set_network(Network network);
    void set_tls(Tls tls);
    void set_documents(Documents documents);
    Documents documents() const;
    /// Ends all faults, takes the network up, says the truth again. The keys and counts stay.
    void heal();

    /// A new key of each kind under a new kid; the old ones stay published or not.
    void rotate(bool keep_old);
    /// A new key of each kind under the old kid.
    void reuse_kids();
    /// The published set as its JWKS shows it.
    std::string jwks() const;
    /// Only keys that nobody can verify with: oct, an encryption key, an unknown type.
    static std::string unusable_jwks();

    std::string mint(const MintRequest &request = {}) const;

    /// The claims that introspection (RFC 7662) says of a token; without an entry a token isn't active. Who asks is the
    /// client "broker" with the secret "s3cr:et", by one of Documents::auth_methods.
    void set_active(const std::string &token, const JsonObject &claims);
    void set_inactive(const std::string &token);

    /// A client that gets a token at the token endpoint (RFC 6749 section 4.4), with these claims beside the default ones.
    void set_client(const std::string &id, const std::string &secret, const MintRequest &token);
    void remove_client(const std::string &id);
    /// The form of the last request for a token, and its Authorization header.
    std::pair<std::string, std::string> last_token_request() const;

    /// Requests that reached a path ("/jwks" stands for any issuer path in front).
    std::size_t requests(Endpoint endpoint) const;
    std::size_t not_modified() const;
    /// TLS handshakes that succeeded.
    std::size_t handshakes() const;
    /// CLOCK_MONOTONIC in milliseconds, one entry per request.
    std::vector<std::int64_t> request_times(Endpoint endpoint) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Removes a temporary directory and what is in it at its end.
class TemporaryDirectory {
  public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory &) = delete;
    TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
    const std::string &path() const noexcept { return path_; }

  private:
    std::string path_;
};

}  // namespace tokenward::support
