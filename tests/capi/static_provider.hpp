// An issuer without a network: one key, its set in a file, a configuration that names it.
#pragma once

#include "support/test_issuer.hpp"
#include "support/token_mint.hpp"

#include <cstdint>
#include <ctime>
#include <fstream>
#include <string>

#include <sys/stat.h>

namespace tokenward::support {

class StaticProvider {
  public:
    explicit StaticProvider(const std::string &more_configuration = "") {
        write("jwks.json", jwks({key().jwk("k1", "ES256")}));
        write("tokenward.ini",
              "[oauth]\nissuer = https://id.example\naudience = broker\nscope_prefix =\njwks_file = " +
                  path("jwks.json") + "\n" + more_configuration);
    }

    static const TestKey &key() { return TestKey::shared("ES256", 7); }
    std::string config_file() const { return path("tokenward.ini"); }
    std::string path(const std::string &name) const { return directory_.path() + "/" + name; }

    void write(const std::string &name, const std::string &content) const {
        std::ofstream(path(name)) << content;
        chmod(path(name).c_str(), 0644);
    }

    static JsonObject claims(const std::string &scope, std::int64_t lifetime_s = 300) {
        const auto now = static_cast<std::int64_t>(std::time(nullptr));
        return JsonObject()
            .string("iss", "https://id.example")
            .string("aud", "broker")
            .string("sub", "alice")
            .number("iat", now)
            .number("exp", now + lifetime_s)
            .string("scope", scope);
    }
    static std::string mint(const JsonObject &claims) {
        return key().sign("ES256", jws_header("ES256", "k1").json(), claims.json());
    }
    static std::string token(const std::string &scope, std::int64_t lifetime_s = 300) {
        return mint(claims(scope, lifetime_s));
    }

  private:
    TemporaryDirectory directory_;
};

}  // namespace tokenward::support
