// The examples of RFC 7515, 7520, 7638 and 8037.
#include "jose_helpers.hpp"
#include "rfc_vectors.hpp"

#include <gtest/gtest.h>

namespace tokenward::jose {

TEST(Rfc, SignedExamplesVerify) {
    for (const Vector &vector : signed_vectors) {
        const auto key = make_key(vector.jwk);
        ASSERT_TRUE(key) << vector.what;
        EXPECT_EQ(check_token(vector.token, *key), "valid") << vector.what;
    }
}

TEST(Rfc, NoneVerifiesUnderTheKeyOfAnother) {
    for (const Vector &token : signed_vectors) {
        for (const Vector &other : signed_vectors) {
            const auto key = make_key(other.jwk);
            ASSERT_TRUE(key);
            if (std::string(token.jwk) == other.jwk) continue;
            EXPECT_NE(check_token(token.token, *key), "valid") << token.what << " with " << other.what;
        }
    }
}

TEST(Rfc, HmacAndNoneAreRefused) {
    const auto key = make_key(rfc7515_a2.jwk);
    ASSERT_TRUE(key);
    EXPECT_EQ(check_token(rfc7515_a1, *key), "ALGORITHM_NOT_ALLOWED");
    EXPECT_EQ(check_token(rfc7515_a5, *key), "ALGORITHM_NOT_ALLOWED");
}

TEST(Rfc, Thumbprint) {
    const auto key = make_key(rfc7638_jwk);
    ASSERT_TRUE(key);
    EXPECT_EQ(thumbprint_text(*key), rfc7638_thumbprint);
    EXPECT_EQ(key->kid(), "2011-04-29");
    EXPECT_EQ(key->algorithm(), Algorithm::RS256);
    EXPECT_EQ(key->type(), "RSA 2048");

    const auto ed25519 = make_key(rfc8037_a4.jwk);
    ASSERT_TRUE(ed25519);
    EXPECT_EQ(thumbprint_text(*ed25519),
              "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");  // RFC 8037 appendix A.3
}

// Every bit of every segment is tried. The last character of a segment can have unused bits: canonical
// base64url refuses a change there.
TEST(Rfc, AFlippedBitIsNeverAccepted) {
    for (const Vector &vector : signed_vectors) {
        const auto key = make_key(vector.jwk);
        ASSERT_TRUE(key);
        std::string token = vector.token;
        for (std::size_t i = 0; i < token.size(); ++i) {
            for (unsigned bit = 0; bit < 8; ++bit) {
                token[i] = static_cast<char>(token[i] ^ (1 << bit));
                EXPECT_NE(check_token(token, *key), "valid")
                    << vector.what << ", bit " << bit << " of byte " << i;
                token[i] = static_cast<char>(token[i] ^ (1 << bit));
            }
        }
        EXPECT_EQ(check_token(token, *key), "valid") << vector.what << ": the key is as good as before";
    }
}

}  // namespace tokenward::jose
