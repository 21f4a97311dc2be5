#include "jose/jwk.hpp"

#include "base/text.hpp"
#include "jose/crypto.hpp"
#include "jose/key_material.hpp"
#include "jose/verifier.hpp"

#include <utility>

namespace tokenward::jose {
namespace {

/// What a JWK says about its key (RFC 7517 section 4).
struct Attributes {
    std::optional<std::string> kid;
    std::optional<Algorithm> algorithm;
    bool has_private_part = false;
};

using Checked = tl::expected<void, Key::Rejection>;

Checked check_use(const JsonValue &jwk) {
    const std::optional<JsonValue> use = jwk.find("use");
    if (!use) return {};
    if (!use->is_string()) return broken("use isn't a string");
    if (use->text() != "sig") return not_for_us("use is " + quote(use->text()));
    return {};
}

Checked check_key_ops(const JsonValue &jwk) {
    const std::optional<JsonValue> operations = jwk.find("key_ops");
    if (!operations) return {};
    if (!operations->is_array()) return broken("key_ops isn't an array");
    bool verify = false;
    for (const JsonValue operation : *operations) {
        if (!operation.is_string()) return broken("key_ops holds something that isn't a string");
        verify = verify || operation.text() == "verify";
    }
    if (!verify) return not_for_us("key_ops has no verify");
    return {};
}

Checked read_alg(const JsonValue &jwk, Attributes &out) {
    const std::optional<JsonValue> alg = jwk.find("alg");
    if (!alg) return {};
    if (!alg->is_string()) return broken("alg isn't a string");
    out.algorithm = parse_algorithm(alg->text());
    if (!out.algorithm) return not_for_us("alg is " + quote(alg->text()));
    return {};
}

Checked read_kid(const JsonValue &jwk, Attributes &out) {
    const std::optional<JsonValue> kid = jwk.find("kid");
    if (!kid) return {};
    if (!kid->is_string()) return broken("kid isn't a string");
    out.kid = std::string(kid->text());
    return {};
}

}  // namespace

struct Key::Impl {
    Attributes attributes;
    Thumbprint thumbprint;
    std::string type;
    std::string kid;  ///< empty if there is none, or an empty one
    Verifier verifier;

    Impl(Attributes from_jwk, KeyMaterial material)
        : attributes(std::move(from_jwk)),
          thumbprint(material.thumbprint),
          type(std::move(material.type)),
          kid(attributes.kid.value_or(std::string())),
          verifier(std::move(material.key), material.kind, material.signature_size) {}
};

Key::Key(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}

Key::~Key() = default;

tl::expected<std::shared_ptr<const Key>, Key::Rejection> Key::from_jwk(const JsonValue &jwk) {
    const ErrorQueueGuard guard;
    if (!jwk.is_object()) return broken("it isn't a JSON object");
    Attributes attributes;
    Checked checked = read_kid(jwk, attributes);
    if (checked) checked = check_use(jwk);
    if (checked) checked = check_key_ops(jwk);
    if (checked) checked = read_alg(jwk, attributes);
    if (!checked) return tl::unexpected(std::move(checked).error());
    attributes.has_private_part = jwk.find("d").has_value();

    MaterialResult material = read_key_material(jwk);
    if (!material) {
        ErrorQueueGuard::throw_if_out_of_memory();
        return tl::unexpected(std::move(material).error());
    }
    if (attributes.algorithm && !fits_kind(*attributes.algorithm, material->kind)) {
        return broken("alg " + std::string(algorithm_name(*attributes.algorithm)) + " doesn't fit " +
                      material->type);
    }
    return std::shared_ptr<const Key>(
        new Key(std::make_unique<Impl>(std::move(attributes), *std::move(material))));
}

const std::string &Key::kid() const noexcept {
    return impl_->kid;
}
bool Key::has_kid() const noexcept {
    return impl_->attributes.kid.has_value();
}
std::optional<Algorithm> Key::algorithm() const noexcept {
    return impl_->attributes.algorithm;
}
const Thumbprint &Key::thumbprint() const noexcept {
    return impl_->thumbprint;
}
std::string_view Key::type() const noexcept {
    return impl_->type;
}
bool Key::has_private_part() const noexcept {
    return impl_->attributes.has_private_part;
}

bool Key::fits(Algorithm algorithm) const noexcept {
    const std::optional<Algorithm> own = impl_->attributes.algorithm;
    return own ? *own == algorithm : fits_kind(algorithm, impl_->verifier.kind());
}

bool Key::is_same_as(const Key &other) const noexcept {
    return thumbprint() == other.thumbprint() && has_kid() == other.has_kid() && kid() == other.kid() &&
           algorithm() == other.algorithm();
}

bool Key::verify(Algorithm algorithm, std::string_view signing_input, std::string_view signature,
                 const Sha256Digest *sha256) const {
    if (!fits(algorithm)) return false;
    const ErrorQueueGuard guard;
    if (impl_->verifier.verify(algorithm, signing_input, signature, sha256)) return true;
    ErrorQueueGuard::throw_if_out_of_memory();
    return false;
}

}  // namespace tokenward::jose
