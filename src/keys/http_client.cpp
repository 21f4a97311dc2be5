#include "keys/http_client.hpp"

#include "base/at_work.hpp"
#include "base/text.hpp"
#include "config/url.hpp"
#include "keys/freshness.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
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

/// Programs that the broker starts must not inherit the socket.
curl_socket_t open_socket(void * /*user*/, curlsocktype /*purpose*/, curl_sockaddr *address) {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
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
        default:
            return FetchResult::network_error;
    }
}

}  // namespace

bool initialise_curl() noexcept {
    static const bool works = [] {
        const bool ok = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
        keep_libcurl_loaded();
        return ok;
    }();
    return works;
}

struct HttpClient::Transfer {
    CURL *easy = nullptr;
    curl_slist *headers = nullptr;
    std::array<char, CURL_ERROR_SIZE> error{};
    std::string url;
    std::string body;
    std::size_t max_body = 0;
    bool too_large = false;
    bool lacks_option = false;  ///< libcurl lacks an option that we need

    Transfer() = default;
    Transfer(const Transfer &) = delete;
    Transfer &operator=(const Transfer &) = delete;
    ~Transfer() {
        if (easy != nullptr) curl_easy_cleanup(easy);
        curl_slist_free_all(headers);
    }

    template <class Value>
    void set(CURLoption option, Value value) {
        if (curl_easy_setopt(easy, option, value) != CURLE_OK) lacks_option = true;
    }

    void add_header(const std::string &line) {
        curl_slist *longer = curl_slist_append(headers, line.c_str());
        if (longer == nullptr) throw std::bad_alloc();
        headers = longer;
    }

    static std::size_t on_body(const char *data, std::size_t size, std::size_t count, void *user) noexcept {
        auto &self = *static_cast<Transfer *>(user);
        const std::size_t bytes = size * count;
        if (bytes > self.max_body - self.body.size()) {
            self.too_large = true;
            return 0;
        }
        try {
            self.body.append(data, bytes);
        } catch (const std::bad_alloc &) {
            return 0;
        }
        return bytes;
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

    void prepare(const HttpRequest &request, const HttpBounds &bounds);
    HttpResponse finish(CURLcode code, const HttpBounds &bounds);

  private:
    HttpResponse judge_status();
};

void HttpClient::Transfer::prepare(const HttpRequest &request, const HttpBounds &bounds) {
    easy = curl_easy_init();
    if (easy == nullptr) throw std::bad_alloc();
    url = request.url;
    max_body = bounds.body_bytes;
    set(CURLOPT_PRIVATE, static_cast<void *>(this));
    set(CURLOPT_ERRORBUFFER, error.data());
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));

    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(bounds.connect_ms));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(bounds.total_ms));
    set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    if (request.last) set(CURLOPT_FORBID_REUSE, 1L);

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
    add_header("Accept: application/json, application/jwk-set+json");
    add_header("Accept-Encoding: identity");
    if (!request.etag.empty()) add_header("If-None-Match: " + request.etag);
    set(CURLOPT_HTTPHEADER, headers);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void *>(this));
}

HttpResponse HttpClient::Transfer::finish(CURLcode code, const HttpBounds &bounds) {
    HttpResponse response;
    if (code == CURLE_OK) {
        response = judge_status();
        response.reached = true;
        return response;
    }
    response.reached = code != CURLE_COULDNT_RESOLVE_HOST && code != CURLE_COULDNT_RESOLVE_PROXY &&
                       code != CURLE_COULDNT_CONNECT && code != CURLE_UNSUPPORTED_PROTOCOL &&
                       code != CURLE_URL_MALFORMAT && code != CURLE_LOGIN_DENIED;
    response.result = too_large ? FetchResult::too_large : classify(code);
    const std::string host = config::host_and_port(url);
    // libcurl's text may hold what the other side sent: made printable by quote().
    const std::string_view text = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
    switch (response.result) {
        case FetchResult::too_large:
            response.error =
                fmt::format("the response of {} is larger than {} bytes", quote(host), bounds.body_bytes);
            break;
        case FetchResult::tls_error:
            response.error = fmt::format(
                "TLS with {} failed, its certificate isn't accepted or the handshake "
                "broke: {}",
                quote(host), quote(text, CURL_ERROR_SIZE));
            break;
        default:
            response.error = fmt::format("no answer from {}: {}", quote(host), quote(text, CURL_ERROR_SIZE));
    }
    return response;
}

HttpResponse HttpClient::Transfer::judge_status() {
    HttpResponse response;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200 || status == 304) {
        response.result = status == 200 ? FetchResult::ok : FetchResult::not_modified;
        response.lifetime_s = freshness_lifetime(response_header("Cache-Control"), response_header("Age"));
        response.etag = response_header("ETag");
        if (status == 200) response.body = std::move(body);
        return response;
    }
    response.result = FetchResult::http_status;
    response.error = fmt::format("HTTP status {}", status);
    if (status >= 300 && status < 400) {
        response.error += fmt::format(" to {} (redirects aren't followed: configure the final address)",
                                      quote(response_header("Location")));
    }
    return response;
}

HttpClient::HttpClient(Wakeup &wakeup, HttpBounds bounds)
    : wakeup_(wakeup), bounds_(bounds), multi_(curl_multi_init()) {
    if (multi_ == nullptr) throw std::bad_alloc();
    curl_multi_setopt(static_cast<CURLM *>(multi_), quick_exit_of_multi, 1L);
}

HttpClient::~HttpClient() {
    while (!transfers_.empty()) cancel(transfers_.begin()->first);
    curl_multi_cleanup(static_cast<CURLM *>(multi_));
}

void HttpClient::start(Id id, HttpRequest request) {
    auto transfer = std::make_unique<Transfer>();
    transfer->prepare(request, bounds_);
    if (!transfer->lacks_option) {
        const auto entry = transfers_.emplace(id, std::move(transfer)).first;
        if (curl_multi_add_handle(static_cast<CURLM *>(multi_), entry->second->easy) == CURLM_OK) return;
        transfers_.erase(entry);
    }
    Completed failed{id, {}};
    failed.response.error = "this libcurl lacks an option that a safe fetch needs";
    completed_.push_back(std::move(failed));
}

void HttpClient::cancel(Id id) noexcept {
    const auto entry = transfers_.find(id);
    if (entry == transfers_.end()) return;
    curl_multi_remove_handle(static_cast<CURLM *>(multi_), entry->second->easy);
    transfers_.erase(entry);
}

void HttpClient::collect() {
    auto *multi = static_cast<CURLM *>(multi_);
    int left = 0;
    while (CURLMsg *message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL *easy = message->easy_handle;
        const CURLcode code = message->data.result;
        const auto entry = std::find_if(transfers_.begin(), transfers_.end(),
                                        [easy](const auto &item) { return item.second->easy == easy; });
        if (entry == transfers_.end()) continue;
        Completed done{entry->first, entry->second->finish(code, bounds_)};
        curl_multi_remove_handle(multi, easy);
        transfers_.erase(entry);
        completed_.push_back(std::move(done));
    }
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
