#include "base/base64.hpp"
#include "jose_helpers.hpp"
#include "support/token_mint.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::jose {
using support::JsonObject;
using support::jwks;
using support::TestKey;

KeySet parse(const std::vector<JsonObject> &keys) {
    KeySet::Notes notes;
    auto set = KeySet::parse(jwks(keys), notes);
    EXPECT_TRUE(set) << set.error().detail;
    return set ? *std::move(set) : KeySet();
}

TEST(KeySet, RefusesWhatIsNoSet) {
    struct Row {
        std::string json;
        const char *detail;
    };
    const Row rows[] = {
        {"", "the key set isn't strict JSON: no JSON value"},
        {"\n<html>", "the key set is HTML, not JSON"},
        {"keys", "the key set isn't strict JSON: not a JSON value"},
        {"{\"keys\":[]", "the key set isn't strict JSON: a comma or } is missing"},
        {"{\"keys\":[],\"keys\":[]}", "the key set isn't strict JSON: duplicate member \"keys\""},
        {"[]", "the key set isn't a JSON object"},
        {"null", "the key set isn't a JSON object"},
        {"{}", "the key set has no member keys"},
        {"{\"Keys\":[]}", "the key set has no member keys"},
        {"{\"keys\":{}}", "the key set's keys isn't an array"},
        {"{\"keys\":null}", "the key set's keys isn't an array"},
        {"{\"keys\":[1]}", "the key set has no usable key: key 1 is not usable: it isn't a JSON object"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}",
         "the key set has no usable key: key 1 is not for us: kty is \"oct\""},
    };
    for (const Row &row : rows) {
        KeySet::Notes notes;
        const auto set = KeySet::parse(row.json, notes);
        ASSERT_FALSE(set) << row.json;
        EXPECT_EQ(set.error().reason, Reason::KEYS_UNAVAILABLE);
        EXPECT_EQ(set.error().detail.substr(0, std::string(row.detail).size()), row.detail) << row.json;
        EXPECT_FALSE(notes.well_formed_and_empty) << row.json;
    }
}

TEST(KeySet, AnEmptyOneIsASet) {
    KeySet::Notes notes;
    const auto set = KeySet::parse(R"({"keys":[],"other":1})", notes);
    ASSERT_TRUE(set);
    EXPECT_TRUE(set->keys().empty());
    EXPECT_TRUE(notes.well_formed_and_empty);
    EXPECT_EQ(set->select(Algorithm::RS256, "a", "").error().reason, Reason::UNKNOWN_KEY);
    EXPECT_EQ(set->select(Algorithm::RS256, {}, "").error().reason, Reason::NO_KEY_ID);
}

TEST(KeySet, AByteOrderMarkIsSkipped) {
    KeySet::Notes notes;
    EXPECT_TRUE(KeySet::parse("\xEF\xBB\xBF" + jwks({TestKey::shared("RS256").jwk("a")}), notes));
    EXPECT_FALSE(KeySet::parse("\xEF\xBB\xBF\xEF\xBB\xBF" + jwks({TestKey::shared("RS256").jwk("a")}), notes));
}

TEST(KeySet, WhatIsBrokenOrNotForUsDoesntSpoilTheOthers) {
    const JsonObject good = TestKey::shared("RS256").jwk("good");
    KeySet::Notes notes;
    const std::string json = "{\"keys\":[null," + good.json() +
                             R"(,{"kty":"oct","kid":"h"},{"kty":"RSA","kid":"b\n"},)" +
                             JsonObject(good).string("use", "enc").string("kid", "e").json() + "," +
                             JsonObject(good).string("kid", "leaked").string("d", "AQAB").json() + "]}";
    const auto set = KeySet::parse(json, notes);
    ASSERT_TRUE(set);
    EXPECT_EQ(set->keys().size(), 2U);
    EXPECT_EQ(notes.warnings,
              (std::vector<std::string>{
                  "key 1 is not usable: it isn't a JSON object",
                  "key 4 (kid \"b\\n\") is not usable: it has no n",
                  "key 6 (kid \"leaked\") shows its private part (d): whoever reads the set can make tokens",
              }));
    EXPECT_EQ(notes.debug, (std::vector<std::string>{
                               "key 3 (kid \"h\") is not for us: kty is \"oct\"",
                               "key 5 (kid \"e\") is not for us: use is \"enc\"",
                           }));
    EXPECT_FALSE(notes.well_formed_and_empty);
}

TEST(KeySet, NamesAFewOfManyThatAreNotUsable) {
    std::string json = R"({"keys":[)";
    for (int i = 0; i < 499; ++i) json += R"({"kty":"RSA"},{"kty":"oct"},)";
    KeySet::Notes notes;
    const auto set = KeySet::parse(json + TestKey::shared("EdDSA").jwk("k").json() + "]}", notes);
    ASSERT_TRUE(set);
    EXPECT_EQ(set->keys().size(), 1U);
    for (const auto *lines : {&notes.warnings, &notes.debug}) {
        EXPECT_EQ(lines->size(), KeySet::Notes::most_named + 1);
        EXPECT_EQ(lines->back(), "and 491 more such notes on keys");
    }
}

TEST(KeySet, ReadsAThousandKeysAndNoMore) {
    std::vector<JsonObject> keys;
    keys.reserve(1005);
    for (int i = 0; i < 1005; ++i) keys.push_back(TestKey::shared("EdDSA").jwk("k" + std::to_string(i)));
    KeySet::Notes notes;
    const auto set = KeySet::parse(jwks(keys), notes);
    ASSERT_TRUE(set);
    EXPECT_EQ(set->keys().size(), 1000U);
    EXPECT_EQ(notes.warnings, std::vector<std::string>{"keys past the first 1000 are not read"});
    EXPECT_TRUE(set->select(Algorithm::EdDSA, "k999", ""));
    EXPECT_FALSE(set->select(Algorithm::EdDSA, "k1000", ""));
}

// Rule 4. Keys are named by kid and a digit for their material.
TEST(KeySet, Selects) {
    const JsonObject rs1 = TestKey::shared("RS256", 0).jwk("");
    const JsonObject rs2 = TestKey::shared("RS256", 1).jwk("");
    const JsonObject es1 = TestKey::shared("ES256", 0).jwk("");
    const JsonObject es2 = TestKey::shared("ES256", 1).jwk("");
    const auto named = [](JsonObject jwk, const char *kid, const char *alg = nullptr) {
        jwk.string("kid", kid);
        if (alg != nullptr) jwk.string("alg", alg);
        return jwk;
    };
    const std::string one = thumbprint_text(*make_key(rs1.json()));
    const std::string two = thumbprint_text(*make_key(rs2.json()));
    const std::string ec = thumbprint_text(*make_key(es1.json()));
    using Kid = std::optional<std::string_view>;
    struct Row {
        const char *what;
        std::vector<JsonObject> keys;
        Algorithm algorithm;
        Kid kid;
        const char *default_key;
        std::string outcome;
    };
    const Row rows[] = {
        {"the kid's key", {named(rs1, "a"), named(rs2, "b")}, Algorithm::RS256, "b", "", two},
        {"no such kid", {named(rs1, "a")}, Algorithm::RS256, "b", "", "UNKNOWN_KEY"},
        {"a prefix is no match", {named(rs1, "ab")}, Algorithm::RS256, "a", "", "UNKNOWN_KEY"},
        {"kids are exact in case", {named(rs1, "A")}, Algorithm::RS256, "a", "", "UNKNOWN_KEY"},
        {"a key without kid isn't asked", {rs1}, Algorithm::RS256, "a", "", "UNKNOWN_KEY"},
        {"a kid given doesn't fall back to default_key",
         {named(rs1, "a")},
         Algorithm::RS256,
         "b",
         "a",
         "UNKNOWN_KEY"},
        {"the kid's key has another alg",
         {named(rs1, "a", "RS256")},
         Algorithm::PS256,
         "a",
         "",
         "ALGORITHM_MISMATCH"},
        {"the kid's key is of another type",
         {named(es1, "a")},
         Algorithm::RS256,
         "a",
         "",
         "ALGORITHM_MISMATCH"},
        {"another key would fit",
         {named(es1, "a"), named(rs1, "b")},
         Algorithm::RS256,
         "a",
         "",
         "ALGORITHM_MISMATCH"},
        {"one kid, two types: the one that fits",
         {named(rs1, "a"), named(es1, "a")},
         Algorithm::ES256,
         "a",
         "",
         ec},
        {"one kid, two algs",
         {named(rs1, "a", "RS256"), named(rs2, "a", "PS256")},
         Algorithm::PS256,
         "a",
         "",
         two},
        {"identical duplicates", {named(rs1, "a"), named(rs1, "a")}, Algorithm::RS256, "a", "", one},
        {"the same key with and without alg",
         {named(rs1, "a"), named(rs1, "a", "RS256")},
         Algorithm::RS256,
         "a",
         "",
         one},
        {"two different keys fit",
         {named(rs1, "a"), named(rs2, "a")},
         Algorithm::RS256,
         "a",
         "",
         "AMBIGUOUS_KEY"},
        {"the empty kid is a kid", {named(rs1, ""), named(rs2, "b")}, Algorithm::RS256, "", "b", one},
        {"the empty kid isn't none", {rs1}, Algorithm::RS256, "", "", "UNKNOWN_KEY"},
        {"no kid, one key", {named(rs1, "a")}, Algorithm::RS256, {}, "", one},
        {"no kid, the only one that fits", {named(es1, "a"), rs2}, Algorithm::RS256, {}, "", two},
        {"no kid, the same key under two names",
         {named(rs1, "a"), named(rs1, "b")},
         Algorithm::RS256,
         {},
         "",
         one},
        {"no kid, two fit", {rs1, rs2}, Algorithm::RS256, {}, "", "NO_KEY_ID"},
        {"no kid, none fits", {named(rs1, "a"), es2}, Algorithm::ES384, {}, "", "NO_KEY_ID"},
        {"no kid, default_key", {named(rs1, "a"), named(rs2, "b")}, Algorithm::RS256, {}, "b", two},
        {"no kid, default_key isn't there", {named(rs1, "a")}, Algorithm::RS256, {}, "b", "UNKNOWN_KEY"},
        {"no kid, default_key of another type",
         {named(es1, "a"), rs1},
         Algorithm::RS256,
         {},
         "a",
         "ALGORITHM_MISMATCH"},
    };
    for (const Row &row : rows) {
        const KeySet set = parse(row.keys);
        const auto key = set.select(row.algorithm, row.kid, row.default_key);
        EXPECT_EQ(key ? thumbprint_text(**key) : reason_name(key.error().reason), row.outcome) << row.what;
    }
}

TEST(KeySet, RefusalsSayWhatWasLookedFor) {
    const KeySet set = parse({TestKey::shared("ES256", 0).jwk("a"), TestKey::shared("ES256", 1).jwk("a")});
    EXPECT_EQ(set.select(Algorithm::RS256, "x\n", "").error().detail, "no key has the token's kid \"x\\n\"");
    EXPECT_EQ(set.select(Algorithm::RS256, {}, "d").error().detail,
              "no key has the configured default_key \"d\"");
    EXPECT_EQ(set.select(Algorithm::RS256, "a", "").error().detail,
              "alg is RS256, the key \"a\" is of type P-256");
    const KeySet rs512 = parse({TestKey::shared("RS256", 0).jwk("k1").string("alg", "RS512")});
    EXPECT_EQ(rs512.select(Algorithm::RS256, "k1", "").error().detail,
              "alg is RS256, the key \"k1\" is for RS512");
    EXPECT_EQ(set.select(Algorithm::ES256, "a", "").error().detail,
              "several keys have the kid \"a\" and fit ES256");
    EXPECT_EQ(set.select(Algorithm::ES256, {}, "").error().detail,
              "the token has no kid, and several keys fit its alg ES256: \"a\", \"a\"");
    EXPECT_EQ(set.select(Algorithm::RS256, {}, "").error().detail,
              "the token has no kid, and no key fits its alg RS256");
}

TEST(KeySet, ComparesAndContains) {
    const JsonObject a = TestKey::shared("RS256", 0).jwk("a");
    const JsonObject b = TestKey::shared("ES256", 0).jwk("b");
    const KeySet set = parse({a, b});
    EXPECT_TRUE(set.same_keys(parse({b, a, a})));
    EXPECT_FALSE(set.same_keys(parse({a})));
    EXPECT_FALSE(set.same_keys(parse({a, TestKey::shared("ES256", 1).jwk("b")})));
    EXPECT_TRUE(set.contains(*make_key(a.json())));
    EXPECT_FALSE(set.contains(*make_key(JsonObject(a).string("kid", "c").json()))) << "another kid";
    EXPECT_FALSE(set.contains(*make_key(JsonObject(a).remove("kid").json()))) << "no kid";
    EXPECT_FALSE(set.contains(*make_key(JsonObject(a).string("alg", "RS256").json()))) << "bound to an alg";
    EXPECT_FALSE(set.contains(*make_key(TestKey::shared("RS256", 1).jwk("a").json()))) << "a kid used again";
}

}  // namespace tokenward::jose
