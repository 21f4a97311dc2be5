#include "connect_proxy.hpp"

#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Moves what there is; false at the end.
bool pump(int from, int to) {
    char bytes[8192];
    const ssize_t got = ::recv(from, bytes, sizeof bytes, 0);
    return got > 0 && ::send(to, bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
}

}  // namespace

ConnectProxy::ConnectProxy() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 ||
        ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        throw std::runtime_error("no port for the proxy");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
}

ConnectProxy::~ConnectProxy() {
    stop_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
}

std::string ConnectProxy::last_request() const {
    const std::lock_guard lock(mutex_);
    return last_request_;
}

void ConnectProxy::run() {
    while (!stop_) {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        ++connections_;
        serve(client);
        ::close(client);
    }
}

void ConnectProxy::serve(int client) {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
        char byte = 0;
        if (::recv(client, &byte, 1, 0) != 1) return;
        request += byte;
    }
    {
        const std::lock_guard lock(mutex_);
        last_request_ = request;
    }
    const std::size_t colon = request.find(':');
    if (request.rfind("CONNECT ", 0) != 0 || colon == std::string::npos) return;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(std::atoi(request.c_str() + colon + 1));  // NOLINT(cert-err34-c)
    if (::connect(server, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0) {
        const std::string answer = "HTTP/1.1 200 OK\r\n\r\n";
        ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        pollfd ends[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        for (bool open = true; open;) {
            ::poll(ends, 2, -1);
            if (ends[0].revents != 0) open = pump(client, server);
            if (open && ends[1].revents != 0) open = pump(server, client);
        }
    }
    ::close(server);
}

}  // namespace tokenward::keys
