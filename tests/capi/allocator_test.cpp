// A process whose malloc isn't the C library's: Debian's jemalloc and tcmalloc, preloaded, and one of the
// host's own. Each host loads the library, fetches keys over TLS and lets a client in. And a process that runs
// out of memory.
#include "run_program.hpp"
#include "static_provider.hpp"
#include "support/test_issuer.hpp"

#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace tokenward::support {
namespace {

class AllocatorTest : public testing::Test {
  protected:
    AllocatorTest() {
        std::ofstream(directory_.path() + "/live.ini")
            << "[oauth]\nissuer = " << issuer_.issuer()
            << "\naudience = broker\nca_file = " << issuer_.ca_file() << "\n";
        std::ofstream(directory_.path() + "/token") << issuer_.mint();
        chmod((directory_.path() + "/live.ini").c_str(), 0644);
    }

    /// `mode` is local or deepbind.
    Outcome host(const std::string &program, const std::string &mode, const std::string &preload = "") const {
        return run("LD_PRELOAD=" + preload + " " + program + " " TOKENWARD_LIBRARY " " + directory_.path() +
                   "/live.ini " + mode + " < " + directory_.path() + "/token");
    }

    void expect_split(const Outcome &outcome, const std::string &other) {
        EXPECT_EQ(outcome.status, 1);
        EXPECT_EQ(outcome.output.substr(0, 16), "ALLOCATOR_SPLIT\n") << outcome.output;
        EXPECT_NE(outcome.output.find(other), std::string::npos) << outcome.output;
        EXPECT_NE(outcome.output.find("RTLD_DEEPBIND"), std::string::npos) << outcome.output;
        EXPECT_EQ(issuer_.requests(TestIssuer::Endpoint::jwks), 0U);
    }
    void expect_let_in(const Outcome &outcome) {
        EXPECT_EQ(outcome.status, 0);
        EXPECT_EQ(outcome.output, "let in\n");
        EXPECT_EQ(issuer_.requests(TestIssuer::Endpoint::jwks), 1U);
    }

  private:
    TestIssuer issuer_;
    TemporaryDirectory directory_;
};

constexpr char jemalloc[] = "libjemalloc.so.2";
constexpr char tcmalloc[] = "libtcmalloc_minimal.so.4";

}  // namespace

TEST_F(AllocatorTest, JemallocPreloadedServesAll) {
    expect_let_in(host(ALLOCATOR_HOST, "local", jemalloc));
}
TEST_F(AllocatorTest, TcmallocPreloadedServesAll) {
    expect_let_in(host(ALLOCATOR_HOST, "local", tcmalloc));
}
TEST_F(AllocatorTest, TheHostsOwnServesAll) {
    expect_let_in(host(OWN_ALLOCATOR_HOST, "local"));
}
TEST_F(AllocatorTest, TheCLibrarysServesAll) {
    expect_let_in(host(ALLOCATOR_HOST, "local"));
}
TEST_F(AllocatorTest, TheCLibrarysServesAllUnderDeepbind) {
    expect_let_in(host(ALLOCATOR_HOST, "deepbind"));
}

TEST_F(AllocatorTest, JemallocPreloadedAndDeepbindAreRefused) {
    expect_split(host(ALLOCATOR_HOST, "deepbind", jemalloc), jemalloc);
}
TEST_F(AllocatorTest, TcmallocPreloadedAndDeepbindAreRefused) {
    expect_split(host(ALLOCATOR_HOST, "deepbind", tcmalloc), tcmalloc);
}
TEST_F(AllocatorTest, TheHostsOwnAndDeepbindAreRefused) {
    expect_split(host(OWN_ALLOCATOR_HOST, "deepbind"), "own_allocator_host");
}

// Each allocation fails once. The configuration, the keys and the certificates are good, and no answer says
// otherwise.
TEST(Memory, ItsLackIsNoFaultOfAFile) {
    TestIssuer issuer;
    for (const char *algorithm : {"RS256", "ES256", "EdDSA"}) {
        const StaticProvider provider;
        provider.write("jwks.json", jwks({TestKey::shared(algorithm, 7).jwk("k1", algorithm)}));
        for (const char *call : {"create", "check"}) {
            const Outcome outcome = run(std::string(MEMORY_HOST) + " " TOKENWARD_LIBRARY " " +
                                        provider.config_file() + " " + call + " warm once < /dev/null");
            EXPECT_EQ(outcome.status, 0) << algorithm << " " << call << ": " << outcome.output;
        }
    }
    const StaticProvider provider;
    provider.write("ca.ini",
                   "[oauth]\nissuer = https://localhost:1\naudience = a\nca_file = " + issuer.ca_file() + "\n");
    const Outcome outcome = run(std::string(MEMORY_HOST) + " " TOKENWARD_LIBRARY " " + provider.path("ca.ini") +
                                " check warm once < /dev/null");
    EXPECT_EQ(outcome.status, 0) << outcome.output;
}

// A good token is let in, or the answer names the memory. It is never refused.
TEST(Memory, ItsLackIsNoFaultOfAToken) {
    for (const char *algorithm : {"RS256", "PS256", "ES256", "EdDSA"}) {
        const StaticProvider provider("token_cache_size = 0\n");
        const TestKey &key = TestKey::shared(algorithm, 7);
        provider.write("jwks.json", jwks({key.jwk("k1", algorithm)}));
        provider.write("token", key.sign(algorithm, jws_header(algorithm, "k1").json(),
                                         StaticProvider::claims("read:v/a").json()));
        for (const char *call : {"authenticate cold once", "authenticate warm once", "authenticate cold on",
                                 "refresh warm once", "refresh warm on"}) {
            const Outcome outcome = run(std::string(MEMORY_HOST) + " " TOKENWARD_LIBRARY " " +
                                        provider.config_file() + " " + call + " < " + provider.path("token"));
            EXPECT_EQ(outcome.status, 0) << algorithm << " " << call << ": " << outcome.output;
        }
    }
}

// OpenSSL sets up its default context at the first use. The step is shorter than what that allocates.
TEST(Memory, ItsLackAtTheFirstUseOfOpenSslIsAnAnswer) {
    const StaticProvider provider;
    const Outcome outcome = run(std::string(MEMORY_HOST) + " " TOKENWARD_LIBRARY " " + provider.config_file() +
                                " create cold once 23 < /dev/null");
    EXPECT_EQ(outcome.status, 0) << outcome.output;
}

}  // namespace tokenward::support
