// What a live session costs in resident memory: memory_bench same|different [SESSIONS]; prints one JSON object.
#include "world.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <malloc.h>
#include <unistd.h>

namespace {

using namespace tokenward;
using namespace tokenward::bench;

std::size_t resident_bytes() {
    malloc_trim(0);
    std::FILE *statm = std::fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    unsigned long resident = 0;
    if (statm == nullptr || std::fscanf(statm, "%lu %lu", &pages, &resident) != 2) std::exit(1);
    std::fclose(statm);
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

int main(int argc, char **argv) {
    const bool different = argc > 1 && std::string(argv[1]) == "different";
    const std::size_t count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100000;
    std::vector<tokenward_session *> sessions(count);
    const auto token_of = [&](std::size_t i) {
        const std::string user = "user-" + std::to_string(1000000 + i);
        const auto scopes = different ? twenty_scopes(std::to_string(1000000 + i)) : twenty_scopes();
        return mint("ES256", claims(user, scopes), "key-ES256");
    };
    {
        // The default configuration: the verified-token cache counts too.
        const Backend backend("");
        for (std::size_t i = 0; i < 100; ++i) sessions[i] = backend.session(token_of(i));
        const std::size_t before = resident_bytes();
        for (std::size_t i = 100; i < count; ++i) sessions[i] = backend.session(token_of(i));
        const std::size_t after = resident_bytes();
        const double each = static_cast<double>(after - before) / static_cast<double>(count - 100);
        std::printf(
            "{\"scopes\": \"%s\", \"sessions\": %zu, \"bytes_per_session\": %.0f, \"megabytes\": %.1f}\n",
            different ? "different" : "same", count, each, each * static_cast<double>(count) / 1e6);
        for (tokenward_session *session : sessions) backend.library().session_release(session);
    }
    return 0;
}
