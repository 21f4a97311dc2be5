#include "slow_lookup.hpp"

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include <dlfcn.h>
#include <netdb.h>

namespace {

std::atomic<bool> ended{false};
std::atomic<int> hanging{0};

}  // namespace

extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                                  const addrinfo *hints, addrinfo **result) {
    using Function = int (*)(const char *, const char *, const addrinfo *, addrinfo **);
    if (node != nullptr && std::strcmp(node, tokenward::keys::slow_host) == 0) {
        ++hanging;
        while (!ended) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        --hanging;
        return EAI_AGAIN;
    }
    static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(node, service, hints, result);
}

namespace tokenward::keys {

void end_slow_lookups() {
    ended = true;
}
int slow_lookups() {
    return hanging;
}

}  // namespace tokenward::keys
