// Any bytes as configuration in JSON: what is accepted comes out of to_json such that it is accepted again.
#include "bounded.hpp"
#include "config/load.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace tokenward;
    // An unknown name is compared with all options: 1 million steps.
    constexpr fuzz::Limit limit{262'144, 256, 2'000'000, 2000};
    if (size == 0) return 0;  // would mean the default path
    auto settings = decltype(config::load({}, {}))();
    fuzz::bounded("configuration", limit, size, [&] {
        settings = config::load({}, std::string_view(reinterpret_cast<const char *>(data), size));
    });
    if (!settings) {
        for (const char c : settings.error().detail) {
            if (c < ' ' || c > '~') std::abort();
        }
        return 0;
    }
    const std::string json = config::to_json(*settings);
    const std::string without_warnings = json.substr(0, json.rfind(",\"warnings\":")) + "}";
    // A proxy's password is left out on purpose; what is left must still be good.
    const auto again = config::load({}, without_warnings);
    if (!again || config::to_json(*again) != json) std::abort();
    return 0;
}
