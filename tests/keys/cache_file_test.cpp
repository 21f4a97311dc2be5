// jwks_cache_file: what is read back, and what isn't.
#include "keys/cache_file.hpp"

#include "support/test_issuer.hpp"

#include <cstdio>
#include <fstream>
#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t now = 1'700'000'000;
constexpr const char *issuer = "https://provider.example";
constexpr const char *jwks_uri = "https://provider.example/keys";

CachedKeys good() {
    return {"oauth", issuer, jwks_uri, true, now - 100, R"({"keys": [1]})"};
}
CacheExpectation expected() {
    return {issuer, "", 86'400, now};
}

struct Row {
    const char *name;
    std::function<void(CachedKeys &)> written;
    std::function<void(CacheExpectation &)> asked;
    std::function<void(const std::string &)> done_to_the_file;
    const char *refused;  ///< NULL: it is taken
};

class CacheFile : public testing::TestWithParam<Row> {};

TEST_P(CacheFile, IsTakenOrNot) {
    const Row &row = GetParam();
    const support::TemporaryDirectory directory;
    const std::string path = directory.path() + "/cache.json";
    CachedKeys keys = good();
    if (row.written) row.written(keys);
    ASSERT_TRUE(write_cache_file(path, keys));
    CacheExpectation asked = expected();
    if (row.asked) row.asked(asked);
    if (row.done_to_the_file) row.done_to_the_file(path);

    const Result<std::optional<CachedKeys>> read = read_cache_file(path, asked);
    if (row.refused == nullptr) {
        ASSERT_TRUE(read) << read.error().detail;
        ASSERT_TRUE(*read);
        EXPECT_EQ((*read)->jwks, R"({"keys":[1]})");
        EXPECT_EQ((*read)->jwks_uri, keys.jwks_uri);
        EXPECT_EQ((*read)->fetched_at, keys.fetched_at);
    } else {
        ASSERT_FALSE(read);
        EXPECT_NE(read.error().detail.find(row.refused), std::string::npos) << read.error().detail;
        EXPECT_NE(read.error().detail.find("cache.json"), std::string::npos) << read.error().detail;
    }
}

void mode(const std::string &path, mode_t bits) {
    ASSERT_EQ(::chmod(path.c_str(), bits), 0);
}
void content(const std::string &path, const std::string &text) {
    std::ofstream(path, std::ios::trunc) << text;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, CacheFile,
    testing::Values(
        Row{"as_written", nullptr, nullptr, nullptr, nullptr},
        Row{"readable_by_all", nullptr, nullptr, [](const auto &p) { mode(p, 0644); }, nullptr},
        Row{"group_writable", nullptr, nullptr, [](const auto &p) { mode(p, 0660); },
            "has mode 0660: its group may write it"},
        Row{"writable_by_all", nullptr, nullptr, [](const auto &p) { mode(p, 0602); }, "others may write it"},
        Row{"symbolic_link", nullptr, nullptr,
            [](const auto &p) {
                ASSERT_EQ(::rename(p.c_str(), (p + ".real").c_str()), 0);
                ASSERT_EQ(::symlink((p + ".real").c_str(), p.c_str()), 0);
            },
            "symbolic link"},
        Row{"folder", nullptr, nullptr,
            [](const auto &p) {
                ASSERT_EQ(::unlink(p.c_str()), 0);
                ASSERT_EQ(::mkdir(p.c_str(), 0700), 0);
            },
            "is a directory"},
        Row{"fifo", nullptr, nullptr,
            [](const auto &p) {
                ASSERT_EQ(::unlink(p.c_str()), 0);
                ASSERT_EQ(::mkfifo(p.c_str(), 0600), 0);
            },
            "isn't a regular file"},
        Row{"garbage", nullptr, nullptr, [](const auto &p) { content(p, "garbage"); }, "isn't strict JSON"},
        Row{"empty_file", nullptr, nullptr, [](const auto &p) { content(p, ""); }, "isn't strict JSON"},
        Row{"other_json", nullptr, nullptr, [](const auto &p) { content(p, R"({"keys":[]})"); },
            "isn't a cache file"},
        Row{"array", nullptr, nullptr, [](const auto &p) { content(p, "[]"); }, "isn't a cache file"},
        Row{"too_large", nullptr, nullptr, [](const auto &p) { content(p, std::string(4U << 20U, ' ')); },
            "is larger than"},
        Row{"other_issuer", [](auto &k) { k.issuer = "https://other.example"; }, nullptr, nullptr,
            "of another issuer"},
        Row{"issuer_with_a_slash", [](auto &k) { k.issuer += '/'; }, nullptr, nullptr, nullptr},
        Row{"same_configured_jwks_uri", [](auto &k) { k.discovered = false; },
            [](auto &e) { e.jwks_uri = jwks_uri; }, nullptr, nullptr},
        Row{"other_configured_jwks_uri", [](auto &k) { k.discovered = false; },
            [](auto &e) { e.jwks_uri = "https://provider.example/other"; }, nullptr, "of another jwks_uri"},
        Row{"was_configured_now_discovered", [](auto &k) { k.discovered = false; }, nullptr, nullptr,
            "of another jwks_uri"},
        Row{"was_discovered_now_configured", nullptr, [](auto &e) { e.jwks_uri = jwks_uri; }, nullptr,
            "of another jwks_uri"},
        Row{"discovered_http", [](auto &k) { k.jwks_uri = "http://provider.example/keys"; }, nullptr, nullptr,
            "of another jwks_uri"},
        Row{"from_the_future", [](auto &k) { k.fetched_at = now + 1; }, nullptr, nullptr, "from the future"},
        Row{"just_written", [](auto &k) { k.fetched_at = now; }, nullptr, nullptr, nullptr},
        Row{"oldest_allowed", [](auto &k) { k.fetched_at = now - 86'400; }, nullptr, nullptr, nullptr},
        Row{"too_old", [](auto &k) { k.fetched_at = now - 86'401; }, nullptr, nullptr,
            "older than jwks_max_stale"},
        Row{"before_time_began", [](auto &k) { k.fetched_at = std::numeric_limits<std::int64_t>::min(); },
            nullptr, nullptr, "older than jwks_max_stale"}),
    [](const auto &info) { return info.param.name; });

TEST(CacheFileOwner, AnotherUsersFileIsNotTaken) {
    // Only root can give a file away; for others the rule is shown by root's files being taken.
    if (::geteuid() != 0) {
        EXPECT_FALSE(read_cache_file("/etc/passwd", expected()).has_value());
        return;
    }
    const support::TemporaryDirectory directory;
    const std::string path = directory.path() + "/cache.json";
    ASSERT_TRUE(write_cache_file(path, good()));
    ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
    const auto read = read_cache_file(path, expected());
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().detail.find("belongs to user 12345"), std::string::npos) << read.error().detail;
}

TEST(CacheFileAbsent, IsNoFailure) {
    const auto read = read_cache_file("/nonexistent/cache.json", expected());
    ASSERT_TRUE(read);
    EXPECT_FALSE(*read);
}

TEST(CacheFileWrite, ReplacesALinkInsteadOfFollowingIt) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.path() + "/cache.json";
    const std::string victim = directory.path() + "/victim";
    content(victim, "precious");
    ASSERT_EQ(::symlink(victim.c_str(), path.c_str()), 0);
    ASSERT_TRUE(write_cache_file(path, good()));
    std::string kept;
    std::ifstream(victim) >> kept;
    EXPECT_EQ(kept, "precious");
    EXPECT_TRUE(read_cache_file(path, expected()).has_value());
}

TEST(CacheFileWrite, LeavesNoTemporaryFileWhereItCannotReplace) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.path() + "/folder";
    ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
    const auto written = write_cache_file(path, good());
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().detail.find("can't be replaced"), std::string::npos) << written.error().detail;
    EXPECT_EQ(::rmdir(path.c_str()), 0);
    EXPECT_EQ(::rmdir(directory.path().c_str()), 0) << "nothing else is in it";
}

TEST(CacheFileWrite, TextsWithQuotesSurvive) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.path() + "/cache.json";
    CachedKeys keys = good();
    keys.section = "a\"b\\c\n";
    ASSERT_TRUE(write_cache_file(path, keys));
    const auto read = read_cache_file(path, expected());
    ASSERT_TRUE(read && *read);
    EXPECT_EQ((*read)->section, keys.section);
}

TEST(CacheFileOf, ASetWithAByteOrderMarkIsReadBack) {
    const support::TemporaryDirectory directory;
    const std::string path = directory.path() + "/cache.json";
    CachedKeys keys = good();
    keys.jwks = "\xEF\xBB\xBF" + keys.jwks;
    ASSERT_TRUE(write_cache_file(path, keys));
    const Result<std::optional<CachedKeys>> read = read_cache_file(path, expected());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ((*read)->jwks, R"({"keys":[1]})");
}

}  // namespace
}  // namespace tokenward::keys
