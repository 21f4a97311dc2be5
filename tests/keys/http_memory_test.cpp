// A fetch while memory is short: whichever allocation fails, there is a response or an exception, and the next fetch
// is as good as ever.
#include "failing_malloc.hpp"
#include "gzip.hpp"
#include "keys/http_client.hpp"
#include "raw_server.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

constexpr std::chrono::seconds patience{60};

struct Outcome {
    bool started = true;
    std::optional<HttpResponse> response;
};

/// Waits for the response; exceptions of wait() are taken as a thread would that tries again.
Outcome fetch(HttpClient &client, const HttpRequest &request) {
    const AllocationsCount count;
    Outcome outcome;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    try {
        client.start(7, request);
    } catch (const std::exception &) {
        outcome.started = false;
        return outcome;
    }
    while (!outcome.response && std::chrono::steady_clock::now() < deadline) {
        try {
            std::vector<Transport::Completed> done = client.wait(100);
            if (!done.empty()) outcome.response = std::move(done.front().response);
        } catch (const std::exception &) {
            continue;
        }
    }
    return outcome;
}

class HttpMemory : public testing::Test {
  protected:
    HttpMemory() { initialise_curl(); }

    /// The number of allocations of one fetch that ends with `expected`; each `stride`-th failed once.
    long sweep(const std::string &answer, FetchResult expected, Allocator whose, long stride) {
        const RawServer server(answer);
        HttpRequest request;
        request.url = server.url();
        request.ca_pem = std::make_shared<const std::string>(server.ca_pem());
        request.etag = "\"an-entity-tag-that-needs-memory-of-its-own\"";
        request.bearer_token = "a-token-that-needs-memory-of-its-own-too";
        for (long n = 1;; n += stride) {
            SCOPED_TRACE(n);
            HttpClient client(wakeup);
            fail_allocation(whose, n);
            const Outcome outcome = fetch(client, request);
            const bool failed = allocation_failed();
            fail_allocation(whose, 0);
            if (outcome.started) {
                EXPECT_TRUE(outcome.response) << "a fetch is lost";
                const bool well = outcome.response && outcome.response->result == expected;
                EXPECT_TRUE(well || !outcome.response || !outcome.response->error.empty());
                if (well) expect_whole(*outcome.response);
            }
            const Outcome next = fetch(client, request);
            EXPECT_TRUE(next.response && next.response->result == expected)
                << "the fetch after it: " << (next.response ? next.response->error : "none");
            if (!failed || HasFailure()) return n;
        }
    }

    static void expect_whole(const HttpResponse &response) {
        EXPECT_EQ(response.body, response.result == FetchResult::ok ? body : "");
        EXPECT_EQ(response.etag, "\"another-entity-tag-that-needs-memory\"");
        EXPECT_EQ(response.lifetime_s, 3'600);
    }

    static constexpr const char *body = R"({"keys":[]})";
    static constexpr const char *headers =
        "ETag: \"another-entity-tag-that-needs-memory\"\r\n"
        "Cache-Control: public, max-age=3600, stale-if-error=86400\r\n";
    const std::string as_it_is = response_200(body, headers);
    const std::string compressed =
        response_200(gzip(body), std::string("Content-Encoding: gzip\r\n") + headers);
    const std::string unchanged = "HTTP/1.1 304 Not Modified\r\n" + std::string(headers) + "\r\n";
    Wakeup wakeup;
};

TEST_F(HttpMemory, EveryAllocationOfOursAndOfLibcurlsMayFail) {
    EXPECT_GT(sweep(as_it_is, FetchResult::ok, Allocator::everybody_elses, 1), 50);
}

TEST_F(HttpMemory, SoMayThoseOfAGzipBody) {
    EXPECT_GT(sweep(compressed, FetchResult::ok, Allocator::everybody_elses, 1), 50);
}

TEST_F(HttpMemory, SoMayThoseOfA304) {
    EXPECT_GT(sweep(unchanged, FetchResult::not_modified, Allocator::everybody_elses, 1), 50);
}

TEST_F(HttpMemory, OpensslsAllocationsMayFail) {
    EXPECT_GT(sweep(as_it_is, FetchResult::ok, Allocator::openssls, 97), 500);
}

}  // namespace
}  // namespace tokenward::keys
