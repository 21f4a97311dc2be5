// What the fetcher needs of HTTP: several bounded requests at a time, driven by one thread.
#pragma once

#include "keys/fetch_result.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenward::keys {

struct HttpRequest {
    std::string url;   ///< https only
    std::string etag;  ///< If-None-Match, where not empty (RFC 9110 section 13.1.2)
    /// Authorization: Bearer, where not empty (RFC 6750 section 2.1). Never in a message.
    std::string bearer_token;
    /// Authorization: Basic, where not empty: what stands behind the word. Never in a message.
    std::string basic;
    /// Where not empty: a POST with this body, application/x-www-form-urlencoded. Never in a message.
    std::string form;
    /// PEM of the only CAs to trust; NULL: the system's.
    std::shared_ptr<const std::string> ca_pem;
    std::string proxy;                ///< empty: none
    std::string no_proxy;             ///< hosts that the proxy isn't for, as curl reads them
    std::int64_t timeout_ms = 5'000;  ///< for all of it: name look-up, TCP, TLS and the whole response
    /// Addresses within a private network (is_internal_address()) are refused. A proxy looks names up by itself, so
    /// it has no effect there.
    bool public_only = false;
    bool keep_connection = false;  ///< another request to this host follows; false: close it afterwards
};

struct HttpResponse {
    /// ok: status 200 with its whole body; not_modified: 304; else what went wrong.
    FetchResult result = FetchResult::network_error;
    int status = 0;     ///< 0: there was no response
    std::string error;  ///< what and where, for a log line; empty if ok or not_modified
    std::string hint;   ///< what to change, for an operator; empty: nothing here
    std::string body;   ///< of a 200, and of a 400 or 401 to a POST; at most HttpBounds::body_bytes
    std::string etag;
    std::optional<std::int64_t> lifetime_s;     ///< freshness_lifetime()
    std::optional<std::int64_t> retry_after_s;  ///< retry_after(), of any status
};

/// Not thread-safe: the thread that uses it also ends it.
class Transport {
  public:
    virtual ~Transport() = default;
    using Id = std::uint64_t;

    struct Completed {
        Id id = 0;
        HttpResponse response;
    };

    /// Either throws, and then nothing was started, or wait() brings a response.
    virtual void start(Id id, HttpRequest request) = 0;
    /// The response won't come. Doesn't wait, also not for a name look-up.
    virtual void cancel(Id id) noexcept = 0;
    /// Returns when something completed, the time is up, or another thread woke it. Throws where waiting isn't
    /// possible; no response is lost then.
    virtual std::vector<Completed> wait(std::int64_t timeout_ms) = 0;
};

}  // namespace tokenward::keys
