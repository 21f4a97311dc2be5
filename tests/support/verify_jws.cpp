// verify_jws --jwks FILE: one compact JWS on standard input, its signature checked by the library's own code
// and key rules; the payload may be any octets. For comparing with other implementations.
//
// Exit status: 0 valid, 1 not (the reason on standard error), 2 usage.
#include "base/base64.hpp"
#include "jose/crypto.hpp"
#include "jose/jwk.hpp"
#include "jose/jws.hpp"

#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace {

using tokenward::fail;
using tokenward::pass_on;
using tokenward::Reason;
using tokenward::Result;

Result<std::string> decode(std::string_view encoded, const char *what) {
    std::string bytes(tokenward::base64url_decoded_size(encoded.size()), '\0');
    const auto size = tokenward::base64url_decode(encoded, bytes.data());
    if (!size) return fail(Reason::MALFORMED_TOKEN, std::string(what) + " isn't canonical base64url");
    bytes.resize(*size);
    return bytes;
}

Result<bool> check(std::string_view token, std::string_view jwks) {
    auto available = tokenward::jose::available_algorithms();
    if (!available) return pass_on(std::move(available));
    auto jws = tokenward::jose::CompactJws::split(token);
    if (!jws) return pass_on(std::move(jws));
    tokenward::JsonDocument document;
    auto header = tokenward::jose::Header::decode(jws->header, document);
    if (!header) return pass_on(std::move(header));
    auto payload = decode(jws->payload, "the payload");
    if (!payload) return pass_on(std::move(payload));
    auto signature = decode(jws->signature, "the signature");
    if (!signature) return pass_on(std::move(signature));

    tokenward::jose::KeySet::Notes notes;
    auto keys = tokenward::jose::KeySet::parse(jwks, notes);
    for (const std::string &note : notes.warnings) std::cerr << "warning: " << note << '\n';
    for (const std::string &note : notes.debug) std::cerr << "note: " << note << '\n';
    if (!keys) return pass_on(std::move(keys));
    auto key = keys->select(header->algorithm, header->kid, {});
    if (!key) return pass_on(std::move(key));
    if (!available->contains(header->algorithm)) {
        return fail(Reason::ALGORITHM_NOT_ALLOWED, "OpenSSL doesn't offer it here");
    }
    if (!(*key)->verify(header->algorithm, jws->signing_input, *signature)) {
        return fail(Reason::BAD_SIGNATURE, "it doesn't verify");
    }
    return true;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 3 || std::strcmp(argv[1], "--jwks") != 0) {
        std::cerr << "usage: verify_jws --jwks FILE <TOKEN\n";
        return 2;
    }
    std::ifstream file(argv[2], std::ios::binary);
    std::string jwks;
    std::string token;
    try {
        if (!file) throw std::runtime_error("it can't be opened");
        jwks.assign(std::istreambuf_iterator<char>(file), {});
        token.assign(std::istreambuf_iterator<char>(std::cin), {});
    } catch (const std::exception &error) {  // a folder can be opened, but not read
        std::cerr << "verify_jws: can't read the key set or the token: " << error.what() << '\n';
        return 2;
    }
    if (!token.empty() && token.back() == '\n') token.pop_back();

    const Result<bool> valid = check(token, jwks);
    if (!valid) {
        std::cerr << tokenward::reason_name(valid.error().reason) << ": " << valid.error().detail << '\n';
        return 1;
    }
    std::cout << "valid\n";
    return 0;
}
