// Mints a token for a shell script:
//
//   mint --state-dir DIR --alg ES256 --scope 'read:*/*' --sub bob       by the test issuer that runs in DIR
//   mint --key FILE --alg ES256 --kid k1 --claim 'iss="https://..."'    with a key of one's own
//   mint --key FILE --alg ES256 --kid k1 --new-key                      makes FILE and prints its JWKS
#include "support/issuer_admin.hpp"

#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

namespace support = tokenward::support;

struct Wishes {
    std::string state_directory, key_file, algorithm = "RS256", kid, signer = "current", payload;
    long lifetime = 300;
    bool new_key = false, has_kid = false;
    std::vector<std::string> claims, headers;  ///< NAME=JSON
};

std::string read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("can't read " + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string by_issuer(const Wishes &wishes) {
    std::string address = read_file(wishes.state_directory + "/admin");
    address.erase(address.find_last_not_of('\n') + 1);
    std::string body = "alg=" + wishes.algorithm + "\nsigner=" + wishes.signer +
                       "\nlifetime=" + std::to_string(wishes.lifetime) + '\n';
    if (wishes.has_kid) body += "kid=" + wishes.kid + '\n';
    for (const auto &claim : wishes.claims) body += "claim." + claim + '\n';
    for (const auto &header : wishes.headers) body += "header." + header + '\n';
    return support::ask_issuer_admin(address, "/mint", body);
}

void set_all(support::JsonObject &object, const std::vector<std::string> &members) {
    support::JsonObject changes;
    for (const auto &member : members) {
        const auto equals = member.find('=');
        if (equals == std::string::npos) throw std::invalid_argument("not NAME=JSON: " + member);
        changes.raw(member.substr(0, equals), member.substr(equals + 1));
    }
    object.merge(changes);
}

std::string by_key(const Wishes &wishes) {
    const auto key = support::TestKey::from_pem(read_file(wishes.key_file));
    auto header = support::jws_header(wishes.algorithm, wishes.kid);
    set_all(header, wishes.headers);
    if (!wishes.payload.empty()) return key.sign(wishes.algorithm, header.json(), wishes.payload);
    const std::int64_t now = std::time(nullptr);
    support::JsonObject claims;
    claims.string("sub", "alice")
        .string("aud", "broker")
        .number("iat", now)
        .number("exp", now + wishes.lifetime);
    set_all(claims, wishes.claims);
    return key.sign(wishes.algorithm, header.json(), claims.json());
}

std::string make_key(const Wishes &wishes) {
    const auto key = support::TestKey::generate(wishes.algorithm);
    support::write_file(wishes.key_file, key.pem());
    return support::jwks({key.jwk(wishes.kid, wishes.algorithm)});
}

}  // namespace

int main(int argc, char **argv) {
    CLI::App app("Mints a token for tests and prints it");
    Wishes wishes;
    std::string scope, subject;
    auto *state =
        app.add_option("--state-dir", wishes.state_directory, "let the test issuer that runs there sign");
    auto *key = app.add_option("--key", wishes.key_file, "sign with this private key (PEM)")->excludes(state);
    app.add_flag("--new-key", wishes.new_key, "make the key file and print its JWKS")->needs(key);
    app.add_option("--alg", wishes.algorithm, "RS256 (default) ... ES512, EdDSA");
    auto *kid = app.add_option("--kid", wishes.kid, "key id; may be empty");
    app.add_option("--signer", wishes.signer, "current, previous or stranger")->needs(state);
    app.add_option("--lifetime", wishes.lifetime, "seconds until exp, 300 if not given");
    auto *sub = app.add_option("--sub", subject, "the claim sub");
    auto *scopes = app.add_option("--scope", scope, "the claim scope");
    app.add_option("--claim", wishes.claims, "NAME=JSON, again and again; an empty JSON removes the claim")
        ->take_all();
    app.add_option("--header", wishes.headers, "NAME=JSON, the same for the header")->take_all();
    app.add_option("--payload", wishes.payload, "the whole payload as it is")->needs(key);
    CLI11_PARSE(app, argc, argv);
    wishes.has_kid = kid->count() > 0;
    if (sub->count() > 0) wishes.claims.push_back("sub=" + support::json_string(subject));
    if (scopes->count() > 0) wishes.claims.push_back("scope=" + support::json_string(scope));
    try {
        if (wishes.state_directory.empty() == wishes.key_file.empty()) {
            throw std::invalid_argument("either --state-dir or --key");
        }
        const std::string out = wishes.new_key            ? make_key(wishes)
                                : wishes.key_file.empty() ? by_issuer(wishes)
                                                          : by_key(wishes);
        std::printf("%s\n", out.c_str());
    } catch (const std::exception &error) {
        std::fprintf(stderr, "mint: %s\n", error.what());
        return 1;
    }
    return 0;
}
