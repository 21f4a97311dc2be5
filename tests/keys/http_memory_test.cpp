// A fetch while memory is short: whichever allocation fails, there is a response or an exception, and the next fetch
// is as good as ever.
#include "failing_malloc.hpp"
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
    HttpMemory() {
        initialise_curl();
        request.url = server.url();
        request.ca_pem = std::make_shared<const std::string>(server.ca_pem());
        request.etag = "\"an-entity-tag-that-needs-memory-of-its-own\"";
        request.bearer_token = "a-token-that-needs-memory-of-its-own-too";
    }

    /// The number of allocations of one fetch; each `stride`-th failed once.
    long sweep(Allocator whose, long stride) {
        for (long n = 1;; n += stride) {
            SCOPED_TRACE(n);
            HttpClient client(wakeup);
            fail_allocation(whose, n);
            const Outcome outcome = fetch(client, request);
            const bool failed = allocation_failed();
            fail_allocation(whose, 0);
            if (outcome.started) {
                EXPECT_TRUE(outcome.response) << "a fetch is lost";
                const bool well = outcome.response && outcome.response->result == FetchResult::ok;
                EXPECT_TRUE(well || !outcome.response || !outcome.response->error.empty());
            }
            const Outcome next = fetch(client, request);
            EXPECT_TRUE(next.response && next.response->result == FetchResult::ok)
                << "the fetch after it: " << (next.response ? next.response->error : "none");
            if (!failed || HasFailure()) return n;
        }
    }

    RawServer server{response_200(R"({"keys":[]})",
                                  "ETag: \"another-entity-tag-that-needs-memory\"\r\n"
                                  "Cache-Control: public, max-age=3600, stale-if-error=86400\r\n")};
    HttpRequest request;
    Wakeup wakeup;
};

TEST_F(HttpMemory, EveryAllocationOfOursAndOfLibcurlsMayFail) {
    EXPECT_GT(sweep(Allocator::everybody_elses, 1), 50);
}

TEST_F(HttpMemory, OpensslsAllocationsMayFail) {
    EXPECT_GT(sweep(Allocator::openssls, 97), 500);
}

}  // namespace
}  // namespace tokenward::keys
