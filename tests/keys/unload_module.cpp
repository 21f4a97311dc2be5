// Stands for libtokenward in the unload test: a shared object with the fetcher in it.
#include "base/clock.hpp"
#include "base/log.hpp"
#include "keys/fetcher.hpp"

#include <memory>
#include <string>
#include <utility>

namespace {

using tokenward::Logger;
using tokenward::LogMode;
using tokenward::SystemClock;
using tokenward::keys::Fetcher;

void no_log(void * /*user*/, std::int32_t /*level*/, const char * /*message*/, std::size_t /*size*/) {}

struct Running {
    Logger logger{{LogMode::to_callback, &no_log, nullptr, {}}};
    std::unique_ptr<Fetcher> fetcher;
};

}  // namespace

extern "C" {

/// Begins to fetch keys from that address; NULL if that fails.
__attribute__((visibility("default"))) void *unload_test_begin(const char *jwks_uri) {
    auto running = std::make_unique<Running>();
    auto fetcher = Fetcher::create(SystemClock::instance(), running->logger);
    if (!fetcher) return nullptr;
    running->fetcher = std::move(*fetcher);
    tokenward::keys::SectionInput section;
    section.name = "oauth";
    section.issuer = "https://provider.example";
    section.source.jwks_uri = jwks_uri;
    if (!running->fetcher->prepare(std::move(section))) return nullptr;
    running->fetcher->commit();
    return running.release();
}

__attribute__((visibility("default"))) void unload_test_end(void *running) {
    delete static_cast<Running *>(running);
}
}
