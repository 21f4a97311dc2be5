// The tool, an issuer and a configuration for it.
#pragma once

#include "run.hpp"
#include "support/test_issuer.hpp"

#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace tokenward::cli {

/// What meson tells the tests; throws if it didn't.
inline std::string environment(const char *name) {
    const char *value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set: run me with meson test");
    return value;
}

class Tool : public testing::Test {
  protected:
    static void SetUpTestSuite() { issuer_ = std::make_unique<support::TestIssuer>(); }
    static void TearDownTestSuite() { issuer_.reset(); }
    void TearDown() override { issuer_->heal(); }

    static support::TestIssuer &issuer() { return *issuer_; }

    /// Writes a file that only we can write, and gives back its path.
    std::string file(const std::string &name, const std::string &content) const {
        std::string path = directory_.path() + "/" + name;
        std::ofstream(path, std::ios::binary) << content;
        chmod(path.c_str(), 0644);
        return path;
    }

    std::string config(const std::string &more = {}) const {
        return file("tokenward.ini", "[oauth]\nissuer = " + issuer().issuer() +
                                         "\nca_file = " + issuer().ca_file() +
                                         "\naudience = broker\nscope_prefix = t.\n" + more);
    }

    /// A token of the user alice with these scopes.
    static std::string token(const std::string &scopes, support::MintRequest request = {}) {
        request.claims.string("scope", scopes);
        return issuer().mint(request);
    }

    /// Runs the tool; fails the test if a part of `secret` that isn't public shows up anywhere.
    Outcome tokenward(std::vector<std::string> arguments, const std::string &input = {}) const {
        arguments.insert(arguments.begin(), environment("TOKENWARD_CLI"));
        Outcome outcome = run(arguments, input);
        if (const std::size_t dot = input.rfind('.'); dot != std::string::npos && input.size() - dot > 20) {
            const std::string signature = input.substr(dot + 1, 20);
            EXPECT_EQ(outcome.out.find(signature), std::string::npos) << outcome.out;
            EXPECT_EQ(outcome.err.find(signature), std::string::npos) << outcome.err;
        }
        return outcome;
    }

    Outcome check(const std::string &token, std::vector<std::string> arguments = {},
                  const std::string &config_file = {}) const {
        std::vector<std::string> all{"check", "--config", config_file.empty() ? config() : config_file,
                                     "--token-file", "-"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return tokenward(all, token);
    }

    const support::TemporaryDirectory directory_;

  private:
    static inline std::unique_ptr<support::TestIssuer> issuer_;
};

/// The text, or "missing": for a readable failure.
inline testing::AssertionResult has(const std::string &text, const std::string &part) {
    if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no '" << part << "' in:\n" << text;
}

}  // namespace tokenward::cli
