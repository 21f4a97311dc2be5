// What several tests of this room share.
#pragma once

#include "base/base64.hpp"
#include "jose/jwk.hpp"
#include "jose/jws.hpp"

#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tokenward::jose {

/// "usable", "not for us: ..." or "broken: ...".
inline std::string verdict_on(const std::string &jwk) {
    JsonDocument document;
    const auto json = document.parse(jwk, Reason::KEYS_UNAVAILABLE);
    if (!json) return "no JSON: " + json.error().detail;
    const auto key = Key::from_jwk(*json);
    if (key) return "usable";
    return (key.error().not_for_us ? "not for us: " : "broken: ") + key.error().detail;
}

inline std::shared_ptr<const Key> make_key(const std::string &jwk) {
    JsonDocument document;
    const auto json = document.parse(jwk, Reason::KEYS_UNAVAILABLE);
    if (!json) return nullptr;
    auto key = Key::from_jwk(*json);
    if (!key) {
        ADD_FAILURE() << key.error().detail;
        return nullptr;
    }
    return *key;
}

/// All checks of a token up to its signature: "valid", or the reason's name.
inline std::string check_token(std::string_view token, const Key &key) {
    const auto jws = CompactJws::split(token);
    if (!jws) return reason_name(jws.error().reason);
    JsonDocument document;
    const auto header = Header::decode(jws->header, document);
    if (!header) return reason_name(header.error().reason);
    std::string payload(base64url_decoded_size(jws->payload.size()), '\0');
    std::string signature(base64url_decoded_size(jws->signature.size()), '\0');
    if (!base64url_decode(jws->payload, payload.data())) return "MALFORMED_TOKEN";
    const auto size = base64url_decode(jws->signature, signature.data());
    if (!size) return "MALFORMED_TOKEN";
    signature.resize(*size);
    if (!key.fits(header->algorithm)) return "ALGORITHM_MISMATCH";
    return key.verify(header->algorithm, jws->signing_input, signature) ? "valid" : "BAD_SIGNATURE";
}

inline std::string thumbprint_text(const Key &key) {
    const Thumbprint &thumbprint = key.thumbprint();
    return base64url_encode({reinterpret_cast<const char *>(thumbprint.data()), thumbprint.size()});
}

}  // namespace tokenward::jose
