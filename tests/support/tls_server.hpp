// A small HTTPS server on loopback whose answers can be spoiled on the way out, and a port that stays ours
// while nothing listens on it. The only place that includes cpp-httplib, which takes long to compile.
#pragma once

#include "support/test_ca.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tokenward::support {

/// A loopback port from the kernel, bound but not listened on: while no server listens, connections are refused
/// and nobody else gets the port.
class PortHolder {
  public:
    explicit PortHolder(int port);
    ~PortHolder();
    PortHolder(const PortHolder &) = delete;
    PortHolder &operator=(const PortHolder &) = delete;

    int port() const noexcept { return port_; }
    /// Connections are taken by the kernel and never answered.
    void listen();
    void stop_listening();

  private:
    int socket_ = -1;
    int port_ = 0;
    bool listening_ = false;
};

class TlsServer {
  public:
    struct Request {
        std::string path;
        std::string if_none_match;
    };
    struct Response {
        int status = 200;
        std::string content_type;
        std::string body;
        std::vector<std::pair<std::string, std::string>> headers;
        std::function<bool()> drip;  ///< called before each byte; false ends the answer there
        bool truncate = false;       ///< half of the body, then the end
    };
    /// Called by many threads at the same time.
    using Handler = std::function<void(const Request &, Response &)>;

    /// Listens on 127.0.0.1 when it returns. Throws std::runtime_error.
    TlsServer(int port, const ServerCertificate &certificate, bool old_protocol, Handler handler);
    /// Waits for running handlers.
    ~TlsServer();
    TlsServer(const TlsServer &) = delete;
    TlsServer &operator=(const TlsServer &) = delete;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tokenward::support
