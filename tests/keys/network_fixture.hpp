// The fetcher's own thread and a real HTTPS server on loopback.
#pragma once

#include "base/base64.hpp"
#include "fakes.hpp"
#include "jose/jws.hpp"
#include "keys/fetcher.hpp"
#include "support/test_issuer.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace tokenward::keys {

using support::TestIssuer;
using Endpoint = TestIssuer::Endpoint;
using Fault = TestIssuer::Fault;
using Milliseconds = std::chrono::milliseconds;
inline constexpr std::int64_t long_wait_ms = 60'000;

/// Real time, but no test depends on how much: the condition comes or the test's own time limit does.
inline void wait_until(const std::function<bool()> &condition) {
    while (!condition()) std::this_thread::sleep_for(Milliseconds(2));
}

class FetcherTest : public testing::Test {
  protected:
    FetcherTest() : fetcher(std::move(Fetcher::create(SystemClock::instance(), log.logger).value())) {
        section = section_of(issuer.issuer());
        section.keys.ca_file = issuer.ca_file();
        section.keys.jwks_min_refresh_s = 1;
    }

    Result<std::shared_ptr<SectionKeys>> prepare(const config::Section &with) {
        FileNotes notes;
        Result<SectionInput> input = read_section_input(with, notes);
        return input ? fetcher->prepare(std::move(*input)) : pass_on(std::move(input));
    }
    std::shared_ptr<SectionKeys> begin(const config::Section &with) {
        Result<std::shared_ptr<SectionKeys>> keys = prepare(with);
        EXPECT_TRUE(keys) << keys.error().detail;
        fetcher->commit();
        return keys ? *keys : nullptr;
    }
    std::shared_ptr<SectionKeys> begin_with_keys() {
        std::shared_ptr<SectionKeys> keys = begin(section);
        EXPECT_TRUE(fetcher->wait_for_first_keys(long_wait_ms)) << log.text();
        return keys;
    }

    static std::size_t fetches_ended(const SectionKeys &keys) {
        const auto &results = keys.status().fetches.by_result;
        return std::accumulate(results.begin(), results.end(), std::size_t{0});
    }
    /// From here on time is in the test's hands, but for libcurl's own limits.
    void stop_the_clock() { fetcher = std::move(Fetcher::create(clock, log.logger).value()); }

    /// The outcome of one token: key found and signature good, or why not.
    static Reason check(SectionKeys &keys, const std::string &token, std::int64_t max_wait_ms,
                        std::int32_t *retry_after_ms = nullptr) {
        JsonDocument document;
        const auto jws = jose::CompactJws::split(token);
        const auto header = jose::Header::decode(jws->header, document);
        const Result<KeyRef> key = keys.find(header->algorithm, header->kid, "", max_wait_ms);
        if (!key) {
            if (retry_after_ms != nullptr) *retry_after_ms = key.error().retry_after_ms;
            return key.error().reason;
        }
        std::string signature(base64url_decoded_size(jws->signature.size()), '\0');
        signature.resize(*base64url_decode(jws->signature, signature.data()));
        if ((*key)->verify(header->algorithm, jws->signing_input, signature)) return Reason::NONE;
        keys.report_bad_signature();
        return Reason::BAD_SIGNATURE;
    }

    TestIssuer issuer;
    LogCapture log;
    ManualClock clock;
    std::unique_ptr<Fetcher> fetcher;
    config::Section section;
};

}  // namespace tokenward::keys
