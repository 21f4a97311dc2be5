// An HTTPS server that sends what a test says, byte by byte: headers, trailers and encodings that no decent server
// would. One connection after the other; it stays open for more requests until the answer or the client ends it.
#pragma once

#include "support/test_ca.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tokenward::keys {

class RawServer {
  public:
    /// False if the client is gone.
    using Send = std::function<bool(std::string_view bytes)>;
    /// False closes the connection.
    using Answer = std::function<bool(const Send &send)>;

    explicit RawServer(Answer answer);
    /// Sends the same response to each request.
    explicit RawServer(std::string response)
        : RawServer([response = std::move(response)](const Send &send) { return send(response); }) {}
    ~RawServer();
    RawServer(const RawServer &) = delete;
    RawServer &operator=(const RawServer &) = delete;

    std::string url() const { return "https://localhost:" + std::to_string(port_) + "/"; }
    const std::string &ca_pem() const { return ca_.root_pem(); }
    /// Connections whose TLS handshake was done.
    int handshakes() const;
    /// Request lines with headers.
    std::vector<std::string> requests() const;
    /// What the last client offered by ALPN, as it stands on the wire (RFC 7301 section 3.1).
    std::string offered_protocols() const;
    /// Closes the connection that is open, and goes on.
    void hang_up();

  private:
    void run();
    void serve(int client);
    void note_protocols(std::string offered);

    support::TestCa ca_;
    Answer answer_;
    void *context_;  ///< SSL_CTX
    int listener_ = -1;
    int port_ = 0;
    mutable std::mutex mutex_;
    int client_ = -1;
    int handshakes_ = 0;
    bool stop_ = false;
    std::vector<std::string> requests_;
    std::string offered_;
    std::thread thread_;
};

/// "HTTP/1.1 200 OK" with a JSON body; each header ends with \r\n.
inline std::string response_200(std::string_view body, std::string_view headers = {}) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace tokenward::keys
