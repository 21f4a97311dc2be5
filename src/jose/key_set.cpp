#include "base/text.hpp"
#include "jose/jwk.hpp"

#include <algorithm>
#include <utility>

namespace tokenward::jose {
namespace {

using KeyRef = std::shared_ptr<const Key>;

/// Bounds the time to read a set. No provider has a hundred keys.
constexpr std::size_t max_keys = 1000;

/// "key 3 (kid "a")"
std::string describe(std::size_t number, const JsonValue &jwk) {
    std::string text = "key " + std::to_string(number);
    const std::optional<JsonValue> kid = jwk.find("kid");
    if (kid && kid->is_string()) text += " (kid " + quote(kid->text()) + ")";
    return text;
}

bool is_shared_secret(const JsonValue &jwk) {
    const std::optional<JsonValue> kty = jwk.find("kty");
    return kty && kty->is_string() && kty->text() == "oct";
}

/// Notes of one kind on single keys.
class KeyNotes {
  public:
    explicit KeyNotes(std::vector<std::string> &lines) : lines_(lines) {}

    void add(std::size_t number, const JsonValue &jwk, std::string_view text) {
        if (++count_ <= KeySet::Notes::most_named) lines_.push_back(describe(number, jwk).append(text));
    }
    void tell_of_others() {
        if (count_ <= KeySet::Notes::most_named) return;
        lines_.push_back("and " + std::to_string(count_ - KeySet::Notes::most_named) +
                         " more such notes on keys");
    }

  private:
    std::vector<std::string> &lines_;
    std::size_t count_ = 0;
};

/// The key that fits, unless different ones do. The same key under two kids is one.
class OnlyOne {
  public:
    void add(const KeyRef &key) noexcept {
        if (first_ == nullptr) {
            first_ = &key;
        } else if ((*first_)->thumbprint() != key->thumbprint()) {
            several_ = true;
        }
    }
    bool none() const noexcept { return first_ == nullptr; }
    bool several() const noexcept { return several_; }
    const KeyRef &get() const noexcept { return *first_; }

  private:
    const KeyRef *first_ = nullptr;
    bool several_ = false;
};

/// The key with this kid that fits the token's alg. `from` says where the kid stands, for the message.
Result<KeyRef> select_by_kid(const std::vector<KeyRef> &keys, Algorithm algorithm, std::string_view kid,
                             const char *from) {
    const Key *known = nullptr;
    OnlyOne fitting;
    for (const KeyRef &key : keys) {
        if (!key->has_kid() || key->kid() != kid) continue;
        if (known == nullptr) known = key.get();
        if (key->fits(algorithm)) fitting.add(key);
        if (fitting.several()) break;
    }
    if (known == nullptr)
        return fail(Reason::UNKNOWN_KEY, "no key has the " + std::string(from) + " " + quote(kid));
    const std::string alg(algorithm_name(algorithm));
    if (fitting.none()) {
        const std::optional<Algorithm> own = known->algorithm();
        return fail(
            Reason::ALGORITHM_MISMATCH,
            "alg is " + alg + ", the key " + quote(kid) + " is " +
                std::string(own ? "for " : "of type ").append(own ? algorithm_name(*own) : known->type()));
    }
    if (fitting.several()) {
        return fail(Reason::AMBIGUOUS_KEY, "several keys have the kid " + quote(kid) + " and fit " + alg);
    }
    return fitting.get();
}

Result<KeyRef> select_only_fitting(const std::vector<KeyRef> &keys, Algorithm algorithm) {
    OnlyOne fitting;
    std::vector<std::string> kids;
    for (const KeyRef &key : keys) {
        if (!key->fits(algorithm)) continue;
        fitting.add(key);
        if (key->has_kid() && kids.size() <= max_values_shown) kids.emplace_back(key->kid());
    }
    const std::string alg(algorithm_name(algorithm));
    if (fitting.none()) return fail(Reason::NO_KEY_ID, "the token has no kid, and no key fits its alg " + alg);
    if (!fitting.several()) return fitting.get();
    std::string detail = "the token has no kid, and several keys fit its alg " + alg;
    std::string hint = "let the provider send kid";
    if (!kids.empty()) {
        detail += ": " + quote_some(kids);
        if (const std::string kid = copyable(kids.front()); !kid.empty()) hint += ", or default_key = " + kid;
    }
    return fail(Reason::NO_KEY_ID, std::move(detail), std::move(hint));
}

bool has(const std::vector<KeyRef> &keys, const Key &wanted) noexcept {
    return std::any_of(keys.begin(), keys.end(), [&](const KeyRef &key) { return key->is_same_as(wanted); });
}

}  // namespace

Result<KeySet> KeySet::parse(std::string_view json, Notes &notes) {
    JsonDocument document;
    auto root = document.parse(without_byte_order_mark(json), Reason::KEYS_UNAVAILABLE);
    if (!root && looks_like_html(json))
        return fail(Reason::KEYS_UNAVAILABLE, "the key set is HTML, not JSON",
                    "set jwks_uri to the address of the keys");
    if (!root) return fail(Reason::KEYS_UNAVAILABLE, "the key set isn't strict JSON: " + root.error().detail);
    if (!root->is_object()) return fail(Reason::KEYS_UNAVAILABLE, "the key set isn't a JSON object");
    const std::optional<JsonValue> members = root->find("keys");
    if (!members) return fail(Reason::KEYS_UNAVAILABLE, "the key set has no member keys");
    if (!members->is_array()) return fail(Reason::KEYS_UNAVAILABLE, "the key set's keys isn't an array");

    KeySet set;
    KeyNotes warnings(notes.warnings);
    KeyNotes debug(notes.debug);
    std::size_t number = 0;
    for (const JsonValue jwk : *members) {
        if (++number > max_keys) {
            notes.warnings.push_back("keys past the first " + std::to_string(max_keys) + " are not read");
            break;
        }
        notes.keys = number;
        if (is_shared_secret(jwk)) ++notes.shared_secrets;
        auto key = Key::from_jwk(jwk);
        if (!key) {
            const bool harmless = key.error().not_for_us;
            (harmless ? debug : warnings)
                .add(number, jwk, (harmless ? " is not for us: " : " is not usable: ") + key.error().detail);
            continue;
        }
        if ((*key)->has_private_part()) {
            warnings.add(number, jwk, " shows its private part (d): whoever reads the set can make tokens");
        }
        if (!has(set.keys_, **key)) set.keys_.push_back(*std::move(key));
    }
    warnings.tell_of_others();
    debug.tell_of_others();
    notes.well_formed_and_empty = number == 0;
    if (number != 0 && set.keys_.empty()) {
        const std::string &first = notes.warnings.empty() ? notes.debug.front() : notes.warnings.front();
        return fail(Reason::KEYS_UNAVAILABLE, "the key set has no usable key: " + first);
    }
    return set;
}

Result<KeyRef> KeySet::select(Algorithm algorithm, std::optional<std::string_view> kid,
                              std::string_view default_key) const {
    if (kid) return select_by_kid(keys_, algorithm, *kid, "token's kid");
    if (!default_key.empty()) return select_by_kid(keys_, algorithm, default_key, "configured default_key");
    return select_only_fitting(keys_, algorithm);
}

bool KeySet::contains(const Key &key) const noexcept {
    return has(keys_, key);
}

KeySet KeySet::with(const KeySet &other) const {
    KeySet both = *this;
    for (const KeyRef &key : other.keys_) {
        if (!contains(*key)) both.keys_.push_back(key);
    }
    return both;
}

bool KeySet::same_keys(const KeySet &other) const noexcept {
    // No set holds a key twice. So two sets of the same size are equal if one holds all keys of the other.
    return keys_.size() == other.keys_.size() &&
           std::all_of(keys_.begin(), keys_.end(), [&](const KeyRef &key) { return other.contains(*key); });
}

}  // namespace tokenward::jose
