// Keys in PEM become the same keys as in a JWKS.
#include "jose/pem.hpp"

#include "jose/jwk.hpp"
#include "support/token_mint.hpp"

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace tokenward::jose {
namespace {

using support::TestKey;

std::shared_ptr<EVP_PKEY> openssl_key(const TestKey &key) {
    const std::string pem = key.pem();
    BIO *in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    const std::shared_ptr<EVP_PKEY> out(PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr), EVP_PKEY_free);
    BIO_free(in);
    return out;
}

std::string text_of(const std::function<int(BIO *)> &write) {
    BIO *out = BIO_new(BIO_s_mem());
    EXPECT_EQ(write(out), 1);
    char *bytes = nullptr;
    const long size = BIO_get_mem_data(out, &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_free(out);
    return text;
}

/// PUBLIC KEY, as `openssl pkey -pubout` writes it.
std::string public_key(const TestKey &key) {
    return text_of([&](BIO *out) { return PEM_write_bio_PUBKEY(out, openssl_key(key).get()); });
}

/// RSA PUBLIC KEY, as `openssl rsa -RSAPublicKey_out` writes it.
std::string pkcs1(const TestKey &key) {
    unsigned char *der = nullptr;
    const int size = i2d_PublicKey(openssl_key(key).get(), &der);
    std::string text =
        text_of([&](BIO *out) { return PEM_write_bio(out, "RSA PUBLIC KEY", "", der, size) > 0; });
    OPENSSL_free(der);
    return text;
}

/// Self-signed; it ended long ago, which doesn't count.
std::string certificate(const TestKey &key) {
    const auto own = openssl_key(key);
    const std::unique_ptr<X509, void (*)(X509 *)> x509(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), -3600);
    X509_set_pubkey(x509.get(), own.get());
    const bool is_ed25519 = EVP_PKEY_is_a(own.get(), "ED25519") == 1;
    EXPECT_GT(X509_sign(x509.get(), own.get(), is_ed25519 ? nullptr : EVP_sha256()), 0);
    return text_of([&](BIO *out) { return PEM_write_bio_X509(out, x509.get()); });
}

KeySet set_of(const std::string &jwks) {
    KeySet::Notes notes;
    auto set = KeySet::parse(jwks, notes);
    EXPECT_TRUE(set) << set.error().detail << jwks;
    EXPECT_TRUE(notes.warnings.empty()) << notes.warnings.front();
    return set ? *std::move(set) : KeySet();
}

KeySet from_pem(const std::string &pem) {
    EXPECT_TRUE(looks_like_pem(pem)) << pem;
    const auto jwks = jwks_from_pem(pem);
    EXPECT_TRUE(jwks) << jwks.error().detail;
    return jwks ? set_of(*jwks) : KeySet();
}

KeySet expected(const TestKey &key, const std::string &kid = {}) {
    return set_of(support::jwks({key.jwk(kid)}));
}

}  // namespace

TEST(Pem, IsTheSameKeyAsInAJwks) {
    for (const char *algorithm : {"RS256", "ES256", "ES384", "ES512", "EdDSA"}) {
        SCOPED_TRACE(algorithm);
        // A coordinate with a leading zero is one in 256: several keys have one.
        for (std::size_t i = 0; i < (algorithm[0] == 'E' ? 64U : 1U); ++i) {
            const TestKey key = i == 0 ? TestKey::shared(algorithm) : TestKey::generate(algorithm);
            EXPECT_TRUE(from_pem(public_key(key)).same_keys(expected(key)));
            if (i != 0) continue;
            EXPECT_TRUE(from_pem(certificate(key)).same_keys(expected(key)));
            EXPECT_TRUE(from_pem("\xEF\xBB\xBF\r\n " + public_key(key)).same_keys(expected(key)));
        }
    }
    const TestKey &rsa = TestKey::shared("RS256");
    EXPECT_TRUE(from_pem(pkcs1(rsa)).same_keys(expected(rsa)));
}

TEST(Pem, SeveralBlocksAndTheirNames) {
    const TestKey &rsa = TestKey::shared("RS256");
    const TestKey &ec = TestKey::shared("ES256");
    const TestKey &ed = TestKey::shared("EdDSA");
    const std::string pem = "# of the realm\nkid: old\nkid:  k 1 \r\n" + public_key(rsa) + "subject=CN = x\n" +
                            certificate(ec) + "  kid: ed\n\n" + public_key(ed);
    const KeySet all = set_of(support::jwks({rsa.jwk("k 1"), ec.jwk(""), ed.jwk("ed")}));
    EXPECT_TRUE(from_pem(pem).same_keys(all));
    // A name is that of the next block alone, and no name of an empty line.
    const KeySet set = from_pem("kid: a\n" + public_key(rsa) + public_key(ec));
    ASSERT_EQ(set.keys().size(), 2U);
    EXPECT_EQ(set.keys()[0]->kid(), "a");
    EXPECT_FALSE(set.keys()[1]->has_kid());
}

TEST(Pem, WithCrLfAndWithoutALastLineEnd) {
    const TestKey &ec = TestKey::shared("ES256");
    std::string pem = public_key(ec);
    pem.pop_back();
    EXPECT_TRUE(from_pem(pem).same_keys(expected(ec)));
    std::string with_cr;
    for (const char c : pem) with_cr += c == '\n' ? std::string("\r\n") : std::string(1, c);
    EXPECT_TRUE(from_pem(with_cr).same_keys(expected(ec)));
}

TEST(Pem, OtherBlocksAreSkipped) {
    const TestKey &ec = TestKey::shared("ES256");
    const std::string parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    EXPECT_TRUE(from_pem(parameters + public_key(ec)).same_keys(expected(ec)));
}

TEST(Pem, Refused) {
    struct Row {
        const char *what;
        std::string pem;
        const char *words;
    };
    const std::string good = public_key(TestKey::shared("ES256"));
    const std::string garbage = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    const Row rows[] = {
        {"a private key", good + TestKey::shared("ES256").pem(), "it holds a private key (PEM block 2)"},
        {"an encrypted one",
         "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
         "it holds a private key (PEM block 1)"},
        {"an RSA private key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
         "it holds a private key (PEM block 1)"},
        {"no key", good + garbage, "PEM block 2 isn't a PUBLIC KEY"},
        {"no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "PEM block 1 isn't a CERTIFICATE"},
        {"no base64", "-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n",
         "PEM block 1 can't be decoded"},
        {"no end", good + "-----BEGIN PUBLIC KEY-----\nAAAA\n", "a PEM block has no end"},
        {"the end of another label", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END CERTIFICATE-----\n",
         "PEM block 1 can't be decoded"},
    };
    for (const Row &row : rows) {
        const auto jwks = jwks_from_pem(row.pem);
        ASSERT_FALSE(jwks) << row.what;
        EXPECT_EQ(jwks.error().reason, Reason::KEYS_UNAVAILABLE);
        EXPECT_NE(jwks.error().detail.find(row.words), std::string::npos)
            << row.what << ": " << jwks.error().detail;
    }
}

TEST(Pem, KeysPassTheRulesOfAJwks) {
    const auto note_of = [](const TestKey &key) {
        KeySet::Notes notes;
        const auto jwks = jwks_from_pem(public_key(key));
        EXPECT_TRUE(jwks);
        EXPECT_FALSE(KeySet::parse(*jwks, notes));
        return notes.warnings.empty() ? notes.debug.front() : notes.warnings.front();
    };
    EXPECT_NE(note_of(TestKey::generate("RS256", 1024)).find("has only 1024 bits"), std::string::npos);
    EXPECT_NE(note_of(TestKey::shared("secp256k1")).find("crv is \"secp256k1\""), std::string::npos);
    EXPECT_NE(note_of(TestKey::shared("Ed448")).find("kty is \"ED448\""), std::string::npos);
}

TEST(Pem, JsonIsNone) {
    EXPECT_FALSE(looks_like_pem(""));
    EXPECT_FALSE(looks_like_pem("{\"keys\":[]}"));
    EXPECT_FALSE(looks_like_pem(" \n{\"x\":\"-----BEGIN PUBLIC KEY-----\"}"));
    EXPECT_FALSE(looks_like_pem("PUBLIC KEY"));
}

}  // namespace tokenward::jose
