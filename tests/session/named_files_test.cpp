// The files that a configuration names: what can't be used is refused when it is read, by create, reload and
// config_check alike, with the place of the option, the file, what is wrong and what would be right.
#include "base/text.hpp"
#include "fixture.hpp"
#include "support/test_ca.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward::session {
namespace {

constexpr auto invalid = Reason::CONFIG_INVALID_VALUE;
constexpr auto unreadable = Reason::CONFIG_UNREADABLE;
constexpr auto insecure = Reason::CONFIG_INSECURE_FILE;

using KeyOwner = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY *)>;
using CertificateOwner = std::unique_ptr<X509, void (*)(X509 *)>;

KeyOwner private_key() {
    const std::string pem = TestKey::shared("ES256").pem();
    BIO *in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    KeyOwner key(PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr), &EVP_PKEY_free);
    BIO_free(in);
    return key;
}

std::string written(const std::function<int(BIO *)> &write) {
    BIO *out = BIO_new(BIO_s_mem());
    EXPECT_EQ(write(out), 1);
    char *data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(out);
    return text;
}

std::string certificate_pem() {
    static const support::TestCa ca;
    return ca.root_pem();
}
CertificateOwner certificate() {
    const std::string pem = certificate_pem();
    BIO *in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    CertificateOwner out(PEM_read_bio_X509(in, nullptr, nullptr, nullptr), &X509_free);
    BIO_free(in);
    return out;
}
std::string certificate_der() {
    return written([](BIO *out) { return i2d_X509_bio(out, certificate().get()); });
}
std::string public_pem() {
    return written([](BIO *out) { return PEM_write_bio_PUBKEY(out, private_key().get()); });
}
std::string public_der() {
    return written([](BIO *out) { return i2d_PUBKEY_bio(out, private_key().get()); });
}
std::string private_der() {
    return written([](BIO *out) { return i2d_PrivateKey_bio(out, private_key().get()); });
}
std::string encrypted_der() {
    return written([](BIO *out) {
        return i2d_PKCS8PrivateKey_bio(out, private_key().get(), EVP_aes_128_cbc(), "abcd", 4, nullptr,
                                       nullptr);
    });
}
std::string pkcs12() {
    return written([](BIO *out) {
        PKCS12 *file = PKCS12_create("", "name", nullptr, certificate().get(), nullptr, 0, 0, 0, 0, 0);
        const int done = i2d_PKCS12_bio(out, file);
        PKCS12_free(file);
        return done;
    });
}
std::string pkcs7(bool pem) {
    return written([pem](BIO *out) {
        PKCS7 *file = PKCS7_new();
        PKCS7_set_type(file, NID_pkcs7_signed);
        PKCS7_content_new(file, NID_pkcs7_data);
        PKCS7_add_certificate(file, certificate().get());
        const int done = pem ? PEM_write_bio_PKCS7(out, file) : i2d_PKCS7_bio(out, file);
        PKCS7_free(file);
        return done;
    });
}
/// The same with a character in its second line that no base64 has.
std::string damaged(std::string pem) {
    pem[pem.find('\n') + 5] = '!';
    return pem;
}
std::string utf16(const std::string &text) {
    std::string out = "\xFF\xFE";
    for (const char c : text) out.append({c, '\0'});
    return out;
}
std::string encrypted_certificate() {
    std::string pem = certificate_pem();
    pem.insert(pem.find('\n') + 1,
               "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
    return pem;
}
std::string oct(int count) {
    std::string keys;
    for (int i = 0; i < count; ++i) keys += std::string(i == 0 ? "" : ",") + R"({"kty":"oct","k":"AA"})";
    return R"({"keys":[)" + keys + "]}";
}

enum class Made { file, nothing, folder };

struct Row {
    std::string_view option;
    const char *kind;
    std::string content;
    Reason reason;
    std::string what;  ///< how the message ends
    std::string hint;  ///< FILE stands for the file
    mode_t mode = 0644;
    Made made = Made::file;
};

std::vector<Row> rows() {
    std::vector<Row> out;
    for (const std::string_view option : {"ca_file", "jwks_file", "jwks_token_file"}) {
        out.push_back(
            {option, "missing", "", unreadable, "No such file or directory", "", 0644, Made::nothing});
        out.push_back({option, "a folder", "", unreadable, "is a directory", "", 0755, Made::folder});
        out.push_back({option, "empty", "", invalid, "is empty", ""});
        out.push_back({option, "blank", " \r\n\t\n", invalid, "is empty", ""});
        out.push_back(
            {option, "0666", "x", insecure, "has mode 0666: others may write it", "chmod go-w FILE", 0666});
        out.push_back(
            {option, "0664", "x", insecure, "has mode 0664: its group may write it", "chmod go-w FILE", 0664});
        out.push_back({option, "UTF-16", utf16(certificate_pem()), invalid,
                       "it is UTF-16 text, ASCII is needed", "iconv -f UTF-16 -t ASCII -o FILE.txt FILE"});
    }
    const auto ca = [&](const char *kind, const std::string &content, const char *what, const char *hint = "") {
        out.push_back({"ca_file", kind, content, invalid, what, hint});
    };
    ca("DER", certificate_der(), "it is DER, PEM is needed", "openssl x509 -inform der -in FILE -out FILE.pem");
    ca("PKCS#12", pkcs12(), "it is PKCS#12, PEM is needed", "openssl pkcs12 -in FILE -nokeys -out FILE.pem");
    ca("PKCS#7 in DER", pkcs7(false), "it is PKCS#7, PEM is needed",
       "openssl pkcs7 -inform der -print_certs -in FILE -out FILE.pem");
    ca("PKCS#7 in PEM", pkcs7(true), "it holds no certificate, but a PEM block \"PKCS7\"",
       "openssl pkcs7 -print_certs -in FILE -out FILE.pem");
    ca("a public key in DER", public_der(), "it is a key in DER, a certificate in PEM is needed");
    ca("a private key in DER", private_der(), "it is a key in DER, a certificate in PEM is needed");
    ca("a public key", public_pem(), "it holds no certificate, but a PEM block \"PUBLIC KEY\"");
    ca("a private key", TestKey::shared("ES256").pem(),
       "it holds no certificate, but a PEM block \"PRIVATE KEY\"");
    ca("a JWKS", oct(1), "it holds no certificate");
    ca("text", "what is this", "it holds no certificate");
    // libcurl takes all of the file or nothing.
    ca("damaged", damaged(certificate_pem()), "the PEM block that begins on line 1 can't be read");
    ca("damaged behind a good one", certificate_pem() + "\n" + damaged(certificate_pem()),
       ("the PEM block that begins on line " + std::to_string(std::ranges::count(certificate_pem(), '\n') + 2) +
        " can't be read")
           .c_str());
    ca("no certificate under its label", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
       "the PEM block that begins on line 1 can't be read");
    ca("one with a passphrase", encrypted_certificate(), "the PEM block that begins on line 1 can't be read");

    const auto keys = [&](const char *kind, const std::string &content, const char *what,
                          const char *hint = "") {
        out.push_back({"jwks_file", kind, content, invalid, what, hint});
    };
    keys("a certificate in DER", certificate_der(), "it is DER, PEM or a JWKS is needed",
         "openssl x509 -inform der -in FILE -out FILE.pem");
    keys("a public key in DER", public_der(), "it is DER, PEM or a JWKS is needed",
         "openssl pkey -pubin -inform der -in FILE -out FILE.pem");
    keys("a private key in DER", private_der(), "it holds a private key",
         "openssl pkey -inform der -in FILE -pubout -out FILE.pub");
    keys("an encrypted one in DER", encrypted_der(), "it holds a private key",
         "openssl pkey -inform der -in FILE -pubout -out FILE.pub");
    keys("PKCS#12", pkcs12(), "it is PKCS#12, PEM or a JWKS is needed",
         "openssl pkcs12 -in FILE -clcerts -nokeys -out FILE.pem");
    keys("PKCS#7 in DER", pkcs7(false), "it is PKCS#7, PEM or a JWKS is needed",
         "openssl pkcs7 -inform der -print_certs -in FILE -out FILE.pem");
    keys("PKCS#7 in PEM", pkcs7(true), "it holds no key, but a PEM block \"PKCS7\"",
         "openssl pkcs7 -print_certs -in FILE -out FILE.pem");
    keys("a private key", TestKey::shared("ES256").pem(), "it holds a private key (PEM block 1)",
         "openssl pkey -in FILE -pubout -out FILE.pub");
    keys("a private key behind a public one", public_pem() + TestKey::shared("ES256").pem(),
         "it holds a private key (PEM block 2)", "openssl pkey -in FILE -pubout -out FILE.pub");
    keys("damaged", damaged(public_pem()), "PEM block 1 can't be decoded");
    keys("one shared secret", oct(1), "its 1 key is a shared secret (oct), which isn't accepted");
    keys("three", oct(3), "its 3 keys are shared secrets (oct), which aren't accepted");
    keys("no keys", R"({"keys":[]})", "it holds no key");
    keys("one JWK", R"({"kty":"EC","crv":"P-256"})", "it is one key (JWK), not a set",
         "jq '{keys: [.]}' FILE > FILE.jwks");
    keys("a discovery document", R"({"issuer":"https://a","jwks_uri":"https://a/keys"})",
         "it is a discovery document, not a key set", "jwks_uri = https://a/keys");
    keys("a discovery document of another", R"({"jwks_uri":"http://a/keys"})",
         "it is a discovery document, not a key set");
    keys("HTML", "<html></html>", "it is neither JSON (a JWKS) nor PEM");
    keys("JSON without keys", "{}", "the key set has no member keys");

    const auto token = [&](const char *kind, const std::string &content, const char *what,
                           const char *hint = "") {
        out.push_back({"jwks_token_file", kind, content, invalid, what, hint});
    };
    token("a header", "Bearer abc\n", "the token has the word Bearer in front", "sed -i 's/^Bearer *//' FILE");
    token("two lines", "abc\ndef",
          "it holds no bearer token: one token and nothing else (RFC 6750 section 2.1)");
    return out;
}

class NamedFiles : public testing::Test {
  protected:
    NamedFiles() {
        folder.write("good.json", support::jwks({TestKey::shared("ES256").jwk("k1", "ES256")}));
        folder.write("good.ini", ini("jwks_file = " + folder.path("good.json")));
    }

    static std::string ini(const std::string &lines) {
        return "[oauth]\nissuer = https://id.example\nresource_server_id = broker\n" + lines + "\n";
    }
    BackendOptions options(const std::string &name) {
        BackendOptions options = options_with_log({}, log);
        options.config_files = {folder.path(name)};
        return options;
    }
    Result<std::string> checked(const std::string &lines) {
        folder.write("tokenward.ini", ini(lines));
        return Backend::check_config(options("tokenward.ini"));
    }
    /// Where line 4 of the file stands, as a message begins.
    std::string place() const { return folder.path("tokenward.ini") + ":4: [oauth] "; }

    Provider folder;
    std::string log;
    ManualClock clock;
};

TEST_F(NamedFiles, ABadOneIsRefusedInTheSameWordsByAll) {
    for (const Row &row : rows()) {
        SCOPED_TRACE(std::string(row.option) + ": " + row.kind);
        const std::string path = folder.path("named.file");
        std::filesystem::remove_all(path);
        if (row.made == Made::folder) std::filesystem::create_directory(path);
        if (row.made == Made::file) {
            folder.write("named.file", row.content);
            ASSERT_EQ(::chmod(path.c_str(), row.mode), 0);
        }
        const std::string message = place() + std::string(row.option) + " = \"" + path + "\": " + row.what;
        const std::string hint = command_with(row.hint, path);
        EXPECT_EQ(hint.empty(), row.hint.empty());

        const auto expect_refused = [&](const char *by, const auto &result) {
            SCOPED_TRACE(by);
            ASSERT_FALSE(result);
            EXPECT_STREQ(reason_name(result.error().reason), reason_name(row.reason));
            EXPECT_EQ(result.error().detail, message);
            EXPECT_EQ(result.error().hint, hint);
        };
        expect_refused("config_check", checked(std::string(row.option) + " = " + path));
        expect_refused("create", Backend::create(options("tokenward.ini"), clock));
        const auto running = make_backend(options("good.ini"), clock);
        ASSERT_TRUE(running);
        const BackendOptions next = options("tokenward.ini");
        expect_refused("reload", running->reload(&next));
        running->close();
    }
}

TEST_F(NamedFiles, AGoodOneIsApprovedByAll) {
    const std::pair<std::string_view, std::string> good[] = {
        {"ca_file", certificate_pem()},
        {"ca_file", "a comment\n" + certificate_pem() + TestKey::shared("ES256").pem() + certificate_pem()},
        {"ca_file", "\xEF\xBB\xBF\r\n" + certificate_pem()},
        {"jwks_file", support::jwks({TestKey::shared("ES256").jwk("k1", "ES256")})},
        {"jwks_file", public_pem()},
        {"jwks_file", certificate_pem()},
        {"jwks_token_file", "abc.def\n"},
    };
    for (const auto &[option, content] : good) {
        SCOPED_TRACE(std::string(option) + " " + content);
        folder.write("named.file", content);
        const auto text = checked(std::string(option) + " = " + folder.path("named.file"));
        ASSERT_TRUE(text) << text.error().detail;
        EXPECT_NE(text->find("\"warnings\":[]"), std::string::npos) << *text;
        const auto backend = make_backend(options("tokenward.ini"), clock);
        ASSERT_TRUE(backend);
        backend->close();
    }
}

TEST_F(NamedFiles, WhatIsSaidOfAUsableOneIsAWarningInBoth) {
    folder.write("two.json", R"({"keys":[)" + TestKey::shared("ES256").jwk("k1", "ES256").json() +
                                 R"(,{"kty":"RSA","kid":"k2","n":"AQAB","e":"AQAB"}]})");
    const std::string text = checked("jwks_file = " + folder.path("two.json")).value();
    const std::string warning =
        "jwks_file = \"" + folder.path("two.json") + "\": key 2 (kid \"k2\") is not usable";
    std::string in_json = warning;
    for (std::size_t at = 0; (at = in_json.find('"', at)) != std::string::npos; at += 2)
        in_json.insert(at, "\\");
    EXPECT_NE(text.find(in_json), std::string::npos) << text;
    const auto backend = make_backend(options("tokenward.ini"), clock);
    ASSERT_TRUE(backend);
    backend->close();
    EXPECT_NE(log.find(place() + warning), std::string::npos) << log;
}

/// The broker says it when it writes.
TEST_F(NamedFiles, WhereNothingCanBeWrittenIsAWarning) {
    const std::string text = checked("jwks_cache_file = " + folder.path("none/keys.json") +
                                     "\nmetrics_file = " + folder.path("none/t.prom"))
                                 .value();
    const std::string ending = "\\\": it can't be written: its folder \\\"" + folder.path("none") +
                               "\\\": No such file or directory\"";
    EXPECT_NE(text.find(place() + "jwks_cache_file = \\\"" + folder.path("none/keys.json") + ending),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(":5: [oauth] metrics_file = \\\"" + folder.path("none/t.prom") + ending),
              std::string::npos)
        << text;
    const auto backend = make_backend(options("tokenward.ini"), clock);
    ASSERT_TRUE(backend);
    backend->close();
}

/// The broker starts without it, and says so.
TEST_F(NamedFiles, ACacheFileThatWontBeReadIsAWarningInBoth) {
    const std::string path = folder.path("cache.json");
    for (const auto &[content, mode, words] : {std::tuple{"{}", 0644, "it isn't a cache file of this library"},
                                               std::tuple{"{}", 0666, "has mode 0666: others may write it"}}) {
        SCOPED_TRACE(words);
        folder.write("cache.json", content);
        ASSERT_EQ(::chmod(path.c_str(), static_cast<mode_t>(mode)), 0);
        const std::string text = checked("jwks_cache_file = " + path).value();
        log.clear();
        const auto backend = make_backend(options("tokenward.ini"), clock);
        ASSERT_TRUE(backend);
        backend->close();
        EXPECT_NE(text.find(words), std::string::npos) << text;
        EXPECT_NE(log.find(words), std::string::npos) << log;
    }
}

/// What the broker's user owns is good for a broker of that user, and root is told so. A broker of root's is another
/// matter: it would obey that user.
TEST_F(NamedFiles, RootMayCheckTheFilesOfTheBrokersUser) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const std::string keys = folder.path("good.json");
    ASSERT_TRUE(checked("jwks_file = " + keys));
    for (const std::string &path : {keys, folder.path("tokenward.ini")}) {
        ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
        ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
    }
    const auto text = Backend::check_config(options("tokenward.ini"));
    ASSERT_TRUE(text) << text.error().detail;
    for (const std::string &path : {keys, folder.path("tokenward.ini")}) {
        EXPECT_NE(
            text->find(path + "\\\" belongs to user nobody (uid 65534): good if the broker runs as that user"),
            std::string::npos)
            << *text;
    }
    const auto created = Backend::create(options("tokenward.ini"), clock);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().detail, "\"" + folder.path("tokenward.ini") +
                                          "\": belongs to user nobody (uid 65534), and root reads it");
    EXPECT_EQ(created.error().hint, "run this as that user: runuser -u nobody; if root is right: chown root " +
                                        folder.path("tokenward.ini"));
    ASSERT_EQ(::chmod(keys.c_str(), 0602), 0);
    EXPECT_EQ(Backend::check_config(options("tokenward.ini")).error().reason, insecure)
        << "others may write it";
}

}  // namespace
}  // namespace tokenward::session
