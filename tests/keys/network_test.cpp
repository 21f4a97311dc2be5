// The refresher against a real HTTPS server on loopback, with every fault of a sick provider.
#include "keys/refresher.hpp"
#include "support/test_issuer.hpp"

#include <gtest/gtest.h>

namespace tokenward::keys {
namespace {

TEST(Network, FirstKeysComeByDiscovery) {
    support::TestIssuer issuer;
    Logger logger(nullptr, nullptr);
    logger.set_level(LogLevel::debug);
    auto refresher = Refresher::create(SystemClock::instance(), logger);
    ASSERT_TRUE(refresher);
    config::Section section;
    section.name = "oauth";
    section.issuer = issuer.issuer();
    section.ca_file = issuer.ca_file();
    auto store = (*refresher)->adopt(section);
    ASSERT_TRUE(store) << store.error().detail;
    (*refresher)->commit();
    EXPECT_TRUE((*refresher)->wait_for_first_keys(20'000));
    EXPECT_FALSE((*store)->status().keys.empty());
    auto key = (*store)->find(jose::Algorithm::RS256, (*store)->status().keys[0]->kid(), "", 0);
    EXPECT_TRUE(key || key.error().reason == Reason::ALGORITHM_MISMATCH) << key.error().detail;
    auto missing = (*store)->find(jose::Algorithm::RS256, "nope", "", 0);
    EXPECT_EQ(missing.error().reason, Reason::UNKNOWN_KEY);
}

}  // namespace
}  // namespace tokenward::keys
