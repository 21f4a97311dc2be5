#include "support/tls_server.hpp"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <csignal>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tokenward::support {
namespace {

using Handshake = TlsServer::Conditions::Handshake;
using Reach = TlsServer::Reach;
using Then = TlsServer::Then;

/// With SO_REUSEPORT, so that the holder's and the server's can be bound at the same time.
int bound_socket(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
        ::close(fd);
        throw std::runtime_error("can't bind a loopback port");
    }
    return fd;
}

int port_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size);
    return ntohs(address.sin_port);
}

using Context = std::shared_ptr<SSL_CTX>;

Context new_context(const TlsServer::Conditions &conditions) {
    Context context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    BIO *bio = BIO_new_mem_buf(conditions.certificate.certificate_pem.data(), -1);
    X509 *x509 = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    bio = BIO_new_mem_buf(conditions.certificate.key_pem.data(), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    bool good =
        SSL_CTX_use_certificate(context.get(), x509) == 1 && SSL_CTX_use_PrivateKey(context.get(), key) == 1;
    X509_free(x509);
    EVP_PKEY_free(key);
    if (conditions.old_protocol) {
        good = good && SSL_CTX_set_min_proto_version(context.get(), TLS1_1_VERSION) == 1 &&
               SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION) == 1 &&
               SSL_CTX_set_cipher_list(context.get(), "DEFAULT:@SECLEVEL=0") == 1;
    } else {
        good = good && SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1;
    }
    if (!good) throw std::runtime_error("OpenSSL: bad server certificate");
    return context;
}

std::optional<TlsServer::Request> parse_request(std::string_view head) {
    const auto next_line = [&head] {
        const auto end = head.find("\r\n");
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(std::min(end == std::string_view::npos ? head.size() : end + 2, head.size()));
        return line;
    };
    const std::string_view first = next_line();
    const auto path_begin = first.find('/');
    const auto path_end = first.rfind(' ');
    const bool is_known = first.starts_with("GET /") || first.starts_with("POST /");
    if (!is_known || path_end <= path_begin) return std::nullopt;
    TlsServer::Request request;
    request.path = first.substr(path_begin, path_end - path_begin);
    for (std::string_view line = next_line(); !line.empty(); line = next_line()) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        std::string name(line.substr(0, colon));
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        line.remove_prefix(colon + 1);
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        request.headers[name] = line;
    }
    return request;
}

std::string header_of(const TlsServer::Response &response, bool with_body) {
    std::string header = "HTTP/1.1 " + std::to_string(response.status) + " Status\r\n";
    for (const auto &[name, value] : response.headers)
        header.append(name).append(": ").append(value).append("\r\n");
    if (with_body) {
        header += "Content-Type: ";
        header += response.content_type.empty() ? "text/plain" : response.content_type;
        header += "\r\nContent-Length: " + std::to_string(response.body.size()) + "\r\n";
    }
    return header + "\r\n";
}

/// One connection, on its own thread. Every wait ends when the server does.
class Connection {
  public:
    Connection(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {
        const int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
    ~Connection() {
        SSL_free(ssl_);
        ::close(fd_);
    }
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    bool shake_hands(SSL_CTX &context) {
        ssl_ = SSL_new(&context);
        SSL_set_fd(ssl_, fd_);
        return run([this] { return SSL_accept(ssl_); }) > 0;
    }

    /// The client's first flight is answered by half of ours.
    bool shake_hands_by_half(SSL_CTX &context) {
        ssl_ = SSL_new(&context);
        BIO *in = BIO_new(BIO_s_mem());
        BIO *out = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl_, in, out);
        while (BIO_pending(out) == 0) {
            char bytes[4096];
            if (!ready(POLLIN)) return false;
            const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
            if (got <= 0) return false;
            BIO_write(in, bytes, static_cast<int>(got));
            SSL_accept(ssl_);
        }
        const char *flight = nullptr;
        const long size = BIO_get_mem_data(out, &flight);
        return ::send(fd_, flight, static_cast<std::size_t>(size) / 2, MSG_NOSIGNAL) > 0;
    }

    /// Empty: the client has gone, or the server ends.
    std::string read_head() {
        constexpr std::size_t longest = 65'536;
        while (received_.find("\r\n\r\n") == std::string::npos && received_.size() < longest) {
            char bytes[4096];
            const int got = run([&] { return SSL_read(ssl_, bytes, sizeof bytes); });
            if (got <= 0) return {};
            received_.append(bytes, static_cast<std::size_t>(got));
        }
        const auto end = received_.find("\r\n\r\n");
        if (end == std::string::npos) return {};
        std::string head = received_.substr(0, end + 2);
        received_.erase(0, end + 4);
        return head;
    }

    /// False: the client has gone, or the server ends.
    bool read_body(TlsServer::Request &request) {
        constexpr std::size_t longest = std::size_t{1} << 20U;
        const auto length = request.headers.find("content-length");
        const std::size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
        if (size > longest) return false;
        while (received_.size() < size) {
            char bytes[4096];
            const int got = run([&] { return SSL_read(ssl_, bytes, sizeof bytes); });
            if (got <= 0) return false;
            received_.append(bytes, static_cast<std::size_t>(got));
        }
        request.body = received_.substr(0, size);
        received_.erase(0, size);
        return true;
    }

    /// False if the connection is at its end.
    bool respond(const TlsServer::Response &response) {
        const bool with_body = response.status != 304 && response.status != 204;
        const std::string header = header_of(response, with_body);
        switch (response.reach) {
            case Reach::nothing:
                break;
            case Reach::half_of_header:
                write({header.data(), header.size() / 2});
                break;
            case Reach::half_of_body:
                write(header) && write({response.body.data(), response.body.size() / 2});
                break;
            case Reach::all:
                return write(header) && (!with_body || write_body(response));
        }
        leave(response.then);
        return false;
    }

    void leave(Then then) {
        if (then == Then::stall) pause(-1);
        if (then == Then::reset) {
            const linger at_once{1, 0};
            setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
    }

    /// The client sees a whole end, which isn't the network's.
    void say_goodbye() { SSL_shutdown(ssl_); }

  private:
    bool ready(short events) {
        pollfd watched[2] = {{fd_, events, 0}, {stop_fd_, POLLIN, 0}};
        while (::poll(watched, 2, -1) < 0) {
        }
        return watched[1].revents == 0;
    }

    /// True after that time (-1: never), false if the client has gone or the server ends.
    bool pause(int milliseconds) {
        pollfd watched[2] = {{fd_, POLLRDHUP, 0}, {stop_fd_, POLLIN, 0}};
        return ::poll(watched, 2, milliseconds) == 0;
    }

    template <class Call>
    int run(Call call) {
        for (;;) {
            const int result = call();
            if (result > 0) return result;
            const int why = SSL_get_error(ssl_, result);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return 0;
            if (!ready(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT)) return 0;
        }
    }

    bool write(std::string_view bytes) {
        while (!bytes.empty()) {
            const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), 1U << 20U));
            const int written = run([&] { return SSL_write(ssl_, bytes.data(), size); });
            if (written <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return true;
    }

    bool write_body(const TlsServer::Response &response) {
        if (response.drip_ms == 0) return write(response.body);
        return std::all_of(response.body.begin(), response.body.end(), [&](const char &byte) {
            return pause(response.drip_ms) && write({&byte, 1});
        });
    }

    int fd_;
    int stop_fd_;
    SSL *ssl_ = nullptr;
    std::string received_;
};

}  // namespace

PortHolder::PortHolder() : socket_(bound_socket(0)), port_(port_of(socket_)) {}

PortHolder::~PortHolder() {
    ::close(socket_);
}

struct TlsServer::Impl {
    struct Current {
        Context context;
        Handshake handshake = Handshake::whole;
        std::uint64_t number = 0;  ///< of set_conditions()
    };
    struct Client {
        int fd = -1;
        bool idle = false;  ///< between two requests
        bool ended = false;
        std::thread thread;
    };

    Impl(int port, const Conditions &conditions, Handler given)
        : handler(std::move(given)), stop_fd(::eventfd(0, EFD_CLOEXEC)) {
        set(conditions);
        listener = bound_socket(port);
        ::listen(listener, 128);
        // OpenSSL writes without MSG_NOSIGNAL: a client that goes must not end the process.
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        accepting = std::thread([this] { accept_all(); });
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

    ~Impl() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(stop_fd, &one, sizeof one);
        accepting.join();
        ::close(listener);
        for (Client &client : clients) client.thread.join();
        ::close(stop_fd);
    }

    void set(const Conditions &conditions) {
        Context context = new_context(conditions);
        const std::lock_guard lock(mutex);
        current = {std::move(context), conditions.handshake, current.number + 1};
        for (const Client &client : clients) {
            if (client.idle) ::shutdown(client.fd, SHUT_RDWR);
        }
    }

    void accept_all() {
        pollfd watched[2] = {{listener, POLLIN, 0}, {stop_fd, POLLIN, 0}};
        for (;;) {
            ::poll(watched, 2, -1);
            if (watched[1].revents != 0) return;
            const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd < 0) continue;
            join_ended();
            const std::lock_guard lock(mutex);
            Client &client = clients.emplace_back();
            client.fd = fd;
            client.thread = std::thread([this, &client, conditions = current] { serve(client, conditions); });
        }
    }

    void join_ended() {
        std::list<Client> ended;
        {
            const std::lock_guard lock(mutex);
            for (auto at = clients.begin(); at != clients.end();) {
                const auto next = std::next(at);
                if (at->ended) ended.splice(ended.end(), clients, at);
                at = next;
            }
        }
        for (Client &client : ended) client.thread.join();
    }

    void serve(Client &client, const Current &conditions) {
        {
            Connection connection(client.fd, stop_fd);
            talk(connection, client, conditions);
            const std::lock_guard lock(mutex);
            client.idle = false;
        }
        const std::lock_guard lock(mutex);
        client.ended = true;
    }

    void talk(Connection &connection, Client &client, const Current &conditions) {
        SSL_CTX &context = *conditions.context;
        switch (conditions.handshake) {
            case Handshake::none:
                return connection.leave(Then::stall);
            case Handshake::reset_at_once:
                return connection.leave(Then::reset);
            case Handshake::half_stalls:
            case Handshake::half_resets:
                if (connection.shake_hands_by_half(context)) {
                    connection.leave(conditions.handshake == Handshake::half_stalls ? Then::stall
                                                                                    : Then::reset);
                }
                return;
            case Handshake::whole:
                break;
        }
        if (!connection.shake_hands(context)) return;
        ++handshakes;
        while (may_wait(client, conditions)) {
            std::optional<Request> request = parse_request(connection.read_head());
            if (!request || !connection.read_body(*request)) break;
            set_idle(client, false);
            Response response;
            handler(*request, response);
            if (!connection.respond(response)) return;
            const auto wish = request->headers.find("connection");
            if (wish != request->headers.end() && wish->second == "close") break;
        }
        connection.say_goodbye();
    }

    /// False if the conditions have changed since the connection began.
    bool may_wait(Client &client, const Current &conditions) {
        const std::lock_guard lock(mutex);
        client.idle = true;
        return conditions.number == current.number;
    }

    void set_idle(Client &client, bool idle) {
        const std::lock_guard lock(mutex);
        client.idle = idle;
    }

    Handler handler;
    int stop_fd;
    int listener = -1;
    std::atomic<std::size_t> handshakes{0};
    std::mutex mutex;
    Current current;            ///< guarded by mutex, as the next
    std::list<Client> clients;  ///< added and removed by the accepting thread
    std::thread accepting;
};

TlsServer::TlsServer(int port, const Conditions &conditions, Handler handler)
    : impl_(std::make_unique<Impl>(port, conditions, std::move(handler))) {}

TlsServer::~TlsServer() = default;

void TlsServer::set_conditions(const Conditions &conditions) {
    impl_->set(conditions);
}

std::size_t TlsServer::handshakes() const noexcept {
    return impl_->handshakes;
}

}  // namespace tokenward::support
