// A guest in the process: the host's OpenSSL errors and errno stay as they were.
#include "jose/crypto.hpp"

#include "jose_helpers.hpp"
#include "rfc_vectors.hpp"
#include "support/token_mint.hpp"

#include <cerrno>
#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <openssl/err.h>

namespace tokenward::jose {
using support::TestKey;

constexpr int planted_reason = 101;

void plant() {
    ERR_put_error(ERR_LIB_USER, 0, planted_reason, "host.c", 1);
}

/// The planted errors and nothing else, oldest first.
void expect_only_planted(int count, const char *what) {
    for (int i = 0; i < count; ++i) {
        const unsigned long error = ERR_get_error();
        EXPECT_EQ(ERR_GET_LIB(error), ERR_LIB_USER) << what;
        EXPECT_EQ(ERR_GET_REASON(error), planted_reason) << what;
    }
    EXPECT_EQ(ERR_get_error(), 0U) << what << " left an error behind";
}

TEST(ErrorQueue, EveryCallLeavesItAsItWas) {
    const TestKey &rsa = TestKey::shared("RS256");
    const TestKey &ec = TestKey::shared("ES256");
    const TestKey &ed = TestKey::shared("EdDSA");
    const std::string off_curve = ec.jwk("k").string("y", base64url_encode(std::string(32, '\x01'))).json();
    ERR_clear_error();
    struct Row {
        const char *what;
        std::function<void()> call;
    };
    const auto rsa_key = make_key(rsa.jwk("k").json());
    const auto ec_key = make_key(ec.jwk("k").json());
    const auto ed_key = make_key(ed.jwk("k").json());
    ERR_clear_error();
    const Row rows[] = {
        {"available_algorithms", [] { EXPECT_TRUE(available_algorithms()); }},
        {"an RSA key", [&] { EXPECT_TRUE(make_key(rsa.jwk("k").json())); }},
        {"a point off the curve", [&] { EXPECT_NE(verdict_on(off_curve), "usable"); }},
        {"a broken RS256 signature", [&] { rsa_key->verify(Algorithm::RS256, "a.b", std::string(256, 'x')); }},
        {"an RS256 signature past the modulus",
         [&] { rsa_key->verify(Algorithm::RS256, "a.b", std::string(256, '\xff')); }},
        {"a broken PS256 signature", [&] { rsa_key->verify(Algorithm::PS256, "a.b", std::string(256, 'x')); }},
        {"a broken ES256 signature", [&] { ec_key->verify(Algorithm::ES256, "a.b", std::string(64, 'x')); }},
        {"an ES256 signature of zeros",
         [&] { ec_key->verify(Algorithm::ES256, "a.b", std::string(64, '\0')); }},
        {"a broken EdDSA signature", [&] { ed_key->verify(Algorithm::EdDSA, "a.b", std::string(64, 'x')); }},
        {"an algorithm that doesn't fit",
         [&] { ed_key->verify(Algorithm::RS256, "a.b", std::string(64, 'x')); }},
        {"a valid signature", [] { check_token(rfc7515_a2.token, *make_key(rfc7515_a2.jwk)); }},
        {"a key set",
         [&] {
             KeySet::Notes notes;
             EXPECT_FALSE(KeySet::parse("{\"keys\":[" + off_curve + "]}", notes));
         }},
    };
    for (const Row &row : rows) {
        for (const int planted : {0, 1, 3}) {
            for (int i = 0; i < planted; ++i) plant();
            errno = ENOTTY;
            row.call();
            EXPECT_EQ(errno, ENOTTY) << row.what;
            expect_only_planted(planted, row.what);
        }
    }
}

TEST(ErrorQueue, GuardsNestAndKeepTheHostsMarks) {
    ERR_clear_error();
    plant();
    ASSERT_EQ(ERR_set_mark(), 1);  // the host is in the middle of something of its own
    plant();
    {
        const ErrorQueueGuard outer;
        plant();
        {
            const ErrorQueueGuard inner;
            plant();
            plant();
        }
        plant();
        errno = EBADF;
    }
    ASSERT_EQ(ERR_pop_to_mark(), 1);
    expect_only_planted(1, "the guards");
}

TEST(ErrorQueue, ErrnoComesBack) {
    errno = EPIPE;
    {
        const ErrorQueueGuard guard;
        errno = ENOENT;
    }
    EXPECT_EQ(errno, EPIPE);
}

TEST(Algorithms, AllAreAvailableHere) {
    const auto available = available_algorithms();
    ASSERT_TRUE(available) << available.error().detail;
    EXPECT_EQ(*available, AlgorithmSet::all());
}

TEST(Algorithms, NamesAreExact) {
    for (std::size_t i = 0; i < algorithm_count; ++i) {
        const auto algorithm = static_cast<Algorithm>(i);
        EXPECT_EQ(parse_algorithm(algorithm_name(algorithm)), algorithm);
    }
    for (const char *name :
         {"", "none", "HS256", "rs256", "RS256 ", "RS2567", "RS25", "EDDSA", "ed25519", "Ed448", "ES256K"}) {
        EXPECT_FALSE(parse_algorithm(name)) << name;
    }
    EXPECT_EQ(parse_algorithm("Ed25519"), Algorithm::EdDSA) << "RFC 9864";
}

TEST(Algorithms, Sets) {
    AlgorithmSet set = AlgorithmSet::none();
    EXPECT_TRUE(set.empty());
    set.add(Algorithm::ES256);
    EXPECT_TRUE(set.contains(Algorithm::ES256));
    EXPECT_FALSE(set.contains(Algorithm::ES384));
    set.remove(Algorithm::ES256);
    EXPECT_TRUE(set.empty());
    EXPECT_TRUE(AlgorithmSet::all().contains(Algorithm::EdDSA));
}

}  // namespace tokenward::jose
