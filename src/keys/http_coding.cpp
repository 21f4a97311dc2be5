#include "keys/http_coding.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <iterator>

namespace tokenward::keys {

bool names_another_coding(std::string_view line) noexcept {
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos ||
        (!equals_ignoring_case(name, "Content-Encoding") && !equals_ignoring_case(name, "Transfer-Encoding")))
        return false;
    std::string_view rest = line.substr(colon + 1);
    while (!rest.empty()) {
        const std::string_view coding = trim(rest.substr(0, rest.find(',')), " \t\r\n");
        rest.remove_prefix(std::min(rest.find(','), rest.size() - 1) + 1);
        constexpr std::string_view known[] = {"", "identity", "chunked", "gzip", "x-gzip"};
        if (std::none_of(std::begin(known), std::end(known),
                         [coding](std::string_view one) { return equals_ignoring_case(coding, one); }))
            return true;
    }
    return false;
}

}  // namespace tokenward::keys
