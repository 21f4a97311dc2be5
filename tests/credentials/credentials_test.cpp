// Each row of the table in DESIGN section 4, "Credentials", and whether the next backend may be asked.
#include "credentials/credentials.hpp"

#include "base/reason.hpp"

#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace {
std::size_t allocations = 0;
}

// Counts allocations: an ordinary password must cost none.
void *operator new(std::size_t size) {
    ++allocations;
    if (void *memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void *memory) noexcept {
    std::free(memory);
}
void operator delete(void *memory, std::size_t) noexcept {
    std::free(memory);
}

namespace tokenward::credentials {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t max_token_bytes = 16384;
constexpr auto token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"sv;

struct Expected {
    Reason reason = Reason::NONE;
    std::string_view token, username, authzid;
};

constexpr Expected ok(std::string_view username = {}, std::string_view authzid = {}) {
    return {Reason::NONE, token, username, authzid};
}
constexpr Expected no(Reason reason) {
    return {reason, {}, {}, {}};
}

constexpr auto not_a_token = Reason::NOT_A_TOKEN;
constexpr auto malformed = Reason::MALFORMED_CREDENTIALS;

void check(const Credentials &sent, const Expected &expected, bool token_in_username = false) {
    SCOPED_TRACE(testing::PrintToString(sent.data) + " " + std::string(sent.username) + ":" +
                 std::string(sent.password));
    std::string storage;
    const auto result = extract_token(sent, token_in_username, max_token_bytes, storage);
    if (expected.reason != Reason::NONE) {
        ASSERT_FALSE(result);
        EXPECT_STREQ(reason_name(result.error().reason), reason_name(expected.reason)) << result.error().detail;
        EXPECT_EQ(result.error().detail.find(token.substr(0, 12)), std::string::npos) << "a token in a message";
        return;
    }
    ASSERT_TRUE(result) << reason_name(result.error().reason) << ": " << result.error().detail;
    EXPECT_EQ(result->token, expected.token);
    EXPECT_EQ(result->username, expected.username);
    EXPECT_EQ(result->authzid, expected.authzid);
}

/// Replaces T by the token, 0 by NUL and | by 0x01.
std::string fill_in(std::string_view pattern) {
    std::string out;
    for (const char c : pattern) {
        switch (c) {
            case 'T':
                out += token;
                break;
            case '0':
                out += '\0';
                break;
            case '|':
                out += '\x01';
                break;
            default:
                out += c;
        }
    }
    return out;
}

TEST(LooksLikeAToken, FirstTwoCharactersAndTwoDots) {
    for (int second = 0; second < 256; ++second) {
        const std::string secret{'e', static_cast<char>(second), 'J', '.', 'x', '.'};
        const bool expected = "wxyz0123456789-_"sv.find(static_cast<char>(second)) != std::string_view::npos;
        EXPECT_EQ(looks_like_a_token(secret), expected) << second;
    }
    for (const std::string_view yes : {"ey..", "eyJ..", "e0.a.", "e_a.b.c.d.e.f", "ey.a."})
        EXPECT_TRUE(looks_like_a_token(yes));
    for (const std::string_view other : {"", "e", "ey", "eyJ", ".ey", "Ey.a.", "e.y.", "ea.b.c", " ey.a.b",
                                         "guest", "ey.", "e0.a", "eye.witness42"}) {
        EXPECT_FALSE(looks_like_a_token(other)) << other;
    }
}

TEST(Plain, AuthzidAuthcidPasswd) {
    struct Row {
        std::string_view message;
        Expected expected;
    };
    const Row rows[] = {
        {"0alice0T", ok("alice")},
        {"00T", ok()},
        {"alice0alice0T", ok("alice")},
        {"bob0alice0T", ok("alice", "bob")},
        {"bob00T", ok("", "bob")},
        {"0alice0secret", no(not_a_token)},
        {"0alice0", no(not_a_token)},
        {"bob0alice0secret", no(not_a_token)},
        {"0T0secret", no(not_a_token)},  // token_in_username is off
        {"0T0", no(not_a_token)},
        {"", no(malformed)},
        {"T", no(malformed)},
        {"0T", no(malformed)},
        {"alice0T", no(malformed)},
        {"0alice0T0", no(malformed)},
        {"0alice0secret0more", no(malformed)},
        {"0000", no(malformed)},
    };
    for (const Row &row : rows) check({Kind::sasl_plain, fill_in(row.message), {}, {}}, row.expected);
}

TEST(Plain, TokenInUsername) {
    struct Row {
        std::string_view message;
        Expected expected;
    };
    const Row rows[] = {
        {"0T0", ok()},
        {"0T0secret", ok()},
        {"T0T0", ok()},
        {"bob0T0", ok("", "bob")},
        {"0alice0T", ok("alice")},
        {"0T0T", ok(token)},  // the password comes first
        {"0alice0secret", no(not_a_token)},
    };
    for (const Row &row : rows) check({Kind::sasl_plain, fill_in(row.message), {}, {}}, row.expected, true);
}

TEST(UsernameAndPassword, ThePasswordIsTheToken) {
    struct Row {
        std::string_view username, password;
        bool token_in_username;
        Expected expected;
    };
    const Row rows[] = {
        {"alice", token, false, ok("alice")},
        {"", token, false, ok()},
        {"alice", "secret", false, no(not_a_token)},
        {"alice", "eye.witness42", false, no(not_a_token)},
        {"alice", "", false, no(not_a_token)},
        {"", "", false, no(not_a_token)},
        {token, "", false, no(not_a_token)},
        {token, "", true, ok()},
        {token, "secret", true, ok()},
        {"alice", token, true, ok("alice")},
        {"alice", "secret", true, no(not_a_token)},
        {"", "", true, no(not_a_token)},
    };
    for (const Row &row : rows) {
        check({Kind::username_password, {}, row.username, row.password}, row.expected, row.token_in_username);
    }
}

TEST(UsernameAndPassword, FiveSegmentsAreOurs) {
    const auto encrypted = "eyJlbmMiOiJBMTI4R0NNIn0.a.b.c.d"sv;
    std::string storage;
    const auto result =
        extract_token({Kind::username_password, {}, "alice", encrypted}, false, max_token_bytes, storage);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->token, encrypted);
}

TEST(OAuthBearer, FirstClientMessage) {
    struct Row {
        std::string_view message;
        Expected expected;
    };
    const Row rows[] = {
        {"n,,|auth=Bearer T||", ok()},
        {"y,,|auth=Bearer T||", ok()},
        {"n,a=user@example.com,|host=server.example.com|port=143|auth=Bearer T||", ok("", "user@example.com")},
        {"n,a=a=2Cb=3Dc,|auth=Bearer T||", ok("", "a,b=c")},
        {"n,a=,|auth=Bearer T||", ok()},
        {"n,,|auth=bearer T||", ok()},
        {"n,,|auth=BEARER   T||", ok()},
        {"n,,|unknown=x|auth=Bearer T|later=||", ok()},
        {"n,,|auth=||", no(Reason::EMPTY_TOKEN)},
        {"n,,|auth=Bearer||", no(Reason::EMPTY_TOKEN)},
        {"n,,|auth=Bearer ||", no(Reason::EMPTY_TOKEN)},
        {"n,,|auth=Bearer opaque||", no(Reason::OPAQUE_TOKEN)},
        {"n,,|auth=Bearer Bearer T||", no(Reason::OPAQUE_TOKEN)},
        {"n,,|auth=Bearer T|auth=Bearer T||", no(malformed)},
        {"n,,|host=a||", no(malformed)},
        {"n,,||", no(malformed)},
        {"n,,|auth=Basic T||", no(malformed)},
        {"n,,|auth=BearerT||", no(malformed)},
        {"n,,|auth=Bearer T|", no(malformed)},
        {"n,,|auth=Bearer T", no(malformed)},
        {"n,,|auth=Bearer T||x", no(malformed)},
        {"n,,|auth=Bearer T|||", no(malformed)},
        {"n,,auth=Bearer T||", no(malformed)},
        {"n,,|=x|auth=Bearer T||", no(malformed)},
        {"n,,|a b=x|auth=Bearer T||", no(malformed)},
        {"n,,|auth|auth=Bearer T||", no(malformed)},
        {"p=tls-unique,,|auth=Bearer T||", no(malformed)},
        {"F,n,,|auth=Bearer T||", no(malformed)},
        {"x,,|auth=Bearer T||", no(malformed)},
        {"n,b=user,|auth=Bearer T||", no(malformed)},
        {"n,a=a=2c,|auth=Bearer T||", no(malformed)},
        {"n,a=a=2,|auth=Bearer T||", no(malformed)},
        {"n,a=a0b,|auth=Bearer T||", no(malformed)},
        {"n,|auth=Bearer T||", no(malformed)},
        {"n,,", no(malformed)},
        {"|", no(malformed)},  // the answer to an error, RFC 7628 section 3.2.3
        {"", no(malformed)},
        {"T", no(malformed)},
    };
    for (const Row &row : rows) check({Kind::sasl_oauthbearer, fill_in(row.message), {}, {}}, row.expected);
}

TEST(HttpAuthorization, Bearer) {
    struct Row {
        std::string_view value;
        Expected expected;
    };
    const Row rows[] = {
        {"Bearer T", ok()},
        {"bearer T", ok()},
        {"bEARER    T", ok()},
        {"Bearer", no(Reason::EMPTY_TOKEN)},
        {"Bearer  ", no(Reason::EMPTY_TOKEN)},
        {"Bearer opaque", no(Reason::OPAQUE_TOKEN)},
        {"Bearer \"T\"", no(Reason::OPAQUE_TOKEN)},
        {"Bearer T x", no(malformed)},
        {"Bearer T ", no(malformed)},
        {"Bearer T,T", no(malformed)},
        {"BearerT", no(malformed)},
        {"Bearer\tT", no(malformed)},
        {" Bearer T", no(malformed)},
        {"Digest username=a", no(malformed)},
        {"T", no(malformed)},
        {"", no(malformed)},
    };
    for (const Row &row : rows) check({Kind::http_authorization, fill_in(row.value), {}, {}}, row.expected);
}

std::string base64(std::string_view bytes) {
    constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"sv;
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned bits = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            bits = bits << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            out += i + j <= bytes.size() ? alphabet[bits >> (18 - 6 * j) & 63] : '=';
        }
    }
    return out;
}

TEST(HttpAuthorization, Basic) {
    struct Row {
        std::string_view pair;
        bool token_in_username;
        Expected expected;
    };
    const Row rows[] = {
        {"alice:T", false, ok("alice")},
        {":T", false, ok()},
        {"ab:T", false, ok("ab")},
        {"abc:T", false, ok("abc")},
        {"alice:secret", false, no(not_a_token)},
        {"alice:", false, no(not_a_token)},
        {"alice:b:T", false, no(not_a_token)},  // split at the first colon
        {"T:", false, no(not_a_token)},
        {"T:", true, ok()},
        {"T:secret", true, ok()},
        {"alice", false, no(malformed)},
        {"", false, no(malformed)},
    };
    for (const Row &row : rows) {
        const std::string value = "Basic " + base64(fill_in(row.pair));
        check({Kind::http_authorization, value, {}, {}}, row.expected, row.token_in_username);
    }
    check({Kind::http_authorization, "bASIC   " + base64("alice:" + std::string(token)), {}, {}}, ok("alice"));
}

TEST(HttpAuthorization, BasicWantsStrictBase64) {
    // "a:bc" is YTpiYw==
    EXPECT_EQ(base64("a:bc"), "YTpiYw==");
    check({Kind::http_authorization, "Basic YTpiYw==", {}, {}}, no(not_a_token));
    for (const std::string_view bad : {"YTpiYw", "YTpiYw=", "YTpiYw===", "YTpiYx==", "YTp=Yw==", "YTpi Yw=",
                                       "YTpi\nYw=", "YTpiYw==YTpi", "====", "Y===", "YTpiY_==", "YTpiYw== "}) {
        check({Kind::http_authorization, "Basic " + std::string(bad), {}, {}}, no(malformed));
    }
}

TEST(BearerToken, IsTheToken) {
    check({Kind::bearer_token, token, {}, {}}, ok());
    check({Kind::bearer_token, "", {}, {}}, no(Reason::EMPTY_TOKEN));
    for (const std::string_view opaque : {"guest", "0123456789abcdef", "Bearer x", "\"x\"", "ey", "a.b.c"}) {
        check({Kind::bearer_token, opaque, {}, {}}, no(Reason::OPAQUE_TOKEN));
    }
}

TEST(BearerToken, ThatLostASegmentIsATokenStill) {
    std::string storage;
    const auto sent = extract_token({Kind::bearer_token, "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0", {}, {}}, false,
                                    max_token_bytes, storage);
    EXPECT_TRUE(sent) << "src/jose says what is missing";
}

// Anybody may send a header of any size.
TEST(HttpBasic, WhatIsTooLargeIsNotDecoded) {
    const std::size_t most = max_token_bytes + 1 + max_name_bytes;
    for (const std::size_t size : {most - 1, most, most + 1, most + 2, most + 3, std::size_t{1} << 20U}) {
        SCOPED_TRACE(size);
        const std::string value = "Basic " + base64("alice:" + std::string(size - 6, 'x'));
        std::string storage;
        const std::size_t empty = storage.capacity();
        const auto result =
            extract_token({Kind::http_authorization, value, {}, {}}, true, max_token_bytes, storage);
        ASSERT_FALSE(result);
        EXPECT_STREQ(reason_name(result.error().reason),
                     reason_name(size > most ? Reason::TOKEN_TOO_LARGE : not_a_token))
            << result.error().detail;
        EXPECT_EQ(storage.capacity() > empty, size <= most);
    }
}

TEST(Oauthbearer, ALongAuthzidIsNotDecoded) {
    for (const std::size_t size : {max_name_bytes, max_name_bytes + 1}) {
        const std::string authzid = std::string(size - 3, 'x') + "=2C";
        const std::string message = "n,a=" + authzid + ",\1auth=Bearer " + std::string(token) + "\1\1";
        std::string storage;
        const std::size_t empty = storage.capacity();
        const auto result =
            extract_token({Kind::sasl_oauthbearer, message, {}, {}}, false, max_token_bytes, storage);
        if (size == max_name_bytes) {
            ASSERT_TRUE(result) << result.error().detail;
            EXPECT_EQ(result->authzid, std::string(size - 3, 'x') + ',');
        } else {
            ASSERT_FALSE(result);
            EXPECT_STREQ(reason_name(result.error().reason), "MALFORMED_CREDENTIALS");
            EXPECT_EQ(storage.capacity(), empty);
        }
    }
}

TEST(NotAToken, AllocatesNothing) {
    std::string storage;
    const std::string plain = fill_in("0some-longer-username0a password that isn't a token at all");
    const std::size_t before = allocations;
    for (const bool in_username : {false, true}) {
        EXPECT_FALSE(extract_token({Kind::sasl_plain, plain, {}, {}}, in_username, max_token_bytes, storage));
        EXPECT_FALSE(extract_token({Kind::username_password, {}, "alice", "secret"}, in_username,
                                   max_token_bytes, storage));
    }
    // Those that only begin like a mistake cost no more.
    for (const std::string_view password :
         {"Bearer of bad news", " blank in front", "\"quoted\" is not a token",
          "{curly braces} \"x\": 1 and more", "eyJ and nothing behind it, not even dots",
          "eye.witness42 was here", "\xef\xbb\xbf is a byte order mark",
          "\xff\xfe is one too, of UTF-16, and means nothing", "glorious-password", "50% of %2E is nothing"}) {
        EXPECT_FALSE(
            extract_token({Kind::username_password, {}, "alice", password}, false, max_token_bytes, storage));
    }
    EXPECT_EQ(allocations, before);
}

TEST(ExtractToken, AnUnknownKindIsMalformed) {
    check({static_cast<Kind>(99), token, token, token}, no(malformed), true);
}

}  // namespace
}  // namespace tokenward::credentials
