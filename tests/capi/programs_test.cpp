// Runs two programs: the host in C, and the example of abi/README.md.
#include "run_program.hpp"
#include "static_provider.hpp"
#include "support/test_issuer.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::support {

// A host of 1.0 meets a library in which every struct has grown, and a host of that version meets this library.
TEST(Programs, EveryHostGetsOnWithEveryLibrary) {
    const StaticProvider provider;
    provider.write("token", StaticProvider::token("write:%2F/orders write:%2F/ex/rk.*"));
    for (const char *host : {C_HOST, C_HOST_1_0, C_HOST_GROWN}) {
        for (const char *library : {TOKENWARD_LIBRARY, GROWN_LIBRARY}) {
            const Outcome outcome = run(std::string(host) + " " + library + " " + provider.config_file() +
                                        " < " + provider.path("token"));
            EXPECT_EQ(outcome.status, 0) << host << " with " << library << ": " << outcome.output;
        }
    }
}

TEST(Programs, WithoutAlgorithmsTheHostsOwnOpenSslErrorStays) {
    const StaticProvider provider;
    provider.write("openssl.cnf",
                   "openssl_conf = init\n[init]\nalg_section = algorithms\n[algorithms]\n"
                   "default_properties = provider=none\n");
    const Outcome outcome = run("OPENSSL_CONF=" + provider.path("openssl.cnf") + " " + CRYPTO_HOST + " " +
                                TOKENWARD_LIBRARY + " " + provider.config_file());
    EXPECT_EQ(outcome.status, 0) << outcome.output;
}

// Its threads are in TLS when it ends. What forces the interleaving is tests/base/at_work_test.cpp.
TEST(Programs, AHostThatEndsWithLiveBackendsEndsWell) {
    TestIssuer issuer;
    const StaticProvider provider;
    provider.write("live.ini", "[oauth]\nissuer = " + issuer.issuer() +
                                   "\naudience = a\nca_file = " + issuer.ca_file() + "\n");
    for (int i = 0; i < 30; ++i) {
        const Outcome outcome = run(std::string(EXIT_HOST) + " " + TOKENWARD_LIBRARY + " " +
                                    provider.path("live.ini") + " 4 " + std::to_string(i * 700));
        EXPECT_EQ(outcome.status, 0) << i << ": " << outcome.output;
    }
}

TEST(Programs, TheExampleOfTheReadmeRuns) {
    const StaticProvider provider;
    const auto host = [&](const std::string &token) {
        provider.write("token", token + "\n");
        return run(std::string(README_HOST) + " " + provider.config_file() + " " + TOKENWARD_LIBRARY + " < " +
                   provider.path("token"));
    };
    const Outcome yes = host(StaticProvider::token("write:%2F/orders"));
    EXPECT_EQ(yes.status, 0) << yes.output;
    EXPECT_NE(yes.output.find("alice until "), std::string::npos) << yes.output;
    EXPECT_NE(yes.output.find("may publish"), std::string::npos) << yes.output;
    const Outcome not_allowed = host(StaticProvider::token("read:%2F/orders"));
    EXPECT_NE(not_allowed.output.find("may not publish"), std::string::npos) << not_allowed.output;
    const Outcome expired = host(StaticProvider::token("write:%2F/orders", -60));
    EXPECT_EQ(expired.status, 1);
    EXPECT_NE(expired.output.find("no: "), std::string::npos) << expired.output;
}

}  // namespace tokenward::support
