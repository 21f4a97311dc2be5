// What memory a token may take whose signature is good (DESIGN section 4, "What a good token may cost"), from its
// payload to its permission set.
#include "access/permission_set.hpp"
#include "collect.hpp"
#include "support/allocations.hpp"

#include <cstddef>
#include <string>

namespace tokenward::claims {
namespace {

constexpr std::size_t max_payload = 16384 / 4 * 3;  // of a token of the default max_token_bytes
constexpr std::size_t max_memory = std::size_t{4} << 20U;

std::string times(std::size_t count, std::string_view text) {
    std::string out;
    while (count-- != 0) out += text;
    return out;
}

/// As many of one scope as the payload holds.
std::string many(const std::string &claims, const std::string &scope) {
    std::string payload = "{" + claims + R"(,"scope":")";
    while (payload.size() + scope.size() + 3 <= max_payload) payload += scope + ' ';
    return payload + "\"}";
}

std::string many_claims(std::size_t count) {
    std::string claims = R"("a":"x")";
    for (std::size_t i = 0; i < count; ++i) claims += ",\"" + std::to_string(i) + R"(":"x")";
    return claims;
}

void read_scopes(const std::string &json, const config::Section &section) {
    JsonDocument document;
    const auto payload = document.parse(json, Reason::MALFORMED_PAYLOAD);
    ScopeList list;
    const std::string client_id(1300, '*');  // encoded it fits in a scope once
    ASSERT_TRUE(payload && collect_scopes(*payload, section.scopes, true, list,
                                          {"alice", std::string_view(client_id), true}));
    access::Notes notes;
    access::PermissionSet::compile(list.scopes, true, notes);
}

}  // namespace

TEST(Cost, OfScopesWithVariables) {
    config::Section section;
    section.scopes.scope_prefix = "";
    section.scopes.expand_variables = true;
    section.scopes.expand_connection = true;
    const std::string stars = R"("a":")" + std::string(255, '*') + '"';
    struct Row {
        const char *what;
        std::string payload;
    };
    const Row rows[] = {
        {"one scope that doubles what it doubled",
         "{" + stars + R"(,"scope":"read:)" + times(1700, "{a}") + "/" + times(900, "{vhost}") + "\"}"},
        {"the same within the number of variables",
         many(stars, "read:" + times(32, "{a}") + "/" + times(32, "{vhost}"))},
        {"many that are too long", many(stars, "read:{a}{a}{a}/{vhost}{vhost}{vhost}")},
        {"many that are too long together", many(stars, "read:{a}{a}/{vhost}")},
        {"many variables, many claims", many(many_claims(600), "read:v/" + times(64, "{1}"))},
        {"many with the identifier", many(stars, "read:v/{mqtt:client_id}")},
        {"many with the identifier twice", many(stars, "read:{mqtt:client_id}/{vhost}")},
        {"many variables without a claim, many claims", many(many_claims(600), "read:v/{y}")},
    };
    for (const Row &row : rows) {
        SCOPED_TRACE(row.what);
        ASSERT_LE(row.payload.size(), max_payload);
        EXPECT_LT(support::most_bytes([&] { read_scopes(row.payload, section); }), max_memory);
    }
}

}  // namespace tokenward::claims
