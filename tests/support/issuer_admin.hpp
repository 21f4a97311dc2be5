// The test issuer's switches over HTTP, for shell scripts and Node.js: plain text on a loopback port of its
// own.
//
// A request's body has one "name=value" a line; the answer is text.
//
//   POST /mint       alg=ES256  signer=current|previous|stranger  kid=...  lifetime=60
//                    header.NAME=JSON  claim.NAME=JSON      (an empty JSON removes the member)   -> the token
//   POST /active     token=...  claim.NAME=JSON ...        what introspection says of it; no claim: not active
//   POST /rotate     keep_old=true|false
//   POST /reuse-kids
//   POST /fault      endpoint=discovery|jwks|introspection|token  number=N  fault=none|hang|status|garbage|huge|drip|
//                    truncate|redirect|outdated|stall_before_header|stall_in_header|stall_in_body|reset_in_body
//   POST /network    state=up|down|blackhole|reset
//   POST /tls        kind=good|expired|wrong_host|other_ca|old_protocol|stall|reset
//   POST /documents  issuer=...  jwks_uri=...  discovery=...  jwks=...|unusable|empty  introspection=...
//                    cache_control=...  retry_after=...  etag=true|false       (what isn't named is as at the start)
//   POST /heal
//   GET  /counts     discovery=N, jwks=N, introspection=N, token=N, not_modified=N, a line each
//   GET  /jwks       the published set
//   POST /stop
#pragma once

#include "support/test_issuer.hpp"

#include <memory>
#include <string>

namespace tokenward::support {

class IssuerAdmin {
  public:
    /// Listens when it returns. `issuer` must outlive it.
    explicit IssuerAdmin(TestIssuer &issuer);
    ~IssuerAdmin();
    IssuerAdmin(const IssuerAdmin &) = delete;
    IssuerAdmin &operator=(const IssuerAdmin &) = delete;

    int port() const noexcept;
    /// Returns after POST /stop.
    void wait_for_stop();
    /// The same as POST /stop.
    void stop();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Sends a request to an admin endpoint ("127.0.0.1:PORT"); GET for /counts and /jwks. Throws
/// std::runtime_error if it isn't answered with 200.
std::string ask_issuer_admin(const std::string &address, const std::string &path, const std::string &body);

}  // namespace tokenward::support
