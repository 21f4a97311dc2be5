// Stands for libtokenward in the unload test: a shared object with the refresher in it.
#include "base/clock.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "keys/refresher.hpp"

#include <memory>
#include <string>

namespace {

using tokenward::Logger;
using tokenward::SystemClock;
using tokenward::keys::Refresher;

void no_log(void * /*user*/, std::int32_t /*level*/, const char * /*message*/, std::size_t /*size*/) {}

struct Running {
    Logger logger{&no_log, nullptr};
    std::unique_ptr<Refresher> refresher;
};

}  // namespace

extern "C" {

/// Begins to fetch keys from that address; NULL if that fails.
__attribute__((visibility("default"))) void *unload_test_begin(const char *jwks_uri) {
    auto running = std::make_unique<Running>();
    auto refresher = Refresher::create(SystemClock::instance(), running->logger);
    if (!refresher) return nullptr;
    running->refresher = std::move(*refresher);
    tokenward::config::Section section;
    section.name = "oauth";
    section.issuer = "https://provider.example";
    section.keys.jwks_uri = jwks_uri;
    if (!running->refresher->adopt(section)) return nullptr;
    running->refresher->commit();
    return running.release();
}

__attribute__((visibility("default"))) void unload_test_end(void *running) {
    delete static_cast<Running *>(running);
}
}
