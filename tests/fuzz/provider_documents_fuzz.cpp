// What a provider, or whoever wrote the cache file, can make us read: discovery documents, Cache-Control and
// Age, Retry-After, encodings, cache files, answers about tokens and for them. The first byte chooses.
#include "bounded.hpp"
#include "config/url.hpp"
#include "fuzz_check.hpp"
#include "introspection/answer.hpp"
#include "introspection/endpoint.hpp"
#include "keys/cache_file.hpp"
#include "keys/discovery.hpp"
#include "keys/freshness.hpp"
#include "keys/http_coding.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace tokenward::keys;

constexpr std::int64_t now = 1'700'000'000;
constexpr tokenward::fuzz::Limit limit{262'144, 512, 40'000, 2000};
constexpr const char *issuer = "https://i";

void read_discovery(std::string_view text) {
    const auto uri = read_discovery_document(text, {issuer});
    if (uri) {
        FUZZ_CHECK(tokenward::config::is_https_url(*uri));
        FUZZ_CHECK(uri->find('@') == std::string::npos || uri->find('/', 8) < uri->find('@') ||
                   uri->find('?') < uri->find('@') || uri->find('#') < uri->find('@'));
    } else {
        FUZZ_CHECK(!uri.error().detail.empty());
    }
}

void read_headers(std::string_view text) {
    const std::size_t cut = text.find('\n');
    const std::string_view age = cut == std::string_view::npos ? std::string_view{} : text.substr(cut + 1);
    const auto alone = freshness_lifetime(text.substr(0, cut), {});
    const auto aged = freshness_lifetime(text.substr(0, cut), age);
    FUZZ_CHECK(alone.has_value() == aged.has_value());
    if (alone) FUZZ_CHECK(*aged >= 0 && *aged <= *alone);
}

void read_retry_after(std::string_view text) {
    const auto seconds = retry_after(text, now);
    FUZZ_CHECK(!seconds || (*seconds > 0 && *seconds <= 86'400));
    // The later it is, the less is left.
    const auto later = retry_after(text, now + 10);
    FUZZ_CHECK(!later || (seconds && *later <= *seconds));
}

/// What libcurl 8 can decode beside gzip is in no line that is taken.
void read_encoding(std::string_view text) {
    names_another_coding(text);
    for (const std::string name : {"content-encoding:", "Transfer-Encoding:"}) {
        if (names_another_coding(name + std::string(text))) continue;
        for (const std::string_view other : {"br", "zstd", "deflate", "compress"})
            FUZZ_CHECK(text.find(other) == std::string_view::npos);
        FUZZ_CHECK(names_another_coding(name + std::string(text) + ",br\r\n"));
    }
}

void read_cache(std::string_view text) {
    for (const char *configured : {"", "https://i/keys"}) {
        const auto keys = parse_cache(text, {issuer, configured, 86'400, now});
        if (!keys) {
            FUZZ_CHECK(!keys.error().detail.empty());
            continue;
        }
        FUZZ_CHECK(keys->fetched_at <= now && keys->fetched_at >= now - 86'400);
        FUZZ_CHECK(keys->discovered ? tokenward::config::is_https_url(keys->jwks_uri)
                                    : keys->jwks_uri == configured);
    }
}

using tokenward::introspection::Answer;

/// A yes is an object that says active: true, once.
void read_introspection(std::string_view text) {
    const auto answer = tokenward::introspection::read_answer(std::string(text));
    if (!answer) {
        FUZZ_CHECK(!answer.error().detail.empty());
        return;
    }
    FUZZ_CHECK(answer->kind != Answer::Kind::failed);
    if (answer->kind != Answer::Kind::active) return;
    FUZZ_CHECK(answer->content == text);
    FUZZ_CHECK(text.find("true") != std::string_view::npos);
}

void read_token(std::string_view text) {
    const auto answer = tokenward::introspection::read_token_answer(std::string(text));
    FUZZ_CHECK(answer ? answer->kind == Answer::Kind::active && !answer->content.empty() : !answer.error().detail.empty());
    if (answer) FUZZ_CHECK(answer->lifetime_s >= 0 && answer->lifetime_s <= 86'400);
    const auto error = tokenward::introspection::read_token_error(std::string(text), "s3cret");
    FUZZ_CHECK(!error || (error->kind == Answer::Kind::inactive && error->problem.size() <= 2048 &&
                          error->problem.find('\n') == std::string::npos));
}

void read_endpoints(std::string_view text) {
    using tokenward::introspection::Purpose;
    for (const Purpose purpose : {Purpose::introspection, Purpose::client_credentials}) {
        const auto endpoint = tokenward::introspection::read_endpoint(text, {issuer}, purpose);
        FUZZ_CHECK(endpoint ? is_own_host(endpoint->url, {issuer}) : !endpoint.error().detail.empty());
    }
}

void read(std::uint8_t kind, std::string_view text) {
    switch (kind) {
        case 'd':
            read_discovery(text);
            break;
        case 'h':
            read_headers(text);
            break;
        case 'r':
            read_retry_after(text);
            break;
        case 'e':
            read_encoding(text);
            break;
        case 'c':
            read_cache(text);
            break;
        case 'i':
            read_introspection(text);
            break;
        case 't':
            read_token(text);
            break;
        case 'p':
            read_endpoints(text);
            break;
        default:
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
    tokenward::fuzz::bounded("document", limit, size, [&] { read(data[0], text); });
    return 0;
}
