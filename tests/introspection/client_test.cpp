// How a client says who it is: its secret in a header or in the form, or a signature of its private key.
#include "introspection/client.hpp"

#include "base/base64.hpp"
#include "base/json.hpp"
#include "jose/crypto.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

namespace tokenward::introspection {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key new_key(const std::string &kind) {
    if (kind == "RSA") return {EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}), &EVP_PKEY_free};
    if (kind == "ED25519") return {EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free};
    return {EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.c_str()), &EVP_PKEY_free};
}

std::string pem_of(EVP_PKEY *key) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    char *bytes = nullptr;
    const long size = BIO_get_mem_data(out.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

std::string value_of(const std::string &form, const std::string &name) {
    const std::size_t at = ('&' + form).find('&' + name + '=');
    if (at == std::string::npos) return "(none)";
    const std::size_t begin = at + name.size() + 1;
    return form.substr(begin, form.find('&', begin) - begin);
}

std::string decoded(const std::string &text) {
    std::string out(base64url_decoded_size(text.size()), '\0');
    EXPECT_TRUE(base64url_decode(text, out.data()));
    return out;
}

std::shared_ptr<const Client> client_of(const std::string &content) {
    auto client = Client::read("broker:1", content);
    EXPECT_TRUE(client) << client.error().detail;
    return client ? *client : nullptr;
}

}  // namespace

TEST(IntrospectionClient, SendsItsSecretInTheHeader) {
    const auto client = client_of("s p&c:r+t\n");
    EXPECT_EQ(client->method({}), AuthMethod::client_secret_basic);
    keys::HttpRequest request;
    ASSERT_TRUE(client->sign_in(request, AuthMethod::client_secret_basic, "https://id.example", 1));
    // RFC 6749 section 2.3.1: each part is encoded as in a form.
    std::string pair;
    ASSERT_TRUE(base64_decode(request.basic, pair));
    EXPECT_EQ(pair, "broker%3A1:s%20p%26c%3Ar%2Bt");
    EXPECT_EQ(request.form, "");
}

TEST(IntrospectionClient, OrInTheFormWhereTheProviderWantsThat) {
    const auto client = client_of("secret");
    const std::vector<std::string> post{"client_secret_post"};
    const std::vector<std::string> both{"client_secret_post", "client_secret_basic"};
    EXPECT_EQ(client->method(post), AuthMethod::client_secret_post);
    EXPECT_EQ(client->method(both), AuthMethod::client_secret_basic);
    keys::HttpRequest request;
    add_to_form(request.form, "token", "a+b");
    ASSERT_TRUE(client->sign_in(request, AuthMethod::client_secret_post, "https://id.example", 1));
    EXPECT_EQ(request.form, "token=a%2Bb&client_id=broker%3A1&client_secret=secret");
    EXPECT_EQ(request.basic, "");
}

TEST(IntrospectionClient, SignsWithItsPrivateKey) {
    const std::pair<const char *, const char *> rows[] = {
        {"RSA", "RS256"}, {"P-256", "ES256"}, {"P-384", "ES384"}, {"P-521", "ES512"}, {"ED25519", "EdDSA"}};
    for (const auto &[kind, algorithm] : rows) {
        SCOPED_TRACE(kind);
        const Key key = new_key(kind);
        ASSERT_TRUE(key);
        const auto client = client_of(pem_of(key.get()));
        EXPECT_EQ(client->method({}), AuthMethod::private_key_jwt);
        keys::HttpRequest request;
        ASSERT_TRUE(client->sign_in(request, AuthMethod::private_key_jwt, "https://id.example", 1'700'000'000));
        EXPECT_EQ(value_of(request.form, "client_assertion_type"),
                  "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer");
        const std::string assertion = value_of(request.form, "client_assertion");
        const std::size_t first = assertion.find('.');
        const std::size_t second = assertion.rfind('.');
        JsonDocument header;
        const auto head = header.parse(decoded(assertion.substr(0, first)), Reason::INTERNAL);
        ASSERT_TRUE(head);
        EXPECT_EQ(head->find("alg")->text(), algorithm);
        JsonDocument payload;
        const auto claims = payload.parse(decoded(assertion.substr(first + 1, second - first - 1)), Reason::INTERNAL);
        ASSERT_TRUE(claims);
        EXPECT_EQ(claims->find("iss")->text(), "broker:1");
        EXPECT_EQ(claims->find("sub")->text(), "broker:1");
        EXPECT_EQ(claims->find("aud")->text(), "https://id.example");
        EXPECT_EQ(claims->find("exp")->text(), "1700000060");
        EXPECT_EQ(claims->find("jti")->text().size(), 22U);
        // OpenSSL's own check; ECDSA's r and s stand side by side in a JWS.
        std::string signature = decoded(assertion.substr(second + 1));
        if (algorithm[0] == 'E' && algorithm[1] == 'S') {
            const int half = static_cast<int>(signature.size() / 2);
            const auto *bytes = reinterpret_cast<const unsigned char *>(signature.data());
            ECDSA_SIG *pair = ECDSA_SIG_new();
            ECDSA_SIG_set0(pair, BN_bin2bn(bytes, half, nullptr), BN_bin2bn(bytes + half, half, nullptr));
            unsigned char *der = nullptr;
            const int size = i2d_ECDSA_SIG(pair, &der);
            signature.assign(reinterpret_cast<char *>(der), static_cast<std::size_t>(size));
            OPENSSL_free(der);
            ECDSA_SIG_free(pair);
        }
        const EVP_MD *digest = algorithm == std::string("EdDSA")  ? nullptr
                               : std::string(algorithm).ends_with("384") ? EVP_sha384()
                               : std::string(algorithm).ends_with("512") ? EVP_sha512()
                                                                         : EVP_sha256();
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        ASSERT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()), 1);
        EXPECT_EQ(EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char *>(signature.data()), signature.size(),
                                   reinterpret_cast<const unsigned char *>(assertion.data()), second),
                  1);
    }
}

TEST(IntrospectionClient, SaysWhatIsWrongWithItsFile) {
    const Key small(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024}), &EVP_PKEY_free);
    const Key other(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), &EVP_PKEY_free);
    const std::pair<std::string, const char *> rows[] = {
        {"", "is empty"},
        {" \n", "is empty"},
        {"one\ntwo", "more than one line"},
        {"caf\xc3\xa9", "characters that no secret has"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private key"},
        {pem_of(small.get()), "is none of RSA"},
        {pem_of(other.get()), "is none of RSA"},
    };
    for (const auto &[content, said] : rows) {
        const auto client = Client::read("id", content);
        ASSERT_FALSE(client) << said;
        EXPECT_EQ(client.error().reason, Reason::CONFIG_INVALID_VALUE);
        EXPECT_NE(client.error().detail.find(said), std::string::npos) << client.error().detail;
    }
}

}  // namespace tokenward::introspection
