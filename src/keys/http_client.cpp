#include "keys/http_client.hpp"

#include "base/at_work.hpp"
#include "base/clock.hpp"
#include "base/descriptor.hpp"
#include "base/text.hpp"
#include "base/wipe.hpp"
#include "config/url.hpp"
#include "keys/freshness.hpp"
#include "keys/http_coding.hpp"
#include "keys/http_hints.hpp"
#include "keys/internal_address.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/socket.h>

namespace tokenward::keys {
namespace {

/// CURLMOPT_QUICK_EXIT of libcurl 8.20, whose look-up threads belong to the multi handle. Older versions don't
/// know it; there CURLOPT_QUICK_EXIT does the same.
constexpr auto quick_exit_of_multi = static_cast<CURLMoption>(21);

/// A thread of libcurl's may still be in getaddrinfo() when the host unloads us, and libcurl with us.
void keep_libcurl_loaded() noexcept {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void *>(&curl_multi_init), &info) != 0 && info.dli_fname != nullptr) {
        // The reference is kept on purpose.
        [[maybe_unused]] void *pinned = ::dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

/// A kept connection ends after that time: certificates and addresses change.
constexpr long longest_connection_s = 600;
/// Kept connections, one for each section at most.
constexpr long most_connections = 64;
constexpr std::size_t kept_beside_a_line = 32;

bool can_decode_gzip() noexcept {
    return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_LIBZ) != 0;
}

/// What is left to say without memory: the text is short enough to stand in the string itself.
HttpResponse no_memory_response() noexcept {
    HttpResponse response;
    response.error = "out of memory";
    return response;
}

FetchResult classify(CURLcode code) noexcept {
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
            return FetchResult::timeout;
        case CURLE_FILESIZE_EXCEEDED:
            return FetchResult::too_large;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_CRL_BADFILE:
        case CURLE_SSL_INVALIDCERTSTATUS:
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return FetchResult::tls_error;
        case CURLE_BAD_CONTENT_ENCODING:
            return FetchResult::bad_document;
        default:
            return FetchResult::network_error;
    }
}

std::string not_encoded_as_asked(const std::string &host) {
    return fmt::format("the response of {} isn't encoded as was asked for", host);
}

}  // namespace

bool initialise_curl() noexcept {
    static std::mutex mutex;
    static bool works = false;
    const std::lock_guard lock(mutex);
    if (!works) {
        works = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
        keep_libcurl_loaded();
    }
    return works;
}

struct HttpClient::Transfer {
    /// Why we ended it ourselves.
    enum class Stop : std::uint8_t { none, large_body, large_headers, other_coding, internal, no_memory };

    CURL *easy = nullptr;
    curl_slist *headers = nullptr;
    std::array<char, CURL_ERROR_SIZE> error{};
    std::string url;
    std::string form;  ///< libcurl reads it here
    std::string body;
    HttpBounds bounds;
    std::size_t header_bytes = 0;
    Stop stop = Stop::none;
    int socket_error = 0;
    bool with_token = false;
    bool public_only = false;
    bool lacks_option = false;  ///< libcurl lacks an option that we need

    Transfer() = default;
    Transfer(const Transfer &) = delete;
    Transfer &operator=(const Transfer &) = delete;
    ~Transfer() {
        if (easy != nullptr) curl_easy_cleanup(easy);
        for (curl_slist *line = headers; line != nullptr; line = line->next)
            wipe(line->data, std::strlen(line->data));
        curl_slist_free_all(headers);
        wipe(form.data(), form.size());
    }

    template <class Value>
    void set(CURLoption option, Value value) {
        const CURLcode code = curl_easy_setopt(easy, option, value);
        if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
        if (code != CURLE_OK) lacks_option = true;
    }

    /// A header with a secret.
    void add_secret_header(std::string line) {
        const WipedAtEnd wiped(line);
        add_header(line);
    }
    void add_header(const std::string &line) {
        curl_slist *longer = curl_slist_append(headers, line.c_str());
        if (longer == nullptr) throw std::bad_alloc();
        headers = longer;
    }

    /// Programs that the broker starts must not inherit the socket.
    static curl_socket_t open_socket(void *user, curlsocktype /*purpose*/, curl_sockaddr *address) noexcept {
        auto &self = *static_cast<Transfer *>(user);
        if (self.public_only && is_internal_address(address->addr)) {
            self.stop = Stop::internal;
            return CURL_SOCKET_BAD;
        }
        const int fd =
            above_standard(::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol));
        if (fd < 0) self.socket_error = errno;
        return fd;
    }

    /// A kept connection may be another section's, which was let there.
    static int on_connection(void *user, char *address, char * /*own*/, int /*port*/,
                             int /*own_port*/) noexcept {
        auto &self = *static_cast<Transfer *>(user);
        if (!self.public_only) return CURL_PREREQFUNC_OK;
        try {
            if (!is_internal_host(address)) return CURL_PREREQFUNC_OK;
            self.stop = Stop::internal;
        } catch (const std::bad_alloc &) {
            self.stop = Stop::no_memory;
        }
        return CURL_PREREQFUNC_ABORT;
    }

    /// Also for trailers.
    static std::size_t on_header(const char *data, std::size_t size, std::size_t count, void *user) noexcept {
        auto &self = *static_cast<Transfer *>(user);
        const std::size_t bytes = size * count;
        self.header_bytes += bytes + kept_beside_a_line;
        if (self.header_bytes > self.bounds.header_bytes) return self.end(Stop::large_headers);
        if (names_another_coding({data, bytes})) return self.end(Stop::other_coding);
        return bytes;
    }

    static std::size_t on_body(const char *data, std::size_t size, std::size_t count, void *user) noexcept {
        auto &self = *static_cast<Transfer *>(user);
        const std::size_t bytes = size * count;
        if (bytes > self.bounds.body_bytes - self.body.size()) return self.end(Stop::large_body);
        try {
            self.body.append(data, bytes);
        } catch (const std::bad_alloc &) {
            return self.end(Stop::no_memory);
        }
        return bytes;
    }

    /// What a callback returns to end the transfer.
    std::size_t end(Stop why) noexcept {
        stop = why;
        return 0;
    }

    /// All fields of that name, joined as RFC 9110 section 5.3 says.
    std::string response_header(const char *name) const {
        std::string joined;
        curl_header *field = nullptr;
        for (std::size_t i = 0; curl_easy_header(easy, name, i, CURLH_HEADER, -1, &field) == CURLHE_OK; ++i) {
            if (i > 0) joined += ',';
            joined += field->value;
        }
        return joined;
    }

    void prepare(const HttpRequest &request);
    HttpResponse finish(CURLcode code) noexcept;

  private:
    HttpResponse judge_status();
    HttpResponse judge_failure(CURLcode code);
    void refuse_oneself(HttpResponse &response, const std::string &host) const;
};

void HttpClient::Transfer::prepare(const HttpRequest &request) {
    easy = curl_easy_init();
    if (easy == nullptr) throw std::bad_alloc();
    url = request.url;
    public_only = request.public_only && request.proxy.empty();
    with_token = !request.bearer_token.empty();
    set(CURLOPT_PRIVATE, static_cast<void *>(this));
    set(CURLOPT_ERRORBUFFER, error.data());
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "https");
    // For one small document HTTP/2 is only more code that a provider can feed.
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));

    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void *>(this));
    set(CURLOPT_PREREQFUNCTION, &Transfer::on_connection);
    set(CURLOPT_PREREQDATA, static_cast<void *>(this));
    // 0 would mean no limit.
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::clamp<std::int64_t>(request.timeout_ms, 1, INT_MAX)));
    set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    set(CURLOPT_MAXLIFETIME_CONN, longest_connection_s);
    if (!request.keep_connection) set(CURLOPT_FORBID_REUSE, 1L);

    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // A resumed session would skip the check of the certificate.
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (request.ca_pem) {
        curl_blob pem{};
        pem.data = const_cast<char *>(request.ca_pem->data());
        pem.len = request.ca_pem->size();
        pem.flags = CURL_BLOB_COPY;
        set(CURLOPT_CAINFO_BLOB, &pem);
        // Else the system's folder of CAs would be trusted beside it.
        set(CURLOPT_CAPATH, static_cast<const char *>(nullptr));
    }
    // Both are always set: else libcurl would read the environment, at any time and from this thread.
    set(CURLOPT_PROXY, request.proxy.c_str());
    set(CURLOPT_NOPROXY, request.no_proxy.c_str());

    set(CURLOPT_USERAGENT, "tokenward/1.0.0");
    // Kubernetes answers 406 if application/jwk-set+json is missing, others if their own type isn't covered.
    add_header("Accept: application/json, application/jwk-set+json, */*;q=0.1");
    set(CURLOPT_ACCEPT_ENCODING, can_decode_gzip() ? "gzip" : "identity");
    if (!request.etag.empty()) add_header("If-None-Match: " + request.etag);
    if (!request.bearer_token.empty()) add_secret_header("Authorization: Bearer " + request.bearer_token);
    if (!request.basic.empty()) add_secret_header("Authorization: Basic " + request.basic);
    if (!request.form.empty()) {
        form = request.form;
        set(CURLOPT_POSTFIELDSIZE, static_cast<long>(form.size()));
        set(CURLOPT_POSTFIELDS, form.c_str());
        add_header("Expect:");  // it would wait a second for a 100 (Continue)
    }
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void *>(this));
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void *>(this));
}

HttpResponse HttpClient::Transfer::finish(CURLcode code) noexcept {
    try {
        return code == CURLE_OK ? judge_status() : judge_failure(code);
    } catch (const std::exception &) {
        return no_memory_response();
    }
}

HttpResponse HttpClient::Transfer::judge_status() {
    HttpResponse response;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
    response.retry_after_s =
        retry_after(response_header("Retry-After"), SystemClock::instance().unix_seconds());
    if (status == 200 || status == 304) {
        response.result = status == 200 ? FetchResult::ok : FetchResult::not_modified;
        response.lifetime_s = freshness_lifetime(response_header("Cache-Control"), response_header("Age"));
        response.etag = response_header("ETag");
        if (status == 200) response.body = std::move(body);
        return response;
    }
    response.result = FetchResult::http_status;
    response.error = fmt::format("HTTP status {}", status);
    if ((status == 400 || status == 401) && !form.empty()) response.body = std::move(body);
    if (status >= 300 && status < 400) {
        response.error +=
            fmt::format(" to {}, and redirects aren't followed", quote(response_header("Location"), 256));
    }
    response.hint = hint_for_status(status, url, response_header("Location"), with_token);
    return response;
}

HttpResponse HttpClient::Transfer::judge_failure(CURLcode code) {
    if (code == CURLE_OUT_OF_MEMORY || stop == Stop::no_memory) return no_memory_response();
    HttpResponse response;
    const std::string host = quote(config::host_and_port(url), 256);
    if (stop != Stop::none) {
        refuse_oneself(response, host);
        return response;
    }
    if (code == CURLE_COULDNT_CONNECT && socket_error != 0) {
        response.error =
            fmt::format("no socket for {}: {}", host, std::generic_category().message(socket_error));
        response.hint = hint_if_no_socket;
        return response;
    }
    // libcurl's text may hold what the other side sent: made printable by quote().
    const std::string text = quote(error[0] != '\0' ? error.data() : curl_easy_strerror(code), CURL_ERROR_SIZE);
    long verify_result = 0;
    long proxy_status = 0;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    response.result = classify(code);
    // How OpenSSL calls what isn't a record of TLS.
    const bool plain_http =
        code == CURLE_SSL_CONNECT_ERROR && (text.find("wrong version number") != std::string::npos ||
                                            text.find("packet length too long") != std::string::npos);
    if (plain_http) {
        response.error = fmt::format("TLS with {} failed, it answers without TLS: {}", host, text);
    } else if (response.result == FetchResult::tls_error) {
        response.error = fmt::format(
            "TLS with {} failed, its certificate isn't accepted or the handshake broke: {}", host, text);
    } else if (response.result == FetchResult::bad_document) {
        // Damaged, or by a method that libcurl 8 refuses before we see it.
        response.error = fmt::format("{}: {}", not_encoded_as_asked(host), text);
    } else {
        response.error = fmt::format("no answer from {}: {}", host, text);
    }
    response.hint = hint_for_error({url, code, verify_result, proxy_status, plain_http});
    return response;
}

void HttpClient::Transfer::refuse_oneself(HttpResponse &response, const std::string &host) const {
    if (stop == Stop::other_coding) {
        response.result = FetchResult::bad_document;
        response.error = not_encoded_as_asked(host);
        response.hint = hint_if_encoded;
        return;
    }
    if (stop == Stop::internal) {
        response.error =
            fmt::format("the discovery document's jwks_uri leads into a private network: {}", host);
        response.hint = hint_if_internal;
        return;
    }
    response.result = FetchResult::too_large;
    response.error =
        stop == Stop::large_body
            ? fmt::format("the response of {} is larger than {} bytes", host, bounds.body_bytes)
            : fmt::format("the headers and trailers of {} are larger than {} bytes", host, bounds.header_bytes);
    response.hint = hint_if_too_large;
}

HttpClient::HttpClient(Wakeup &wakeup, HttpBounds bounds) : wakeup_(wakeup), bounds_(bounds) {
    {
        const StandardDescriptorsTaken taken;  // it opens a pair for its own wakeups
        multi_ = curl_multi_init();
    }
    if (multi_ == nullptr) throw std::bad_alloc();
    curl_multi_setopt(static_cast<CURLM *>(multi_), quick_exit_of_multi, 1L);
    curl_multi_setopt(static_cast<CURLM *>(multi_), CURLMOPT_MAXCONNECTS, most_connections);
}

HttpClient::~HttpClient() {
    while (!transfers_.empty()) cancel(transfers_.begin()->first);
    curl_multi_cleanup(static_cast<CURLM *>(multi_));
}

void HttpClient::start(Id id, HttpRequest request) {
    // The transfer has copies of its own, and wipes them.
    const WipedAtEnd form(request.form), basic(request.basic), bearer(request.bearer_token);
    auto transfer = std::make_unique<Transfer>();
    transfer->bounds = bounds_;
    transfer->prepare(request);
    if (transfer->lacks_option) {
        Completed failed{id, {}};
        failed.response.error = "this libcurl lacks an option that a safe fetch needs";
        failed.response.hint = "libcurl 7.87 or newer is needed";
        completed_.push_back(std::move(failed));
        return;
    }
    const auto entry = transfers_.emplace(id, std::move(transfer)).first;
    const CURLMcode added = curl_multi_add_handle(static_cast<CURLM *>(multi_), entry->second->easy);
    if (added == CURLM_OK) return;
    transfers_.erase(entry);
    if (added == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
    throw std::runtime_error(curl_multi_strerror(added));
}

void HttpClient::cancel(Id id) noexcept {
    const auto entry = transfers_.find(id);
    if (entry == transfers_.end()) return;
    curl_multi_remove_handle(static_cast<CURLM *>(multi_), entry->second->easy);
    transfers_.erase(entry);
}

void HttpClient::collect() {
    // What can throw comes first: a message that was read doesn't come again.
    completed_.reserve(completed_.size() + transfers_.size());
    int left = 0;
    while (const CURLMsg *message = curl_multi_info_read(static_cast<CURLM *>(multi_), &left)) {
        if (message->msg == CURLMSG_DONE) complete(message->easy_handle, message->data.result);
    }
}

/// collect() made the room for it.
void HttpClient::complete(void *easy, int code) noexcept {
    const auto entry = std::find_if(transfers_.begin(), transfers_.end(),
                                    [easy](const auto &item) { return item.second->easy == easy; });
    if (entry == transfers_.end()) return;
    Completed done{entry->first, entry->second->finish(static_cast<CURLcode>(code))};
    curl_multi_remove_handle(static_cast<CURLM *>(multi_), easy);
    transfers_.erase(entry);
    completed_.push_back(std::move(done));
}

void HttpClient::perform() {
    const AtWork work(WorkingThread::our_own);
    if (!work) return;
    int running = 0;
    curl_multi_perform(static_cast<CURLM *>(multi_), &running);
    collect();
}

std::vector<Transport::Completed> HttpClient::wait(std::int64_t timeout_ms) {
    auto *multi = static_cast<CURLM *>(multi_);
    perform();
    if (completed_.empty()) {
        curl_waitfd wake{};
        wake.fd = wakeup_.fd();
        wake.events = CURL_WAIT_POLLIN;
        const int bounded = static_cast<int>(std::clamp<std::int64_t>(timeout_ms, 0, INT_MAX));
        const CURLMcode polled = curl_multi_poll(multi, &wake, 1, bounded, nullptr);
        // Else the thread would spin.
        if (polled != CURLM_OK) throw std::runtime_error(curl_multi_strerror(polled));
        if (wake.revents != 0) wakeup_.clear();
        perform();
    }
    return std::exchange(completed_, {});
}

}  // namespace tokenward::keys
