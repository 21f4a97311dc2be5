// GET over TLS by libcurl: https only, TLS 1.2 or newer, peer and host verified, no redirects, no cookies, no
// netrc, bounded headers, a bounded body and a bounded time.
#pragma once

#include "base/wakeup.hpp"
#include "keys/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace tokenward::keys {

struct HttpBounds {
    std::size_t body_bytes = std::size_t{1} << 20;  ///< decoded
    /// Headers and trailers together. Each line counts 32 more: it is kept (RFC 9113 section 6.5.2 counts so).
    std::size_t header_bytes = std::size_t{64} << 10;
};

/// Initialises libcurl, once per load of this library, and keeps it in the process: a look-up that hangs when
/// its fetch is given up goes on in a thread of libcurl's own. False if libcurl doesn't work, perhaps only now
/// (memory, descriptors): the next call tries again.
bool initialise_curl() noexcept;

class HttpClient final : public Transport {
  public:
    /// `wakeup` ends wait() early; it must outlive the client. Throws std::bad_alloc.
    explicit HttpClient(Wakeup &wakeup, HttpBounds bounds = {});
    ~HttpClient() override;
    HttpClient(const HttpClient &) = delete;
    HttpClient &operator=(const HttpClient &) = delete;

    void start(Id id, HttpRequest request) override;
    void cancel(Id id) noexcept override;
    std::vector<Completed> wait(std::int64_t timeout_ms) override;

  private:
    struct Transfer;
    void perform();
    void collect();
    void complete(void *easy, int code) noexcept;

    Wakeup &wakeup_;
    HttpBounds bounds_;
    void *multi_ = nullptr;  ///< CURLM
    std::unordered_map<Id, std::unique_ptr<Transfer>> transfers_;
    std::vector<Completed> completed_;
};

}  // namespace tokenward::keys
