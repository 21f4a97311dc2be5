#include "support/tls_server.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

#include <httplib.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tokenward::support {
namespace {

/// With SO_REUSEPORT, as cpp-httplib's sockets have it, so that both can be bound.
int bound_socket(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
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

bool use_certificate(SSL_CTX &context, const ServerCertificate &certificate, bool old_protocol) {
    BIO *bio = BIO_new_mem_buf(certificate.certificate_pem.data(), -1);
    X509 *x509 = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    bio = BIO_new_mem_buf(certificate.key_pem.data(), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    const bool good =
        SSL_CTX_use_certificate(&context, x509) == 1 && SSL_CTX_use_PrivateKey(&context, key) == 1;
    X509_free(x509);
    EVP_PKEY_free(key);
    if (!old_protocol) return good && SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) == 1;
    return good && SSL_CTX_set_min_proto_version(&context, TLS1_1_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(&context, TLS1_1_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(&context, "DEFAULT:@SECLEVEL=0") == 1;
}

void send(const TlsServer::Response &answer, httplib::Response &out) {
    out.status = answer.status;
    for (const auto &[name, value] : answer.headers) out.set_header(name, value);
    if (answer.drip) {
        out.set_content_provider(
            answer.body.size(), answer.content_type,
            [body = answer.body, drip = answer.drip](std::size_t offset, std::size_t, httplib::DataSink &sink) {
                return drip() && sink.write(body.data() + offset, 1);
            });
    } else if (answer.truncate) {
        out.set_content_provider(
            answer.body.size(), answer.content_type,
            [body = answer.body](std::size_t offset, std::size_t, httplib::DataSink &sink) {
                return offset == 0 && sink.write(body.data(), body.size() / 2);
            });
    } else if (answer.status != 304) {
        out.set_content(answer.body, answer.content_type.empty() ? "text/plain" : answer.content_type);
    }
}

}  // namespace

PortHolder::PortHolder(int port) : socket_(bound_socket(port)), port_(port_of(socket_)) {}

PortHolder::~PortHolder() {
    ::close(socket_);
}

void PortHolder::listen() {
    ::listen(socket_, 128);
    listening_ = true;
}

void PortHolder::stop_listening() {
    if (!listening_) return;
    const int next = bound_socket(port_);  // before the old one closes: the port stays ours
    ::close(socket_);
    socket_ = next;
    listening_ = false;
}

struct TlsServer::Impl {
    Impl(const ServerCertificate &certificate, bool old_protocol, Handler given)
        : server([&](SSL_CTX &context) { return use_certificate(context, certificate, old_protocol); }),
          handler(std::move(given)) {}

    httplib::SSLServer server;
    Handler handler;
    std::thread thread;
};

TlsServer::TlsServer(int port, const ServerCertificate &certificate, bool old_protocol, Handler handler)
    : impl_(std::make_unique<Impl>(certificate, old_protocol, std::move(handler))) {
    auto &server = impl_->server;
    if (!server.is_valid()) throw std::runtime_error("OpenSSL: bad server certificate");
    server.set_keep_alive_max_count(1);  // a kept connection would hold up the destructor for seconds
    server.new_task_queue = [] { return new httplib::ThreadPool(16); };
    server.Get(".*", [impl = impl_.get()](const httplib::Request &request, httplib::Response &response) {
        Response answer;
        impl->handler({request.path, request.get_header_value("If-None-Match")}, answer);
        send(answer, response);
    });
    if (!server.bind_to_port("127.0.0.1", port)) throw std::runtime_error("can't listen on the loopback port");
    impl_->thread = std::thread([&server] { server.listen_after_bind(); });
    // stop() does nothing before the loop runs.
    while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TlsServer::~TlsServer() {
    impl_->server.stop();
    impl_->thread.join();
}

}  // namespace tokenward::support
