// Which JWKs become keys (DESIGN section 4, "Keys").
#include "jose/jwk.hpp"

#include "jose_helpers.hpp"
#include "rfc_vectors.hpp"
#include "support/token_mint.hpp"

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/bn.h>

namespace tokenward::jose {
using namespace std::string_literals;
using support::JsonObject;
using support::TestKey;

struct BignumFree {
    void operator()(BIGNUM *number) const noexcept { BN_free(number); }
};
using Bignum = std::unique_ptr<BIGNUM, BignumFree>;

std::string octets(const BIGNUM *number) {
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2bin(number, reinterpret_cast<unsigned char *>(bytes.data()));
    return bytes;
}

/// 2^(bits-1) + 1: odd and of that length. Some rules look at nothing else of a modulus.
std::string modulus_of(int bits) {
    const Bignum number(BN_new());
    BN_set_bit(number.get(), bits - 1);
    BN_set_bit(number.get(), 0);
    return octets(number.get());
}

JsonObject rsa(const std::string &n, const std::string &e) {
    JsonObject jwk;
    jwk.string("kty", "RSA").string("n", base64url_encode(n)).string("e", base64url_encode(e));
    return jwk;
}

const std::string f4 = "\x01\x00\x01"s;

TEST(Jwk, RsaRules) {
    struct Row {
        const char *what;
        JsonObject jwk;
        const char *verdict;
    };
    std::string even = modulus_of(2048);
    even.back() = '\x02';
    const Row rows[] = {
        {"2048 bits", rsa(modulus_of(2048), f4), "usable"},
        {"2049 bits", rsa(modulus_of(2049), f4), "usable"},
        {"8192 bits", rsa(modulus_of(8192), f4), "usable"},
        {"2047 bits", rsa(modulus_of(2047), f4), "broken: its RSA modulus has only 2047 bits"},
        {"1024 bits", rsa(modulus_of(1024), f4), "broken: its RSA modulus has only 1024 bits"},
        {"8193 bits", rsa(modulus_of(8193), f4), "broken: its RSA modulus has 8193 bits"},
        {"no bits", rsa("", f4), "broken: its RSA modulus has only 0 bits"},
        {"zero", rsa("\0\0"s, f4), "broken: its RSA modulus has only 0 bits"},
        {"a megabit", rsa(modulus_of(1 << 20), f4), "broken: n is too long"},
        {"even modulus", rsa(even, f4), "broken: its RSA modulus is even"},
        {"leading zeros of n", rsa("\0\0"s + modulus_of(2048), f4), "usable"},
        {"leading zeros don't make it longer", rsa(std::string(200, '\0') + modulus_of(1024), f4),
         "broken: its RSA modulus has only 1024 bits"},
        {"e = 3", rsa(modulus_of(2048), "\x03"), "usable"},
        {"leading zeros of e", rsa(modulus_of(2048), "\0\x01\0\x01"s), "usable"},
        {"e = 2^32 - 1", rsa(modulus_of(2048), "\xff\xff\xff\xff"), "usable"},
        {"e = 2^32 + 1", rsa(modulus_of(2048), "\x01\0\0\0\x01"s), "broken: its RSA exponent"},
        {"e = 0", rsa(modulus_of(2048), "\0"s), "broken: its RSA exponent"},
        {"e empty", rsa(modulus_of(2048), ""), "broken: its RSA exponent"},
        {"e = 1", rsa(modulus_of(2048), "\x01"), "broken: its RSA exponent"},
        {"e = 2", rsa(modulus_of(2048), "\x02"), "broken: its RSA exponent"},
        {"e = 65536", rsa(modulus_of(2048), "\x01\0\0"s), "broken: its RSA exponent"},
        {"no n", rsa(modulus_of(2048), f4).remove("n"), "broken: it has no n"},
        {"no e", rsa(modulus_of(2048), f4).remove("e"), "broken: it has no e"},
        {"n a number", rsa(modulus_of(2048), f4).number("n", 5), "broken: n isn't a string"},
        {"e a number", rsa(modulus_of(2048), f4).number("e", 65537), "broken: e isn't a string"},
        {"n with padding", rsa(modulus_of(2048), f4).string("n", base64url_encode(modulus_of(2048)) + "=="),
         "usable"},
        {"n with too much padding",
         rsa(modulus_of(2048), f4).string("n", base64url_encode(modulus_of(2048)) + "==="),
         "broken: n isn't canonical base64url"},
        {"e with padding in the middle", rsa(modulus_of(2048), f4).string("e", "AQ=AB"),
         "broken: e isn't canonical base64url"},
        {"e in hex", rsa(modulus_of(2048), f4).string("e", "0x10001"), "broken: e isn't canonical base64url"},
    };
    for (const Row &row : rows) {
        EXPECT_EQ(verdict_on(row.jwk.json()).substr(0, std::string(row.verdict).size()), row.verdict)
            << row.what;
    }
}

TEST(Jwk, LeadingZerosDontChangeTheThumbprint) {
    const auto plain = make_key(rsa(modulus_of(2048), f4).json());
    const auto padded = make_key(rsa("\0"s + modulus_of(2048), "\0"s + f4).json());
    ASSERT_TRUE(plain && padded);
    EXPECT_EQ(plain->thumbprint(), padded->thumbprint());
    EXPECT_TRUE(plain->is_same_as(*padded));
}

TEST(Jwk, RocaFingerprintIsRefused) {
    // A modulus of RSALib's form: 65537^a mod M, with M the product of the primes up to 167, plus a multiple of
    // M.
    BN_CTX *context = BN_CTX_new();
    const Bignum m(BN_new());
    const Bignum n(BN_new());
    const Bignum generator(BN_new());
    const Bignum exponent(BN_new());
    BN_one(m.get());
    for (unsigned candidate = 2; candidate <= 167; ++candidate) {
        bool prime = true;
        for (unsigned d = 2; d * d <= candidate; ++d) prime = prime && candidate % d != 0;
        if (prime) BN_mul_word(m.get(), candidate);
    }
    BN_set_word(generator.get(), 65537);
    BN_set_word(exponent.get(), 123456789);
    BN_mod_exp(n.get(), generator.get(), exponent.get(), m.get(), context);
    const Bignum multiple(BN_dup(m.get()));
    BN_lshift(multiple.get(), multiple.get(), 2048 - BN_num_bits(multiple.get()));
    BN_add(n.get(), n.get(), multiple.get());
    BN_CTX_free(context);
    ASSERT_EQ(BN_num_bits(n.get()), 2048);
    ASSERT_TRUE(BN_is_odd(n.get()));
    EXPECT_EQ(
        verdict_on(rsa(octets(n.get()), f4).json()),
        "broken: its RSA modulus has the ROCA fingerprint (CVE-2017-15361): the private key can be computed");

    BN_add_word(n.get(), 2);
    EXPECT_EQ(verdict_on(rsa(octets(n.get()), f4).json()), "usable");
}

TEST(Jwk, EcAndOkpRules) {
    const JsonObject p256 = TestKey::shared("ES256").jwk("k");
    const JsonObject p384 = TestKey::shared("ES384").jwk("k");
    const JsonObject p521 = TestKey::shared("ES512").jwk("k");
    const JsonObject ed25519 = TestKey::shared("EdDSA").jwk("k");
    const auto changed = [](JsonObject jwk, const char *name, const std::string &bytes) {
        return jwk.string(name, base64url_encode(bytes));
    };
    const std::string prime_p256 =
        "\xff\xff\xff\xff\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff"
        "\xff"
        "\xff\xff\xff\xff\xff\xff"s;
    struct Row {
        const char *what;
        JsonObject jwk;
        const char *verdict;
    };
    const Row rows[] = {
        {"P-256", p256, "usable"},
        {"P-384", p384, "usable"},
        {"P-521", p521, "usable"},
        {"Ed25519", ed25519, "usable"},
        {"secp256k1", TestKey::shared("secp256k1").jwk("k"), "not for us: crv is \"secp256k1\""},
        {"Ed448", TestKey::shared("Ed448").jwk("k"), "not for us: crv is \"Ed448\""},
        {"X25519", JsonObject(ed25519).string("crv", "X25519"), "not for us: crv is \"X25519\""},
        {"crv in lower case", JsonObject(p256).string("crv", "p-256"), "not for us: crv is \"p-256\""},
        {"EC without crv", JsonObject(p256).remove("crv"), "broken: it has no crv"},
        {"crv a number", JsonObject(p256).number("crv", 256), "broken: crv isn't a string"},
        {"EC without x", JsonObject(p256).remove("x"), "broken: it has no x"},
        {"EC without y", JsonObject(p256).remove("y"), "broken: it has no y"},
        {"another curve's point", JsonObject(p384).string("crv", "P-256"),
         "broken: its coordinates have 48 and 48 octets, not 32"},
        {"a short coordinate", changed(p256, "x", std::string(31, 'x')),
         "broken: its coordinates have 31 and 32 octets, not 32"},
        {"a long coordinate", changed(p256, "y", std::string(33, '\0')),
         "broken: its coordinates have 32 and 33 octets, not 32"},
        {"empty coordinates", changed(changed(p256, "x", ""), "y", ""),
         "broken: its coordinates have 0 and 0 octets, not 32"},
        {"off the curve", changed(p256, "y", std::string(32, '\x01')),
         "broken: its point isn't on the curve P-256"},
        {"off P-384", changed(p384, "x", std::string(48, '\x01')),
         "broken: its point isn't on the curve P-384"},
        {"off P-521", changed(p521, "x", std::string(66, '\0')), "broken: its point isn't on the curve P-521"},
        {"infinity", changed(changed(p256, "x", std::string(32, '\0')), "y", std::string(32, '\0')),
         "broken: its point isn't on the curve P-256"},
        {"x is the field's prime", changed(p256, "x", prime_p256),
         "broken: its point isn't on the curve P-256"},
        {"Ed25519 without x", JsonObject(ed25519).remove("x"), "broken: it has no x"},
        {"Ed25519 of 31 octets", changed(ed25519, "x", std::string(31, 'x')),
         "broken: x has 31 octets, not 32"},
        {"Ed25519 of 33 octets", changed(ed25519, "x", std::string(33, 'x')),
         "broken: x has 33 octets, not 32"},
        {"Ed25519 as EC", JsonObject(ed25519).string("kty", "EC"), "not for us: crv is \"Ed25519\""},
    };
    for (const Row &row : rows) EXPECT_EQ(verdict_on(row.jwk.json()), row.verdict) << row.what;
}

/// 32 octets in hexadecimal digits, as a key.
std::string verdict_on_ed25519(const std::string &digits) {
    std::string x;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        x += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    }
    JsonObject jwk;
    jwk.string("kty", "OKP").string("crv", "Ed25519").string("x", base64url_encode(x));
    return verdict_on(jwk.json());
}

TEST(Jwk, Ed25519PointsOfSmallOrderAreRefused) {
    // Under such a key one signature can fit any message.
    const std::string hex[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    for (const std::string &digits : hex) {
        EXPECT_EQ(verdict_on_ed25519(digits), "broken: its Ed25519 point is of small order") << digits;
    }
}

// y = p + 2 ... p + 18, of which some are points of the curve (RFC 8032 section 5.1.3).
TEST(Jwk, Ed25519PointsInASecondNotation) {
    const std::string middle(60, 'f');
    for (const char *first : {"ef", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "fa", "fb",
                              "fc", "fd", "fe", "ff"}) {
        for (const char *last : {"7f", "ff"}) {
            EXPECT_EQ(verdict_on_ed25519(first + middle + last),
                      "broken: its Ed25519 point isn't written in the canonical way")
                << first << last;
        }
    }
    // Below the prime, each by one octet.
    for (const std::string &digits : {"eb" + middle + "7f", "ff" + middle + "7e",
                                      "fffe" + middle.substr(2) + "7f", "ff" + middle.substr(2) + "fe7f"}) {
        EXPECT_EQ(verdict_on_ed25519(digits), "usable") << digits;
    }
}

TEST(Jwk, AttributeRules) {
    const JsonObject rsa_key = TestKey::shared("RS256").jwk("k");
    const JsonObject ed_key = TestKey::shared("EdDSA").jwk("k");
    const JsonObject ec_key = TestKey::shared("ES256").jwk("k");
    const auto with = [](JsonObject jwk, const char *name, const char *value) { return jwk.raw(name, value); };
    struct Row {
        JsonObject jwk;
        const char *verdict;
    };
    const Row rows[] = {
        {with(rsa_key, "use", R"("sig")"), "usable"},
        {with(rsa_key, "use", R"("enc")"), "not for us: use is \"enc\""},
        {with(rsa_key, "use", R"("SIG")"), "not for us: use is \"SIG\""},
        {with(rsa_key, "use", "1"), "broken: use isn't a string"},
        {with(rsa_key, "use", "null"), "broken: use isn't a string"},
        {with(rsa_key, "key_ops", R"(["verify"])"), "usable"},
        {with(rsa_key, "key_ops", R"(["sign","verify"])"), "usable"},
        {with(rsa_key, "key_ops", R"(["sign"])"), "not for us: key_ops has no verify"},
        {with(rsa_key, "key_ops", R"(["encrypt","wrapKey"])"), "not for us: key_ops has no verify"},
        {with(rsa_key, "key_ops", "[]"), "not for us: key_ops has no verify"},
        {with(rsa_key, "key_ops", R"("verify")"), "broken: key_ops isn't an array"},
        {with(rsa_key, "key_ops", R"(["verify",1])"), "broken: key_ops holds something that isn't a string"},
        {with(rsa_key, "alg", R"("RS256")"), "usable"},
        {with(rsa_key, "alg", R"("PS512")"), "usable"},
        {with(rsa_key, "alg", R"("ES256")"), "broken: alg ES256 doesn't fit RSA 2048"},
        {with(rsa_key, "alg", R"("EdDSA")"), "broken: alg EdDSA doesn't fit RSA 2048"},
        {with(rsa_key, "alg", R"("Ed25519")"), "broken: alg EdDSA doesn't fit RSA 2048"},
        {with(ed_key, "alg", R"("EdDSA")"), "usable"},
        {with(ed_key, "alg", R"("Ed25519")"), "usable"},
        {with(ed_key, "alg", R"("Ed448")"), "not for us: alg is \"Ed448\""},
        {with(ec_key, "alg", R"("ES256")"), "usable"},
        {with(ec_key, "alg", R"("ES384")"), "broken: alg ES384 doesn't fit P-256"},
        {with(ec_key, "alg", R"("RS256")"), "broken: alg RS256 doesn't fit P-256"},
        {with(rsa_key, "alg", R"("RSA-OAEP")"), "not for us: alg is \"RSA-OAEP\""},
        {with(rsa_key, "alg", R"("RS1")"), "not for us: alg is \"RS1\""},
        {with(rsa_key, "alg", R"("none")"), "not for us: alg is \"none\""},
        {with(rsa_key, "alg", R"("HS256")"), "not for us: alg is \"HS256\""},
        {with(rsa_key, "alg", "256"), "broken: alg isn't a string"},
        {with(rsa_key, "alg", "null"), "broken: alg isn't a string"},
        {with(rsa_key, "kid", "7"), "broken: kid isn't a string"},
        {with(rsa_key, "kid", "null"), "broken: kid isn't a string"},
        {with(rsa_key, "kid", R"("")"), "usable"},
        {with(rsa_key, "x5c", "[1]"), "usable"},
        {with(rsa_key, "x5t", "{}"), "usable"},
        {with(rsa_key, "unknown", "null"), "usable"},
        {with(rsa_key, "kty", R"("oct")"), "not for us: kty is \"oct\""},
        {with(rsa_key, "kty", R"("rsa")"), "not for us: kty is \"rsa\""},
        {with(rsa_key, "kty", R"("AKP")"), "not for us: kty is \"AKP\""},
        {with(rsa_key, "kty", "1"), "broken: kty isn't a string"},
        {JsonObject(rsa_key).remove("kty"), "broken: it has no kty"},
        {JsonObject().string("kty", "oct").string("k", "AAAA"), "not for us: kty is \"oct\""},
    };
    for (const Row &row : rows) EXPECT_EQ(verdict_on(row.jwk.json()), row.verdict) << row.jwk.json();
    for (const char *text : {"1", "null", "[]", "\"RSA\"", "[{}]"}) {
        EXPECT_EQ(verdict_on(text), "broken: it isn't a JSON object") << text;
    }
    EXPECT_EQ(verdict_on("{}"), "broken: it has no kty");
}

TEST(Jwk, AShownPrivatePartIsNoticedAndTheKeyUsable) {
    EXPECT_FALSE(make_key(rfc8037_a4.jwk)->has_private_part());
    JsonObject jwk;
    jwk.string("kty", "OKP")
        .string("crv", "Ed25519")
        .string("x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    const auto key = make_key(jwk.string("d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").json());
    ASSERT_TRUE(key);
    EXPECT_TRUE(key->has_private_part());
    EXPECT_EQ(check_token(rfc8037_a4.token, *key), "valid");
}

TEST(Jwk, FitsItsOwnAlgElseItsTypeAndCurve) {
    struct Row {
        JsonObject jwk;
        const char *fits;
    };
    const Row rows[] = {
        {TestKey::shared("RS256").jwk("k"), "RS256 RS384 RS512 PS256 PS384 PS512 "},
        {TestKey::shared("RS256").jwk("k", "RS256"), "RS256 "},
        {TestKey::shared("RS256").jwk("k", "PS384"), "PS384 "},
        {TestKey::shared("ES256").jwk("k"), "ES256 "},
        {TestKey::shared("ES384").jwk("k"), "ES384 "},
        {TestKey::shared("ES512").jwk("k"), "ES512 "},
        {TestKey::shared("EdDSA").jwk("k"), "EdDSA "},
    };
    for (const Row &row : rows) {
        const auto key = make_key(row.jwk.json());
        ASSERT_TRUE(key);
        std::string fits;
        for (std::size_t i = 0; i < algorithm_count; ++i) {
            const auto algorithm = static_cast<Algorithm>(i);
            if (key->fits(algorithm)) fits += std::string(algorithm_name(algorithm)) + ' ';
        }
        EXPECT_EQ(fits, row.fits) << row.jwk.json();
    }
}

}  // namespace tokenward::jose
