// Since when a key is asked for: what is one key, what counts as new, what is forgotten.
#include "keys/unknown_keys.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

using jose::Algorithm;

class UnknownKeysTest : public testing::Test {
  protected:
    std::uint64_t ask(const std::string &kid, std::uint64_t begun, std::uint64_t outdated = 0) {
        return keys.first_asked(Algorithm::EdDSA, kid, begun, outdated);
    }
    void flood(std::size_t kids, std::uint64_t begun) {
        for (std::size_t i = 0; i < kids; ++i) ask("made-up-" + std::to_string(i), begun);
    }

    UnknownKeys keys;
};

TEST_F(UnknownKeysTest, RemembersTheFirstQuestion) {
    EXPECT_EQ(ask("k1", 3), 3U);
    EXPECT_EQ(ask("k1", 5), 3U);
}

TEST_F(UnknownKeysTest, EachKidWithEachAlgorithmIsAKeyOfItsOwn) {
    const struct {
        Algorithm algorithm;
        std::optional<std::string_view> kid;
    } rows[] = {{Algorithm::EdDSA, "k1"},  {Algorithm::EdDSA, "k2"}, {Algorithm::ES256, "k1"},
                {Algorithm::EdDSA, ""},    {Algorithm::EdDSA, {}},   {Algorithm::ES256, {}},
                {Algorithm::EdDSA, "=k1"}, {Algorithm::EdDSA, "="},  {Algorithm::EdDSA, "K1"}};
    std::uint64_t begun = 1;
    for (const auto &row : rows) {
        EXPECT_EQ(keys.first_asked(row.algorithm, row.kid, begun, 0), begun);
        ++begun;
    }
    std::uint64_t first = 1;
    for (const auto &row : rows) EXPECT_EQ(keys.first_asked(row.algorithm, row.kid, begun, 0), first++);
}

TEST_F(UnknownKeysTest, AKeyWhoseEvidenceIsOutdatedIsAsNew) {
    ask("k1", 3);
    EXPECT_EQ(ask("k1", 6, 3), 3U) << "fetch 3 is no evidence for it";
    EXPECT_EQ(ask("k1", 6, 4), 6U);
    EXPECT_EQ(ask("k1", 7, 4), 6U);
}

TEST_F(UnknownKeysTest, WhatMadeUpKidsPushedOutIsAsNew) {
    ask("k1", 3);
    flood(UnknownKeys::capacity * 8, 3);
    EXPECT_EQ(ask("k1", 4), 4U);
}

TEST_F(UnknownKeysTest, AFewThousandKidsFit) {
    flood(1'000, 3);
    int remembered = 0;
    for (int i = 0; i < 1'000; ++i) remembered += ask("made-up-" + std::to_string(i), 4) == 3 ? 1 : 0;
    EXPECT_GE(remembered, 980) << "a bucket may be full, by chance";
}

TEST_F(UnknownKeysTest, TheLongestAskedForGoesFirst) {
    flood(UnknownKeys::capacity * 8, 3);
    ask("k1", 4);
    flood(UnknownKeys::capacity * 8, 3);
    EXPECT_EQ(ask("k1", 5), 4U);
}

}  // namespace
}  // namespace tokenward::keys
