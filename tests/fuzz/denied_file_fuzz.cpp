// Any bytes as denied_file: understood or refused with printable words; a line that is understood denies.
#include "bounded.hpp"
#include "denials/denied_list.hpp"
#include "fuzz_check.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using namespace tokenward::denials;

tokenward::Result<DeniedList> parse(std::string_view content) {
    return DeniedList::parse(content, "/etc/denied",
                             {{"[oauth]", "https://a.example", {}}, {"[oauth.b]", "https://b.example", {}}});
}

bool denies(const DeniedList &list, std::string_view username) {
    const TokenMarks marks{0, 0, 0, 0, INT64_MAX - 1};
    return list.find({"[oauth]", "https://a.example", username, marks}).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace tokenward;
    constexpr fuzz::Limit limit{262'144, 256, 2'000'000, 2000};
    const std::string_view content(reinterpret_cast<const char *>(data), size);
    auto list = parse({});
    fuzz::bounded("denied_file", limit, size, [&] { list = parse(content); });
    // Whatever else stands there, a line above it holds, and makes nothing right or wrong.
    const auto with_line = parse("username z%20z\n" + std::string(content));
    const bool has_mark = content.starts_with("\xEF\xBB\xBF");  // is no byte order mark in the middle
    if (list && !has_mark) {
        FUZZ_CHECK(with_line && denies(*with_line, "z z") && with_line->lines() == list->lines() + 1);
        FUZZ_CHECK(list->lines() != 0 || !denies(*list, "z z"));
    }
    if (!list) {
        FUZZ_CHECK(!with_line);
        FUZZ_CHECK(!list.error().detail.empty());
        for (const char c : list.error().detail) FUZZ_CHECK(c >= ' ' && c <= '~');
    }
    return 0;
}
