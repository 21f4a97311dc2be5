#include "raw_server.hpp"

#include <csignal>
#include <stdexcept>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

void *make_context(const support::ServerCertificate &certificate) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    BIO *bio = BIO_new_mem_buf(certificate.certificate_pem.data(), -1);
    X509 *x509 = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    bio = BIO_new_mem_buf(certificate.key_pem.data(), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    const bool good = SSL_CTX_use_certificate(context, x509) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(x509);
    EVP_PKEY_free(key);
    if (!good) throw std::runtime_error("OpenSSL: bad server certificate");
    return context;
}

}  // namespace

RawServer::RawServer(Answer answer)
    : answer_(std::move(answer)),
      context_(make_context(ca_.issue())),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 ||
        ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        throw std::runtime_error("no port for the server");
    }
    port_ = ntohs(address.sin_port);
    const auto choose = [](SSL *, const unsigned char **, unsigned char *, const unsigned char *in,
                           unsigned size, void *self) -> int {
        static_cast<RawServer *>(self)->note_protocols({reinterpret_cast<const char *>(in), size});
        return SSL_TLSEXT_ERR_NOACK;
    };
    SSL_CTX_set_alpn_select_cb(static_cast<SSL_CTX *>(context_), choose, this);
    thread_ = std::thread([this] { run(); });
}

RawServer::~RawServer() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        if (client_ >= 0) ::shutdown(client_, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(static_cast<SSL_CTX *>(context_));
}

void RawServer::hang_up() {
    const std::lock_guard lock(mutex_);
    if (client_ >= 0) ::shutdown(client_, SHUT_RDWR);
}

int RawServer::handshakes() const {
    const std::lock_guard lock(mutex_);
    return handshakes_;
}

void RawServer::note_protocols(std::string offered) {
    const std::lock_guard lock(mutex_);
    offered_ = std::move(offered);
}

std::string RawServer::offered_protocols() const {
    const std::lock_guard lock(mutex_);
    return offered_;
}

std::vector<std::string> RawServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void RawServer::run() {
    // A client that is gone must not end the test.
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    for (;;) {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        {
            const std::lock_guard lock(mutex_);
            if (stop_) {
                if (client >= 0) ::close(client);
                return;
            }
            client_ = client;
        }
        if (client < 0) continue;
        // Else the answer would wait until the client has acknowledged the end of the handshake: 40 ms.
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        serve(client);
        const std::lock_guard lock(mutex_);
        client_ = -1;
        ::close(client);
    }
}

void RawServer::serve(int client) {
    SSL *ssl = SSL_new(static_cast<SSL_CTX *>(context_));
    SSL_set_fd(ssl, client);
    if (SSL_accept(ssl) == 1) {
        {
            const std::lock_guard lock(mutex_);
            ++handshakes_;
        }
        const Send send = [ssl](std::string_view bytes) {
            return bytes.empty() || SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())) > 0;
        };
        for (bool open = true; open;) {
            std::string request;
            char byte = 0;
            while (request.find("\r\n\r\n") == std::string::npos && SSL_read(ssl, &byte, 1) == 1) {
                request += byte;
            }
            if (request.find("\r\n\r\n") == std::string::npos) break;
            {
                const std::lock_guard lock(mutex_);
                requests_.push_back(request);
            }
            open = answer_(send);
        }
    }
    SSL_free(ssl);
}

}  // namespace tokenward::keys
