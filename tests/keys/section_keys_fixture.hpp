// One section's keys and its fetcher with the clock and the network in the test's hands.
#pragma once

#include "fakes.hpp"
#include "keys/fetcher.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace tokenward::keys {

inline constexpr const char *issuer = "https://provider.example/realm";
inline constexpr const char *jwks_uri = "https://provider.example/keys";
inline constexpr jose::Algorithm eddsa = jose::Algorithm::EdDSA;

inline std::string discovery(const std::string &said_issuer = issuer, const std::string &uri = jwks_uri) {
    return support::JsonObject().string("issuer", said_issuer).string("jwks_uri", uri).json();
}

/// No files.
inline SectionInput input_of(const config::Section &section) {
    return {section.name, section.issuer, section.tokens.issuer_aliases, section.keys, nullptr, std::nullopt};
}

class SectionKeysTest : public testing::Test {
  protected:
    SectionKeysTest() { use(section_of(issuer)); }

    void use(const config::Section &section) {
        keys = std::make_shared<SectionKeys>(clock, waiters, input_of(section), [] { return 0.5; });
        keys->start();
    }
    void round() { fetcher.round({keys}, 0); }
    /// Begins what is due, answers it, takes the answer in.
    template <class... Answer>
    void serve(Answer &&...answer) {
        round();
        transport.answer_with(std::forward<Answer>(answer)...);
        round();
    }
    /// The first keys.
    void begin_with(const std::string &set, const std::string &etag = {}) {
        serve(discovery());
        transport.answer_with(set, etag);
        round();
    }
    /// What comes doesn't help: the keys are asked for, then whether they have moved.
    void serve_fruitless(const std::string &set) {
        serve(set);
        transport.answer_with(discovery());
        round();
    }
    /// The next fetch on demand has to wait for min_refresh.
    void use_up_the_burst() {
        for (std::int64_t i = 0; i < Schedule::burst; ++i) {
            EXPECT_EQ(find_reason("burst-" + std::to_string(i)), Reason::NEW_KEY_PENDING);
            serve_fruitless(key_set({"k1"}));
        }
    }
    /// A fetch fails at both addresses.
    void fail(FetchResult result = FetchResult::http_status) {
        serve(result);
        transport.answer_with(result);
        round();
    }
    /// On to the next fetch by time.
    void until_due() { clock.advance_s(keys->status().next_fetch_in_s + 1); }

    Reason find_reason(const std::string &kid) {
        const Result<KeyRef> found = keys->find(eddsa, kid, "", 0);
        return found ? Reason::NONE : found.error().reason;
    }
    std::uint64_t fetches(FetchResult result) const {
        return keys->status().fetches.by_result[static_cast<std::size_t>(result)];
    }

    ManualClock clock;
    LogCapture log;
    FakeTransport &transport = *new FakeTransport;  // the fetcher's
    std::shared_ptr<KeyWaiters> waiters = std::make_shared<KeyWaiters>();
    Fetcher fetcher{clock, log.logger, Proxy{"http://proxy.example:3128", "internal.example"},
                    std::unique_ptr<Transport>(&transport)};
    std::shared_ptr<SectionKeys> keys;
};

}  // namespace tokenward::keys
