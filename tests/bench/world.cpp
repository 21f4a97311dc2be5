#include "world.hpp"

#include <ctime>
#include <fstream>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>

namespace tokenward::bench {
namespace {

constexpr const char *issuer = "https://id.example.com/realms/main";

PublicKey read_private(const std::string &pem) {
    const std::unique_ptr<BIO, int (*)(BIO *)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                   BIO_free);
    return PublicKey(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

std::string public_pem(EVP_PKEY *key) {
    const std::unique_ptr<BIO, int (*)(BIO *)> bio(BIO_new(BIO_s_mem()), BIO_free);
    if (PEM_write_bio_PUBKEY(bio.get(), key) != 1) throw std::runtime_error("PEM_write_bio_PUBKEY");
    char *data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

PublicKey read_public(const std::string &pem) {
    const std::unique_ptr<BIO, int (*)(BIO *)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                   BIO_free);
    return PublicKey(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
}

/// r || s as the DER that OpenSSL takes.
std::string der_of(const std::string &raw) {
    const auto *bytes = reinterpret_cast<const unsigned char *>(raw.data());
    const auto half = static_cast<int>(raw.size() / 2);
    ECDSA_SIG *signature = ECDSA_SIG_new();
    ECDSA_SIG_set0(signature, BN_bin2bn(bytes, half, nullptr), BN_bin2bn(bytes + half, half, nullptr));
    unsigned char *out = nullptr;
    const int size = i2d_ECDSA_SIG(signature, &out);
    const std::string der(reinterpret_cast<char *>(out), static_cast<std::size_t>(size));
    OPENSSL_free(out);
    ECDSA_SIG_free(signature);
    return der;
}

Sample make_sample(const std::string &algorithm) {
    const support::TestKey &key = support::TestKey::shared(algorithm);
    const std::string kid = "key-" + algorithm;
    Sample sample;
    sample.algorithm = algorithm;
    const std::string header = support::jws_header(algorithm, kid).json();
    const std::string payload = claims("alice", twenty_scopes()).json();
    sample.signing_input = support::base64url_encode(header) + "." + support::base64url_encode(payload);
    const std::string raw = key.signature(algorithm, sample.signing_input);
    sample.token = sample.signing_input + "." + support::base64url_encode(raw);
    sample.signature = algorithm[0] == 'E' && algorithm[1] == 'S' ? der_of(raw) : raw;
    sample.jwk = key.jwk(kid, algorithm).json();
    sample.pem = public_pem(read_private(key.pem()).get());
    sample.key = read_public(sample.pem);
    return sample;
}

}  // namespace

std::vector<std::string> twenty_scopes(std::string_view salt) {
    static constexpr const char *operations[] = {"read", "write", "configure", "read"};
    static constexpr const char *names[] = {"orders.eu.", "events.*.", "jobs.mail.", "metrics.", "audit.log."};
    std::vector<std::string> scopes;
    for (std::size_t i = 0; i < 20; ++i) {
        std::string scope = std::string("mq.") + operations[i % 4] + ":%2F/";
        if (!salt.empty()) (scope += salt) += '.';
        scope += names[i % 5] + std::to_string(10 + i);
        if (i % 3 == 0) scope += ".*";
        scopes.push_back(std::move(scope));
    }
    return scopes;
}

std::vector<std::string> many_scopes(std::size_t count, std::string_view salt) {
    std::vector<std::string> scopes;
    for (std::size_t i = 0; i < count; ++i) {
        static constexpr const char *kinds[] = {"", ".*", "*.done"};
        std::string scope = "mq.read:%2F/";
        if (!salt.empty()) (scope += salt) += '.';
        scopes.push_back(scope + "tenant." + std::to_string(100000 + i) + kinds[i % 3]);
    }
    return scopes;
}

support::JsonObject claims(std::string_view username, const std::vector<std::string> &scopes) {
    const auto now = static_cast<std::int64_t>(std::time(nullptr));
    std::string scope = "openid profile";
    for (const std::string &one : scopes) scope += ' ' + one;
    return support::JsonObject()
        .number("exp", now + 86400)
        .number("iat", now)
        .string("jti", "5a8f2c1e-3b7d-4e69-9a41-c0d2b7e6f813")
        .string("iss", issuer)
        .strings("aud", {"broker", "account"})
        .string("sub", "f3b1a6d2-9c4e-4f7a-8b15-2e0d6c7a9f34")
        .string("typ", "Bearer")
        .string("azp", "meter-gateway")
        .string("sid", "0b9e4d7c-6a2f-4c18-b3e5-71f8d2a9c640")
        .string("acr", "1")
        .boolean("email_verified", false)
        .string("preferred_username", username)
        .string("scope", scope);
}

std::string mint(std::string_view algorithm, const support::JsonObject &claims, std::string_view kid) {
    return support::TestKey::shared(algorithm).sign(algorithm, support::jws_header(algorithm, kid).json(),
                                                    claims.json());
}

World &World::get() {
    static World world;
    return world;
}

World::World() {
    std::vector<support::JsonObject> keys;
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
        samples_[i] = make_sample(algorithms[i]);
        keys.push_back(
            support::TestKey::shared(algorithms[i]).jwk("key-" + samples_[i].algorithm, algorithms[i]));
    }
    write("jwks.json", support::jwks(keys));
}

std::string World::write(const std::string &name, const std::string &content) const {
    std::string path = directory_.path() + "/" + name;
    std::ofstream(path) << content;
    return path;
}

std::string World::config(const std::string &name, const std::string &more) const {
    return write(name, std::string("[oauth]\nissuer = ") + issuer +
                           "\nresource_server_id = broker\nscope_prefix = mq.\npreferred_username_claims = "
                           "preferred_username\nlog_level = warning\njwks_file = " +
                           directory_.path() + "/jwks.json\n" + more);
}

Backend::Backend(const std::string &more)
    : library_(World::get().library()), context_(support::cleared<tokenward_context>()) {
    static int number = 0;
    const std::string path = World::get().config("backend" + std::to_string(number++) + ".ini", more);
    const tokenward_string file = support::text(path);
    const auto options =
        support::options_with_log(file, [](void *, std::int32_t, const char *, std::size_t) {});
    auto error = support::cleared<tokenward_error>();
    if (library_.create(&options, &handle_, &error) != TOKENWARD_OK) throw std::runtime_error(error.message);
    context_.protocol = support::text("mqtt");
    context_.peer = support::text("192.0.2.17:51234");
    context_.client_id = support::text("meter-0042");
}

Backend::~Backend() {
    library_.destroy(handle_);
}

tokenward_session *Backend::session(std::string_view token) const {
    tokenward_session *session = nullptr;
    const auto credentials = support::bearer(token);
    auto error = support::cleared<tokenward_error>();
    if (library_.authenticate(handle_, &credentials, &context_, &session, &error) != TOKENWARD_OK) {
        throw std::runtime_error(std::string("not let in: ") + error.message);
    }
    return session;
}

const Backend &denying_backend() {
    static const Backend backend = [] {
        std::string lines;
        for (int i = 0; i < 10000; ++i) lines += "jti stolen-" + std::to_string(i) + '\n';
        return Backend("max_token_bytes = 1048576\ndenied_file = " + World::get().write("denied", lines) +
                       '\n');
    }();
    return backend;
}

const Backend &cold_backend() {
    static const Backend backend("token_cache_size = 0\n");
    return backend;
}

const Backend &warm_backend() {
    static const Backend backend("");
    return backend;
}

}  // namespace tokenward::bench
