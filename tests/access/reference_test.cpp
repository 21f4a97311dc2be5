// PermissionSet against the slow reference, with random scopes and requests.
#include "access/reference.hpp"

#include "access/random_case.hpp"
#include "access/spelled.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

constexpr std::string_view operation_names[] = {"configure:", "read:", "write:"};

/// What the texts of one round look like.
struct Style {
    std::string_view alphabet;
    std::size_t longest;
    std::string stem;  ///< some names and patterns begin so
};

std::string random_name(Random &random, const Style &style) {
    std::string name = random.chance(2) ? style.stem : "";
    return name + random.text(style.alphabet, style.longest);
}

std::string random_part(Random &random, const Style &style) {
    std::string name = random_name(random, style);
    std::string raw = random.chance(2) ? name : random.wildcards_into(name);
    std::string part;
    for (const char c : raw) {
        if (c == '/') {
            part += random.chance(20) ? "/" : "%2F";
        } else if (random.chance(100)) {
            part += '%';
        } else {
            part += c;
        }
    }
    return part;
}

class AgainstReference : public testing::Test {
  protected:
    /// Compiles `scope_count` random scopes and asks `request_count` random questions.
    void round(std::size_t scope_count, std::size_t request_count, const Style &style) {
        std::vector<std::string> texts;
        std::vector<std::string> vhosts{random_name(random, style), random_name(random, style), "v"};
        for (std::size_t i = 0; i < scope_count; ++i) {
            std::string text(operation_names[random.below(3)]);
            text += random.chance(4) ? random_part(random, style) : vhosts[random.below(3)];
            text += '/' + random_part(random, style);
            if (random.chance(3)) text += '/' + random_part(random, style);
            texts.push_back(text);
        }
        const std::vector<std::string_view> views(texts.begin(), texts.end());
        const bool routing_keys = !random.chance(3);
        Notes notes;
        const auto set = PermissionSet::compile(views, routing_keys, notes);
        const auto scopes = reference::read_scopes(texts);

        for (std::size_t i = 0; i < request_count; ++i) {
            const std::string vhost = random.chance(2) ? vhosts[random.below(3)] : random_name(random, style);
            const std::string resource = random_name(random, style);
            const std::string key = random_name(random, style);
            Request request{static_cast<Operation>(1 + random.below(3)), vhost, resource, std::nullopt};
            if (random.chance(3)) request.routing_key = key;
            if (random.chance(3)) request.mqtt_topic = true;
            const bool expected = reference::allows(scopes, routing_keys, request);
            granted += expected ? 1 : 0;
            ++asked;
            ASSERT_EQ(set->allows(request), expected) << describe(texts, request);
            ASSERT_EQ(set->opens_vhost(vhost), reference::opens_vhost(scopes, vhost))
                << describe(texts, request);
            if (i % 4 == 0) check_explanation(*set, texts, request, expected);
        }
        if (random.chance(4)) check_spelling(*set, texts, routing_keys);
    }

    void check_explanation(const PermissionSet &set, const std::vector<std::string> &texts,
                           const Request &request, bool expected) {
        const Explanation explanation = set.explain(request);
        ASSERT_EQ(explanation.allowed, expected) << describe(texts, request);
        ASSERT_EQ(explanation.scope.empty(), !expected);
        ASSERT_EQ(explanation.why.empty(), expected);
        if (!expected) return;
        // The scope that the explanation names grants the request by itself.
        Notes notes;
        const std::vector<std::string_view> one{explanation.scope};
        ASSERT_TRUE(PermissionSet::compile(one, true, notes)->allows(request)) << explanation.scope;
    }

    void check_spelling(const PermissionSet &set, std::vector<std::string> &texts, bool routing_keys) {
        const std::vector<std::string> spelled = spelled_scopes(set);
        ASSERT_TRUE(std::is_sorted(spelled.begin(), spelled.end()));
        Notes notes;
        const std::vector<std::string_view> again(spelled.begin(), spelled.end());
        ASSERT_EQ(PermissionSet::compile(again, routing_keys, notes).get(), &set);
        std::reverse(texts.begin(), texts.end());
        const std::vector<std::string_view> reversed(texts.begin(), texts.end());
        ASSERT_EQ(PermissionSet::compile(reversed, routing_keys, notes).get(), &set);
    }

    static std::string describe(const std::vector<std::string> &texts, const Request &request) {
        std::string out = "vhost " + std::string(request.vhost) + " resource " + std::string(request.resource);
        if (request.routing_key) out += " key " + std::string(*request.routing_key);
        for (std::size_t i = 0; i < texts.size() && i < 40; ++i) out += "\n  " + texts[i];
        return out;
    }

    Random random{42};
    std::size_t asked = 0;
    std::size_t granted = 0;
};

TEST_F(AgainstReference, FewScopes) {
    for (std::size_t i = scaled(8000); i > 0 && !HasFatalFailure(); --i) {
        round(1 + random.below(12), 20, {"ab/$", 1 + random.below(6), ""});
    }
    EXPECT_GT(granted, asked / 40);
}

TEST_F(AgainstReference, ManyScopes) {
    for (std::size_t i = scaled(120); i > 0 && !HasFatalFailure(); --i) {
        round(20 + random.below(300), 60, {"abcd/$", 2 + random.below(7), ""});
    }
    EXPECT_GT(granted, asked / 40);
}

TEST_F(AgainstReference, CommonBeginnings) {
    for (std::size_t i = scaled(120); i > 0 && !HasFatalFailure(); --i) {
        round(20 + random.below(300), 60, {"0123456789", 4, "device-"});
    }
    EXPECT_GT(granted, asked / 40);
}

TEST_F(AgainstReference, AllBytes) {
    std::string bytes;
    for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
    for (std::size_t i = scaled(120); i > 0 && !HasFatalFailure(); --i) {
        round(1 + random.below(100), 40, {bytes, 2, random.chance(2) ? "" : "\xff\xff"});
    }
}

TEST_F(AgainstReference, LongNames) {
    for (std::size_t i = scaled(4); i > 0 && !HasFatalFailure(); --i) {
        round(1 + random.below(60), 20, {"ab", 400, random.chance(2) ? "" : std::string(300, 'a')});
    }
}

}  // namespace
}  // namespace tokenward::access
