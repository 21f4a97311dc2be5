// Rule 6: what a signature must be, algorithm by algorithm.
#include "jose_helpers.hpp"
#include "support/token_mint.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

namespace tokenward::jose {
using namespace std::string_literals;
using support::TestKey;

const char *const all_algorithms[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                      "PS512", "ES256", "ES384", "ES512", "EdDSA"};
const std::string input = "eyJhbGciOiJSUzI1NiJ9.cGF5bG9hZA";

std::shared_ptr<const Key> public_half(const TestKey &key) {
    return make_key(key.jwk("k").json());
}

bool verify(const Key &key, const char *algorithm, std::string_view signed_input,
            const std::string &signature) {
    // On the heap, with the exact size: AddressSanitizer sees a read behind the end.
    const auto copy = std::make_unique<char[]>(signature.size());
    std::copy(signature.begin(), signature.end(), copy.get());
    return key.verify(*parse_algorithm(algorithm), signed_input, {copy.get(), signature.size()});
}

TEST(Verify, AcceptsEachAlgorithmAgainAndAgain) {
    for (const char *algorithm : all_algorithms) {
        const TestKey &signer = TestKey::shared(algorithm);
        const auto key = public_half(signer);
        ASSERT_TRUE(key);
        const std::string good = signer.signature(algorithm, input);
        std::string bad = good;
        bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
        for (int i = 0; i < 3; ++i) {
            EXPECT_TRUE(verify(*key, algorithm, input, good)) << algorithm;
            EXPECT_FALSE(verify(*key, algorithm, input, bad)) << algorithm;
            EXPECT_FALSE(verify(*key, algorithm, input + "x", good)) << algorithm;
            EXPECT_FALSE(verify(*key, algorithm, "", good)) << algorithm;
        }
        EXPECT_TRUE(verify(*key, algorithm, "", signer.signature(algorithm, ""))) << algorithm;
        const std::string long_input(100000, 'x');
        EXPECT_TRUE(verify(*key, algorithm, long_input, signer.signature(algorithm, long_input))) << algorithm;
    }
}

// What the caller hashed takes the place of the signing input where the algorithm hashes with SHA-256, and nowhere else.
TEST(Verify, TakesADigestOfTheSigningInputForSha256Alone) {
    Sha256 sha256;
    const std::string text = input + ".signature";
    std::optional<Sha256Digest> digest;
    EXPECT_EQ(sha256(text, input.size(), digest), sha256(text));
    ASSERT_TRUE(digest);
    EXPECT_EQ(*digest, *sha256(input));
    for (const char *name : all_algorithms) {
        const TestKey &signer = TestKey::shared(name);
        const auto key = public_half(signer);
        ASSERT_TRUE(key);
        const std::string signature = signer.signature(name, input);
        const Algorithm algorithm = *parse_algorithm(name);
        const bool counts = std::string_view(name).ends_with("S256");
        EXPECT_TRUE(key->verify(algorithm, input, signature, &*digest)) << name;
        EXPECT_EQ(key->verify(algorithm, "other", signature, &*digest), counts) << name;
        const Sha256Digest other = *sha256("other");
        EXPECT_EQ(key->verify(algorithm, input, signature, &other), !counts) << name;
    }
}

TEST(Verify, ASignatureOfOneAlgorithmIsNoneOfAnother) {
    for (const char *signed_with : all_algorithms) {
        const TestKey &signer = TestKey::shared(signed_with);
        const auto key = public_half(signer);
        ASSERT_TRUE(key);
        const std::string signature = signer.signature(signed_with, input);
        for (const char *claimed : all_algorithms) {
            EXPECT_EQ(verify(*key, claimed, input, signature), std::string(claimed) == signed_with)
                << signed_with << " claimed to be " << claimed;
        }
        EXPECT_TRUE(verify(*key, signed_with, input, signature))
            << "contexts of several algorithms in one pool";
    }
}

TEST(Verify, AKeyWithAnAlgTakesNoOther) {
    const TestKey &signer = TestKey::shared("RS256");
    const auto key = make_key(signer.jwk("k", "RS256").json());
    EXPECT_TRUE(verify(*key, "RS256", input, signer.signature("RS256", input)));
    EXPECT_FALSE(verify(*key, "RS512", input, signer.signature("RS512", input)));
    EXPECT_FALSE(verify(*key, "PS256", input, signer.signature("PS256", input)));
}

TEST(Verify, LengthIsExact) {
    for (const char *algorithm : all_algorithms) {
        const TestKey &signer = TestKey::shared(algorithm);
        const auto key = public_half(signer);
        const std::string good = signer.signature(algorithm, input);
        EXPECT_FALSE(verify(*key, algorithm, input, "")) << algorithm;
        EXPECT_FALSE(verify(*key, algorithm, input, good.substr(0, good.size() - 1))) << algorithm;
        EXPECT_FALSE(verify(*key, algorithm, input, good.substr(1))) << algorithm;
        EXPECT_FALSE(verify(*key, algorithm, input, good + '\0')) << algorithm;
        EXPECT_FALSE(verify(*key, algorithm, input, '\0' + good)) << algorithm;
        EXPECT_FALSE(verify(*key, algorithm, input, good + good)) << algorithm;
        EXPECT_FALSE(verify(*key, algorithm, input, std::string(good.size(), '\0'))) << algorithm;
        EXPECT_FALSE(verify(*key, algorithm, input, std::string(good.size(), '\xff'))) << algorithm;
        EXPECT_FALSE(verify(*key, algorithm, input, std::string(70000, '\x30'))) << algorithm;
    }
}

TEST(Verify, RsaLeadingZerosBelongToTheSignature) {
    // One signature in 256 begins with a zero octet. OpenSSL takes a PSS signature without it.
    const TestKey &signer = TestKey::shared("PS256");
    const auto key = public_half(signer);
    for (const char *algorithm : {"RS256", "PS256"}) {
        for (int i = 0;; ++i) {
            ASSERT_LT(i, 20000);
            const std::string text = input + std::to_string(i);
            const std::string signature = signer.signature(algorithm, text);
            if (signature.front() != '\0') continue;
            EXPECT_TRUE(verify(*key, algorithm, text, signature)) << algorithm;
            EXPECT_FALSE(verify(*key, algorithm, text, signature.substr(1))) << algorithm;
            break;
        }
    }
}

TEST(Verify, PssSaltIsAsLongAsTheHash) {
    const TestKey &signer = TestKey::shared("PS256");
    const auto key = public_half(signer);
    for (const int salt : {0, 20, 31, 33, 48, 64, 222}) {
        EXPECT_FALSE(verify(*key, "PS256", input, signer.pss_signature_with_salt("PS256", input, salt)))
            << salt;
    }
    EXPECT_TRUE(verify(*key, "PS256", input, signer.pss_signature_with_salt("PS256", input, 32)));
    EXPECT_TRUE(verify(*key, "PS512", input, signer.pss_signature_with_salt("PS512", input, 64)));
    EXPECT_FALSE(verify(*key, "PS512", input, signer.pss_signature_with_salt("PS512", input, 32)));
}

struct BignumFree {
    void operator()(BIGNUM *number) const noexcept { BN_free(number); }
};
using Bignum = std::unique_ptr<BIGNUM, BignumFree>;

Bignum order_of(int curve) {
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curve);
    Bignum order(BN_dup(EC_GROUP_get0_order(group)));
    EC_GROUP_free(group);
    return order;
}

std::string fixed(const BIGNUM *number, std::size_t size) {
    std::string bytes(size, '\0');
    EXPECT_EQ(BN_bn2binpad(number, reinterpret_cast<unsigned char *>(bytes.data()), static_cast<int>(size)),
              static_cast<int>(size));
    return bytes;
}

TEST(Verify, EcdsaNumbersAreWithinTheGroup) {
    struct Row {
        const char *algorithm;
        int curve;
        std::size_t size;
    };
    const Row rows[] = {
        {"ES256", NID_X9_62_prime256v1, 32}, {"ES384", NID_secp384r1, 48}, {"ES512", NID_secp521r1, 66}};
    for (const Row &row : rows) {
        const TestKey &signer = TestKey::shared(row.algorithm);
        const auto key = public_half(signer);
        const std::string good = signer.signature(row.algorithm, input);
        const std::string r = good.substr(0, row.size);
        const std::string s = good.substr(row.size);
        const std::string zero(row.size, '\0');
        const Bignum n = order_of(row.curve);
        const std::string order = fixed(n.get(), row.size);
        const std::string one = std::string(row.size - 1, '\0') + '\x01';

        EXPECT_TRUE(verify(*key, row.algorithm, input, r + s)) << row.algorithm;
        EXPECT_FALSE(verify(*key, row.algorithm, input, zero + s)) << row.algorithm;
        EXPECT_FALSE(verify(*key, row.algorithm, input, r + zero)) << row.algorithm;
        EXPECT_FALSE(verify(*key, row.algorithm, input, zero + zero)) << row.algorithm;
        EXPECT_FALSE(verify(*key, row.algorithm, input, order + s)) << row.algorithm;
        EXPECT_FALSE(verify(*key, row.algorithm, input, r + order)) << row.algorithm;
        EXPECT_FALSE(verify(*key, row.algorithm, input, order + order)) << row.algorithm;
        EXPECT_FALSE(verify(*key, row.algorithm, input, one + one)) << row.algorithm;
        EXPECT_FALSE(verify(*key, row.algorithm, input, s + r)) << row.algorithm;

        // s + n is the same number in the group, but isn't canonical. Only P-521 has room for it.
        const Bignum number(
            BN_bin2bn(reinterpret_cast<const unsigned char *>(s.data()), static_cast<int>(s.size()), nullptr));
        const Bignum sum(BN_new());
        BN_add(sum.get(), number.get(), n.get());
        if (static_cast<std::size_t>(BN_num_bytes(sum.get())) <= row.size) {
            EXPECT_FALSE(verify(*key, row.algorithm, input, r + fixed(sum.get(), row.size))) << row.algorithm;
        }

        // If (r, s) is good, then (r, n - s) is good too. SEC 1 and JWS have no rule against it. So a token has
        // two forms, and nothing may depend on a token's bytes being unique.
        const Bignum twin(BN_new());
        BN_sub(twin.get(), n.get(), number.get());
        EXPECT_TRUE(verify(*key, row.algorithm, input, r + fixed(twin.get(), row.size))) << row.algorithm;
    }
}

TEST(Verify, EcdsaTakesNoDer) {
    // DER signatures are refused, whatever their length. One of P-256 is rarely 64 octets long.
    const TestKey &signer = TestKey::shared("ES256");
    const auto key = public_half(signer);
    const std::string good = signer.signature("ES256", input);
    const std::string der = "\x30\x44\x02\x20"s + good.substr(0, 32) + "\x02\x20"s + good.substr(32);
    EXPECT_FALSE(verify(*key, "ES256", input, der));
    EXPECT_FALSE(verify(*key, "ES256", input, der.substr(0, 64)));
}

TEST(Verify, EcdsaNumbersOfEveryLengthComeThrough) {
    // In DER, short numbers and numbers with the top bit set look different. A hundred signatures have both.
    const TestKey &signer = TestKey::shared("ES256");
    const auto key = public_half(signer);
    int high = 0;
    int short_one = 0;
    for (int i = 0; i < 1500; ++i) {
        const std::string text = input + std::to_string(i);
        const std::string signature = signer.signature("ES256", text);
        high += (signature[0] & 0x80) != 0 ? 1 : 0;
        short_one += signature[0] == '\0' || signature[32] == '\0' ? 1 : 0;
        ASSERT_TRUE(verify(*key, "ES256", text, signature)) << i;
    }
    EXPECT_GT(high, 0);
    EXPECT_GT(short_one, 0);
}

TEST(Verify, Ed25519TakesNoSecondForm) {
    const TestKey &signer = TestKey::shared("EdDSA");
    const auto key = public_half(signer);
    std::string signature = signer.signature("EdDSA", input);
    ASSERT_TRUE(verify(*key, "EdDSA", input, signature));
    // s + L, L = 2^252 + 27742317777372353535851937790883648493, little-endian (RFC 8032 section 5.1.7 refuses
    // it).
    const unsigned char order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                     0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                     0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        const unsigned sum = static_cast<unsigned char>(signature[32 + i]) + order[i] + carry;
        signature[32 + i] = static_cast<char>(sum & 0xFF);
        carry = sum >> 8;
    }
    ASSERT_EQ(carry, 0U);
    EXPECT_FALSE(verify(*key, "EdDSA", input, signature));
}

TEST(Verify, OddModulusLengths) {
    // With 8n+1 bits a PSS encoding is an octet shorter than the signature (RFC 8017 section 8.1.2).
    for (const unsigned bits : {2049U, 2055U, 3072U}) {
        const TestKey signer = TestKey::generate("RS256", bits);
        const auto key = public_half(signer);
        ASSERT_TRUE(key) << bits;
        for (const char *algorithm : {"RS256", "PS256", "PS512"}) {
            EXPECT_TRUE(verify(*key, algorithm, input, signer.signature(algorithm, input)))
                << bits << algorithm;
        }
    }
}

TEST(Verify, ManyThreadsShareOneKey) {
    for (const char *algorithm : {"RS256", "PS256", "ES256", "EdDSA"}) {
        const TestKey &signer = TestKey::shared(algorithm);
        const auto key = public_half(signer);
        const std::string good = signer.signature(algorithm, input);
        std::string bad = good;
        bad.back() = static_cast<char>(bad.back() ^ 1);
        std::atomic<int> wrong{0};
        std::vector<std::thread> threads;
        constexpr int count = 20;  // more than a pool keeps
        threads.reserve(count);
        for (int t = 0; t < count; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 25; ++i) {
                    const bool use_good = (i + t) % 2 == 0;
                    if (verify(*key, algorithm, input, use_good ? good : bad) != use_good) ++wrong;
                }
            });
        }
        for (std::thread &thread : threads) thread.join();
        EXPECT_EQ(wrong, 0) << algorithm;
    }
}

}  // namespace tokenward::jose
