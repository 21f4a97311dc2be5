// A shared object that holds the jose room, as the real library does.
#include "base/reason.hpp"
#include "jose/crypto.hpp"

#include <cstdio>
#include <cstring>

/// "" if all is well, else the reason and the detail.
extern "C" __attribute__((visibility("default"))) void probe_capture(char *out, std::size_t size) {
    const auto available = tokenward::jose::available_algorithms();
    if (available) {
        out[0] = '\0';
        return;
    }
    std::snprintf(out, size, "%s: %s", tokenward::reason_name(available.error().reason),
                  available.error().detail.c_str());
}
