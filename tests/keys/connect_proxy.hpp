// An HTTP proxy that knows CONNECT only (RFC 9110 section 9.3.6), for one connection after the other.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

namespace tokenward::keys {

class ConnectProxy {
  public:
    ConnectProxy();
    ~ConnectProxy();
    ConnectProxy(const ConnectProxy &) = delete;
    ConnectProxy &operator=(const ConnectProxy &) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    int connections() const { return connections_; }
    /// With its headers.
    std::string last_request() const;

  private:
    void run();
    void serve(int client);

    int listener_ = -1;
    int port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<bool> stop_{false};
    mutable std::mutex mutex_;
    std::string last_request_;
    std::thread thread_;
};

}  // namespace tokenward::keys
