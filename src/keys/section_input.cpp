#include "keys/section_input.hpp"

#include "base/secure_file.hpp"
#include "base/text.hpp"
#include "jose/crypto.hpp"
#include "jose/pem.hpp"
#include "keys/bearer_file.hpp"

#include <cstddef>
#include <new>
#include <utility>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace tokenward::keys {
namespace {

constexpr std::size_t largest_key_file = std::size_t{1} << 20;
constexpr std::size_t largest_ca_file = std::size_t{8} << 20;  // the system's bundles have some 200 KB

bool holds_certificate(const std::string &pem) {
    const jose::ErrorQueueGuard guard;
    BIO *bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    if (bio == nullptr) throw std::bad_alloc();
    X509 *certificate = PEM_read_bio_X509_AUX(bio, nullptr, nullptr, nullptr);
    const bool found = certificate != nullptr;
    X509_free(certificate);
    BIO_free(bio);
    if (!found) jose::ErrorQueueGuard::throw_if_out_of_memory();
    // A text without a certificate is an error on the queue.
    if (!found && ERR_peek_error() == 0) throw std::bad_alloc();
    return found;
}

/// A JWKS or PEM. PEM becomes a JWKS first, so that every key passes the same rules.
Result<jose::KeySet> parse_key_file(const std::string &text, jose::KeySet::Notes &notes) {
    if (!jose::looks_like_pem(text)) return jose::KeySet::parse(text, notes);
    const Result<std::string> jwks = jose::jwks_from_pem(text);
    return jwks ? jose::KeySet::parse(*jwks, notes) : tl::unexpected<Failure>(jwks.error());
}

Result<jose::KeySet> read_key_file(const std::string &path, Logger &logger) {
    const Result<std::string> text = read_trusted_file(path, largest_key_file);
    if (!text) return tl::unexpected<Failure>(text.error());
    jose::KeySet::Notes notes;
    Result<jose::KeySet> keys = parse_key_file(*text, notes);
    for (const std::string &note : notes.warnings)
        logger.warning(fmt::format("jwks_file {}: {}", quote(path), note));
    for (const std::string &note : notes.debug)
        logger.debug(fmt::format("jwks_file {}: {}", quote(path), note));
    if (!keys) {
        return fail(Reason::CONFIG_INVALID_VALUE,
                    fmt::format("jwks_file {}: {}", quote(path, 256), keys.error().detail),
                    "a key file is a JSON object with \"keys\", an array of public JSON Web Keys (RFC 7517 "
                    "section 5), or PEM "
                    "with public keys or certificates");
    }
    if (keys->keys().empty()) {
        return fail(Reason::CONFIG_INVALID_VALUE,
                    fmt::format("jwks_file {}: it holds no keys", quote(path, 256)),
                    "put at least one public signature key into it");
    }
    return keys;
}

}  // namespace

Result<SectionInput> read_section_input(const config::Section &section, Logger &logger) {
    SectionInput input{section.name, section.issuer, section.tokens.issuer_aliases,
                       section.keys, nullptr,        std::nullopt};
    if (!section.keys.jwks_file.empty()) {
        Result<jose::KeySet> keys = read_key_file(section.keys.jwks_file, logger);
        if (!keys) return pass_on(std::move(keys));
        input.file_keys = std::move(*keys);
        if (section.keys.only_file()) return input;
    }
    if (!section.keys.ca_file.empty()) {
        Result<std::string> pem = read_trusted_file(section.keys.ca_file, largest_ca_file);
        if (!pem) return pass_on(std::move(pem));
        if (!holds_certificate(*pem)) {
            return fail(
                Reason::CONFIG_INVALID_VALUE,
                fmt::format("ca_file {}: it holds no certificate in PEM", quote(section.keys.ca_file, 256)),
                "give a file with one or more '-----BEGIN CERTIFICATE-----' blocks");
        }
        input.ca_pem = std::make_shared<const std::string>(std::move(*pem));
    }
    if (!section.keys.jwks_token_file.empty()) {
        if (Result<std::string> token = read_bearer_file(section.keys.jwks_token_file); !token)
            return pass_on(std::move(token));
    }
    return input;
}

}  // namespace tokenward::keys
