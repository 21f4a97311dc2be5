// A small HTTPS server on loopback that can stop, or break off, at each stage of an answer; and a port that
// stays ours while nothing listens on it. It is our own: no server library sends half of a header.
#pragma once

#include "support/test_ca.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tokenward::support {

/// A loopback port from the kernel, bound but not listened on: while no server listens, connections are refused
/// and nobody else gets the port.
class PortHolder {
  public:
    PortHolder();
    ~PortHolder();
    PortHolder(const PortHolder &) = delete;
    PortHolder &operator=(const PortHolder &) = delete;

    int port() const noexcept { return port_; }

  private:
    int socket_ = -1;
    int port_ = 0;
};

/// HTTP/1.1 with GET, and POST of a body whose length is said. Connections are kept.
class TlsServer {
  public:
    struct Request {
        std::string path;
        std::string body;  ///< of a POST
        std::map<std::string, std::string> headers;  ///< names in lower case
    };
    /// How far the server gets with what it sends.
    enum class Reach { all, nothing, half_of_header, half_of_body };
    /// What it does there.
    enum class Then {
        close,  ///< ends the connection
        reset,  ///< a TCP reset
        stall,  ///< nothing, until the client goes
    };
    struct Response {
        int status = 200;
        std::string content_type;
        std::string body;
        std::vector<std::pair<std::string, std::string>> headers;
        int drip_ms = 0;  ///< the pause before each byte of the body
        Reach reach = Reach::all;
        Then then = Then::close;  ///< unless all is sent
    };
    /// Called by many threads at the same time.
    using Handler = std::function<void(const Request &, Response &)>;

    /// What a connection meets before the first request.
    struct Conditions {
        enum class Handshake {
            whole,
            none,           ///< the connection is taken, and nothing is said
            reset_at_once,  ///< the connection is taken and reset
            half_stalls,    ///< half of the server's first flight, then nothing
            half_resets,    ///< half of the server's first flight, then a reset
        };
        ServerCertificate certificate;
        bool old_protocol = false;  ///< TLS 1.1
        Handshake handshake = Handshake::whole;
    };

    /// Listens on 127.0.0.1 when it returns. Throws std::runtime_error.
    TlsServer(int port, const Conditions &conditions, Handler handler);
    /// Ends all connections. Waits for running handlers.
    ~TlsServer();
    TlsServer(const TlsServer &) = delete;
    TlsServer &operator=(const TlsServer &) = delete;

    /// For new connections. Those that are kept end; one that stalls goes on stalling.
    void set_conditions(const Conditions &conditions);
    /// TLS handshakes that succeeded.
    std::size_t handshakes() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tokenward::support
