// A thousand keys are few bytes to write, and logins must stay cheap: choosing a key is linear in their number. Counted
// under callgrind.
#include "base/base64.hpp"
#include "jose/jwk.hpp"
#include "support/counted_cases.hpp"
#include "support/token_mint.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::jose {
namespace {

constexpr std::size_t count = 500;
constexpr std::size_t max_of_a_key = 100;  ///< instructions; to compare each with each would take count times as many

/// A set of Ed25519 keys: `distinct` different ones or always the same, each with the kid "k" or with its own.
KeySet many_keys(bool distinct, bool same_kid) {
    std::vector<support::JsonObject> keys;
    for (std::size_t i = 0; i < count; ++i) {
        std::string x(32, '\x42');
        if (distinct) x[1] = static_cast<char>(i % 256);
        if (distinct) x[2] = static_cast<char>(i / 256);
        keys.push_back(support::JsonObject()
                           .string("kty", "OKP")
                           .string("crv", "Ed25519")
                           .string("kid", same_kid ? "k" : "k" + std::to_string(i))
                           .string("x", base64url_encode(x)));
    }
    KeySet::Notes notes;
    auto set = KeySet::parse(support::jwks(keys), notes);
    if (!set) support::give_up(set.error().detail);
    return *std::move(set);
}

int run() {
    struct Row {
        const char *what;
        bool distinct;
        bool same_kid;
        std::optional<std::string_view> kid;
    };
    const Row rows[] = {
        {"no kid, different keys", true, false, {}},  {"no kid, one key under many kids", false, false, {}},
        {"one kid, different keys", true, true, "k"}, {"the last kid", true, false, "k499"},
        {"an unknown kid", true, false, "x"},
    };
    std::vector<support::CountedCase> cases;
    for (const Row &row : rows) {
        const auto set = std::make_shared<const KeySet>(many_keys(row.distinct, row.same_kid));
        cases.push_back({row.what, count * max_of_a_key,
                         [set, kid = row.kid] { (void)set->select(Algorithm::EdDSA, kid, ""); }});
    }
    return support::run_counted_cases(cases);
}

}  // namespace
}  // namespace tokenward::jose

int main() {
    return tokenward::jose::run();
}
