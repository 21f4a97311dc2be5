#include "support/token_mint.hpp"

#include <gtest/gtest.h>

namespace tokenward::support {
namespace {

// RFC 4648 section 10, without the padding.
TEST(Base64Url, Vectors) {
    EXPECT_EQ(base64url_encode(""), "");
    EXPECT_EQ(base64url_encode("f"), "Zg");
    EXPECT_EQ(base64url_encode("fo"), "Zm8");
    EXPECT_EQ(base64url_encode("foo"), "Zm9v");
    EXPECT_EQ(base64url_encode("foob"), "Zm9vYg");
    EXPECT_EQ(base64url_encode("\xfb\xff\xbf"), "-_-_");
}

TEST(JsonObject, SetsInPlaceRemovesAndMerges) {
    JsonObject object;
    object.string("a", "x\"y").number("b", -3).boolean("c", true).strings("d", {"p", "q"});
    EXPECT_EQ(object.json(), R"({"a":"x\"y","b":-3,"c":true,"d":["p","q"]})");
    object.number("b", 4).remove("c");
    object.merge(JsonObject().raw("d", "").raw("e", "null"));
    EXPECT_EQ(object.json(), R"({"a":"x\"y","b":4,"e":null})");
}

class Algorithms : public testing::TestWithParam<const char *> {};

TEST_P(Algorithms, KeySurvivesPemAndSignsInTheSizeOfItsKind) {
    const std::string algorithm = GetParam();
    const TestKey &key = TestKey::shared(algorithm);
    const TestKey again = TestKey::from_pem(key.pem());
    EXPECT_EQ(again.jwk("k", algorithm).json(), key.jwk("k", algorithm).json());
    const std::string bytes = again.signature(algorithm, "some input");
    const std::size_t expected = key.kty() == "RSA"     ? 256
                                 : algorithm == "ES256" ? 64
                                 : algorithm == "ES384" ? 96
                                 : algorithm == "ES512" ? 132
                                                        : 64;
    EXPECT_EQ(bytes.size(), expected);
}

INSTANTIATE_TEST_SUITE_P(All, Algorithms,
                         testing::Values("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                                         "ES512", "EdDSA"));

TEST(TestKey, RefusesWhatItCannotSign) {
    EXPECT_THROW(TestKey::generate("HS256"), std::invalid_argument);
    EXPECT_THROW(TestKey::shared("ES256").signature("RS256", ""), std::invalid_argument);
    EXPECT_THROW(TestKey::shared("EdDSA").signature("none", ""), std::invalid_argument);
    EXPECT_THROW(TestKey::from_pem("nonsense"), std::invalid_argument);
}

}  // namespace
}  // namespace tokenward::support
