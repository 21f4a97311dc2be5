// tokenward deny and allow, as an operator runs them.
#include "tool_fixture.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

namespace tokenward::cli {
namespace {

std::string content_of(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_F(Tool, DenyStopsATokenUntilAllow) {
    const std::string denied = file("denied", "# ours\n");
    const std::string ini = config("denied_file = " + denied + "\n");
    const std::string good = token("t.read:v/q");
    EXPECT_EQ(check(good, {}, ini).exit_code, 0);
    Outcome outcome = tokenward({"deny", "--config", ini, "username", "alice"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(has(outcome.out, "denied: username alice (" + denied + ")")) << outcome.out;
    for (const char *broker :
         {"systemctl reload mosquitto", "rabbitmqctl eval 'tokenward:reload().'", "systemctl reload lavinmq"})
        EXPECT_TRUE(has(outcome.out, broker)) << outcome.out;
    EXPECT_EQ(content_of(denied), "# ours\nusername alice\n");
    outcome = check(good, {}, ini);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_TRUE(has(outcome.out + outcome.err, "DENIED_BY_OPERATOR")) << outcome.out << outcome.err;
    EXPECT_TRUE(has(tokenward({"deny", "--config", ini, "username", "alice"}).out, "stands there already"));
    EXPECT_EQ(tokenward({"allow", "--config", ini, "username", "alice"}).exit_code, 0);
    EXPECT_EQ(content_of(denied), "# ours\n");
    EXPECT_EQ(tokenward({"allow", "--config", ini, "username", "alice"}).exit_code, 1);
    EXPECT_EQ(check(good, {}, ini).exit_code, 0);
}

TEST_F(Tool, DenyNowStopsWhatWasIssuedBefore) {
    const std::string denied = file("denied", "");
    const std::string ini = config("denied_file = " + denied + "\n");
    EXPECT_EQ(
        tokenward({"deny", "--config", ini, "--section", "oauth", "issued_before", "now", "username", "a b"})
            .exit_code,
        0);
    const std::string content = content_of(denied);
    EXPECT_TRUE(content.starts_with("[oauth]\nissued_before 20")) << content;
    EXPECT_TRUE(content.ends_with("Z username a%20b\n")) << content;
    EXPECT_EQ(tokenward({"config", "--config", ini}).exit_code, 0);
}

// The broker's user must still be able to read it, and a link stays one.
TEST_F(Tool, DenyKeepsModeAndLink) {
    const std::string denied = file("denied", "kid a\n");
    ASSERT_EQ(chmod(denied.c_str(), 0640), 0);
    const std::string link = denied + ".link";
    std::filesystem::create_symlink(denied, link);
    EXPECT_EQ(tokenward({"deny", "--file", link, "kid", "b"}).exit_code, 0);
    EXPECT_EQ(content_of(denied), "kid a\nkid b\n");
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    struct stat status {};
    ASSERT_EQ(stat(denied.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0640U);
}

// The library of the command line takes brackets for a list, and a dash for an option.
TEST_F(Tool, DenyTakesNamesAsTheyAre) {
    const std::string denied = file("denied", "");
    for (const std::vector<std::string> &words :
         std::vector<std::vector<std::string>>{{"username", "[alice]"},
                                               {"username", "[[x]]"},
                                               {"username", "[a,b]"},
                                               {"username", "[]"},
                                               {"jti", "--", "-3xQ"},
                                               {"--", "client_id", "--x"},
                                               {"kid", "--", "--"}}) {
        std::vector<std::string> arguments{"deny", "--file", denied};
        arguments.insert(arguments.end(), words.begin(), words.end());
        const Outcome outcome = tokenward(arguments);
        EXPECT_EQ(outcome.exit_code, 0) << words.back() << ": " << outcome.err;
    }
    EXPECT_EQ(
        content_of(denied),
        "username [alice]\nusername [[x]]\nusername [a,b]\nusername []\njti -3xQ\nclient_id --x\nkid --\n");
    EXPECT_EQ(tokenward({"allow", "--file", denied, "username", "[alice]"}).exit_code, 0);
    EXPECT_EQ(tokenward({"allow", "--file", denied, "jti", "--", "-3xQ"}).exit_code, 0);
    EXPECT_EQ(tokenward({"config", "--config", config("denied_file = " + denied + "\n")}).exit_code, 0);
    const Outcome dash = tokenward({"deny", "--file", denied, "jti", "-xQ"});
    EXPECT_EQ(dash.exit_code, 2);
    EXPECT_EQ(tokenward({"keys", "--", "x"}).exit_code, 2);
}

TEST_F(Tool, DenySaysWhatIsWrong) {
    const auto refused = [this](std::vector<std::string> arguments, const std::string &said) {
        arguments.insert(arguments.begin(), "deny");
        const Outcome outcome = tokenward(std::move(arguments));
        EXPECT_EQ(outcome.exit_code, 2) << said;
        EXPECT_TRUE(has(outcome.err, said)) << outcome.err;
    };
    const std::string denied = file("denied", "");
    const std::string ini = config("denied_file = " + denied + "\n");
    refused({"--config", ini, "user", "alice"}, "username NAME");
    refused({"--config", ini, "issued_before", "yesterday"}, "2026-11-28T21:00:00Z");
    refused({"--config", ini, "--section", "plant", "kid", "x"},
            "the configuration has no section [oauth.plant]");
    refused({"--config", config(), "kid", "x"}, "the configuration has no denied_file");
    refused({"--config", config("denied_file = " + denied + ".gone\n"), "kid", "x"},
            "install -m 644 /dev/null");
    refused({"--file", denied + ".d/denied", "kid", "x"}, "can't open the folder");
    refused({"--file", "/dev/null", "kid", "x"}, "isn't a regular file");
    refused({"--file", denied, "--section", "a]\nkid y\n[oauth.b", "kid", "x"}, "--section takes a name");
    refused({"--file", file("half", "kid a\nkid b"), "kid", "x"}, "the last line has no end");
    std::filesystem::create_symlink(denied + ".nowhere", denied + ".dangling");
    refused({"--file", denied + ".dangling", "kid", "x"}, "can't open");
    EXPECT_TRUE(std::filesystem::is_symlink(denied + ".dangling"));
    EXPECT_EQ(content_of(denied), "");
}

}  // namespace tokenward::cli
