#include "keys/proxy.hpp"

#include <cstdlib>
#include <initializer_list>

namespace tokenward::keys {
namespace {

std::string first_of(std::initializer_list<const char *> names) {
    for (const char *name : names) {
        const char *value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): see the header
        if (value != nullptr && *value != '\0') return value;
    }
    return {};
}

}  // namespace

Proxy proxy_from_environment() {
    return {first_of({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}),
            first_of({"no_proxy", "NO_PROXY"})};
}

}  // namespace tokenward::keys
