// Cache-Control and Age as RFC 9111 reads them.
#include "keys/freshness.hpp"

#include <limits>
#include <optional>

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::optional<std::int64_t> nothing;

struct Row {
    const char *name;
    const char *cache_control;
    const char *age;
    std::optional<std::int64_t> lifetime_s;
};

class Freshness : public testing::TestWithParam<Row> {};

TEST_P(Freshness, IsAsTheHeadersSay) {
    EXPECT_EQ(freshness_lifetime(GetParam().cache_control, GetParam().age), GetParam().lifetime_s);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Freshness,
    testing::Values(
        Row{"no_header", "", "", nothing}, Row{"max_age", "max-age=600", "", 600},
        Row{"zero", "max-age=0", "", 0}, Row{"among_others", "public, max-age=19, must-revalidate", "", 19},
        Row{"case_of_the_name", "Public, MAX-AGE=60", "", 60},
        Row{"spaces", " max-age = 60 ,\tpublic ", "", 60}, Row{"quoted_value", "max-age=\"60\"", "", 60},
        Row{"no_store", "max-age=60, no-store", "", 0}, Row{"no_cache", "no-cache", "", 0},
        Row{"no_cache_of_a_field", "no-cache=\"Set-Cookie\", max-age=60", "", 0},
        Row{"comma_in_a_quoted_string", "private=\"a, max-age=5\", max-age=60", "", 60},
        Row{"escaped_quote", "x=\"\\\", max-age=5, \", max-age=60", "", 60},
        Row{"open_quote_swallows_the_rest", "x=\"a, max-age=5", "", nothing},
        Row{"s_maxage_is_for_shared_caches", "s-maxage=5", "", nothing},
        Row{"smallest_of_several", "max-age=60, max-age=30", "", 30},
        Row{"negative_is_stale", "max-age=-1", "", 0}, Row{"no_number_is_stale", "max-age=soon", "", 0},
        Row{"empty_is_stale", "max-age=", "", 0}, Row{"fraction_is_stale", "max-age=1.5", "", 0},
        Row{"absurd_saturates", "max-age=99999999999999999999999999", "", largest},
        Row{"age_is_subtracted", "max-age=3600", "3500", 100}, Row{"age_past_the_end", "max-age=60", "61", 0},
        Row{"broken_age_is_ignored", "max-age=60", "x", 60}, Row{"only_commas", ",,, ,", "", nothing}),
    [](const auto &info) { return info.param.name; });

struct RetryRow {
    const char *field;
    std::optional<std::int64_t> seconds;
};

// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110 section 5.6.7.
constexpr std::int64_t rfc_date = 784'111'777;

TEST(RetryAfter, IsANumberOrADate) {
    const RetryRow rows[] = {
        {"120", 120},
        {" 120 ", 120},
        {"0", nothing},
        {"", nothing},
        {"-1", nothing},
        {"soon", nothing},
        {"1.5", nothing},
        {"86400", 86'400},
        {"86401", 86'400},
        {"99999999999999999999", 86'400},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 100},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 100},
        {"Sun Nov  6 08:49:37 1994", 100},
        {"Sun, 06 Nov 1994 08:47:57 GMT", nothing},
        {"Mon, 06 Nov 2034 08:49:37 GMT", 86'400},
    };
    for (const RetryRow &row : rows)
        EXPECT_EQ(retry_after(row.field, rfc_date - 100), row.seconds) << row.field;
}

}  // namespace
}  // namespace tokenward::keys
