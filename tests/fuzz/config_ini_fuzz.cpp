// Any bytes as a configuration file: accepted or refused with printable words, never more.
#include "bounded.hpp"
#include "config/load.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    using namespace tokenward;
    // An unknown name is compared with all options: 1 million steps.
    constexpr fuzz::Limit limit{262'144, 256, 2'000'000, 2000};
    // A file in memory, so that the whole way of load() is taken.
    const int fd = ::memfd_create("tokenward.ini", MFD_CLOEXEC);
    if (fd < 0 || ::fchmod(fd, 0600) != 0) std::abort();
    for (std::size_t written = 0; written < size;) {
        const ssize_t count = ::write(fd, data + written, size - written);
        if (count <= 0) std::abort();
        written += static_cast<std::size_t>(count);
    }
    const std::vector<std::string> files{"/proc/self/fd/" + std::to_string(fd)};
    auto settings = decltype(config::load({}, {}))();
    fuzz::bounded("configuration", limit, size, [&] { settings = config::load(files, {}); });
    ::close(fd);
    if (settings) {
        if (settings->sections.empty()) std::abort();
        for (const auto &section : settings->sections) {
            if (section.issuer.rfind("https://", 0) != 0) std::abort();
            if (section.tokens.verify_aud && section.tokens.audience.empty()) std::abort();
            if (section.tokens.algorithms.empty()) std::abort();
        }
        if (config::to_json(*settings).empty()) std::abort();
    } else {
        for (const char c : settings.error().detail) {
            if (c < ' ' || c > '~') std::abort();
        }
    }
    return 0;
}
