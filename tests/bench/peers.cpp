#include "peers.hpp"

#include <cstdint>
#include <cstring>
#include <ctime>

#ifdef WITH_LIBJWT
#include <jwt.h>
#endif
#if defined(WITH_CJOSE) && defined(WITH_JANSSON)
#include <cjose/cjose.h>
#include <jansson.h>
#endif

namespace tokenward::bench {
namespace {

#ifdef WITH_LIBJWT
/// Signature and JSON; of the claims only exp is looked at here. It takes the key as PEM, each time.
class Libjwt final : public PeerVerifier {
  public:
    explicit Libjwt(const Sample &sample) : sample_(sample) {}
    bool verify() override {
        jwt_t *jwt = nullptr;
        const auto *key = reinterpret_cast<const unsigned char *>(sample_.pem.data());
        if (jwt_decode(&jwt, sample_.token.c_str(), key, static_cast<int>(sample_.pem.size())) != 0)
            return false;
        const bool good = jwt_get_grant_int(jwt, "exp") > std::time(nullptr);
        jwt_free(jwt);
        return good;
    }

  private:
    const Sample &sample_;
};
#endif

#if defined(WITH_CJOSE) && defined(WITH_JANSSON)
/// The signature; cjose reads no claims. Its key is made once.
class CjoseSignature : public PeerVerifier {
  public:
    explicit CjoseSignature(const Sample &sample)
        : sample_(sample), key_(cjose_jwk_import(sample.jwk.data(), sample.jwk.size(), nullptr)) {}
    ~CjoseSignature() override { cjose_jwk_release(key_); }
    CjoseSignature(const CjoseSignature &) = delete;
    CjoseSignature &operator=(const CjoseSignature &) = delete;
    bool verify() override {
        cjose_jws_t *jws = cjose_jws_import(sample_.token.data(), sample_.token.size(), nullptr);
        const bool good = jws != nullptr && cjose_jws_verify(jws, key_, nullptr) && accept(jws);
        cjose_jws_release(jws);
        return good;
    }

  private:
    virtual bool accept(cjose_jws_t * /*jws*/) { return true; }

    const Sample &sample_;
    cjose_jwk_t *key_;
};

/// With the claims exp and iss, by the JSON library that cjose itself is built on.
class Cjose final : public CjoseSignature {
  public:
    using CjoseSignature::CjoseSignature;

  private:
    bool accept(cjose_jws_t *jws) override {
        std::uint8_t *payload = nullptr;
        std::size_t size = 0;
        if (!cjose_jws_get_plaintext(jws, &payload, &size, nullptr)) return false;
        json_t *claims =
            json_loadb(reinterpret_cast<const char *>(payload), size, JSON_REJECT_DUPLICATES, nullptr);
        const char *iss = json_string_value(json_object_get(claims, "iss"));
        const bool good = iss != nullptr && std::strcmp(iss, "https://id.example.com/realms/main") == 0 &&
                          json_integer_value(json_object_get(claims, "exp")) > std::time(nullptr);
        json_decref(claims);
        return good;
    }
};
#endif

template <class Verifier>
Peer peer(std::string name, std::vector<std::string_view> known) {
    return {std::move(name), std::move(known),
            [](const Sample &sample) { return std::make_unique<Verifier>(sample); }};
}

}  // namespace

const std::vector<Peer> &peers() {
    static const std::vector<Peer> all = {
#ifdef WITH_LIBJWT
        peer<Libjwt>("libjwt", {"RS256", "ES256"}),
#endif
#if defined(WITH_CJOSE) && defined(WITH_JANSSON)
        peer<Cjose>("cjose", {"RS256", "PS256", "ES256"}),
        peer<CjoseSignature>("cjose signature only", {"RS256", "PS256", "ES256"}),
#endif
#ifdef WITH_CPP_JWT
        {"cpp-jwt", {"RS256", "ES256"}, make_cpp_jwt},
#endif
    };
    return all;
}

}  // namespace tokenward::bench
