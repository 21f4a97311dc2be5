// Runs two programs: the host in C, and the example of abi/README.md.
#include "static_provider.hpp"

#include <array>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace tokenward::support {
namespace {

struct Outcome {
    int status;
    std::string output;
};

Outcome run(const std::string &command) {
    Outcome outcome{-1, ""};
    FILE *pipe = popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return outcome;
    std::array<char, 512> chunk{};
    for (std::size_t n = 0; (n = fread(chunk.data(), 1, chunk.size(), pipe)) > 0;)
        outcome.output.append(chunk.data(), n);
    const int status = pclose(pipe);
    outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return outcome;
}

}  // namespace

TEST(Programs, TheCHostFindsEverythingRight) {
    const StaticProvider provider;
    provider.write("token", StaticProvider::token("write:%2F/orders"));
    const Outcome outcome = run(std::string(C_HOST) + " " + TOKENWARD_LIBRARY + " " + provider.config_file() +
                                " < " + provider.path("token"));
    EXPECT_EQ(outcome.status, 0) << outcome.output;
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
