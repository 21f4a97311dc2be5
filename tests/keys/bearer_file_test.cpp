// jwks_token_file: what is a token, when it is read, and which host gets it.
#include "keys/bearer_file.hpp"

#include "keys/section_input.hpp"
#include "section_keys_fixture.hpp"
#include "support/test_ca.hpp"
#include "support/test_issuer.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward::keys {
namespace {

class BearerFile : public SectionKeysTest {
  protected:
    std::string write(const std::string &content) {
        support::write_file(path, content);
        return path;
    }

    support::TemporaryDirectory folder;
    const std::string path = folder.path() + "/token";
};

TEST_F(BearerFile, HoldsOneToken) {
    EXPECT_EQ(read_bearer_file(write("a.b-c_d~e+f/g==")).value(), "a.b-c_d~e+f/g==");
    EXPECT_EQ(read_bearer_file(write(" \ttoken\r\n\n")).value(), "token");
    EXPECT_EQ(read_bearer_file(write(std::string(65'536, 'x'))).value().size(), 65'536U);
    for (const std::string content :
         {"", "\n", "to ken", "token\nother", "token\r\nX-Header: 1", "tok\x01n", "t\xC3\xB6n", "\"token\""}) {
        const Result<std::string> token = read_bearer_file(write(content));
        ASSERT_FALSE(token) << content;
        EXPECT_EQ(token.error().reason, Reason::CONFIG_INVALID_VALUE);
        EXPECT_NE(token.error().detail.find("jwks_token_file = \"" + path + "\""), std::string::npos)
            << token.error().detail;
        EXPECT_EQ(token.error().detail.find("other"), std::string::npos) << "shows what the file holds";
    }
    EXPECT_FALSE(read_bearer_file(write(std::string(65'537, 'x'))));
}

// A pod's file is a link to a link, of root, and perhaps readable by the group that the pod runs in.
TEST_F(BearerFile, MayBeALinkButNotWritableByOthers) {
    const std::string link = folder.path() + "/link";
    ASSERT_EQ(::symlink("token", link.c_str()), 0);
    write("token");
    for (const mode_t mode : {0400U, 0600U, 0640U, 0644U}) {
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
        EXPECT_TRUE(read_bearer_file(link)) << mode;
    }
    for (const mode_t mode : {0660U, 0602U}) {
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
        EXPECT_EQ(read_bearer_file(link).error().reason, Reason::CONFIG_INSECURE_FILE) << mode;
    }
}

TEST_F(BearerFile, IsForTheConfiguredHostOnly) {
    write("token");
    struct Row {
        const char *url;
        const char *configured;
        const char *token;
    };
    const Row rows[] = {
        {"https://a.example/keys", "https://a.example/realm", "token"},
        {"https://A.Example:443/keys", "https://a.example/realm", "token"},
        {"https://a.example:8443/keys", "https://a.example:8443", "token"},
        {"https://[::1]:1/keys", "https://[::1]:1/", "token"},
        {"https://a.example:8443/keys", "https://a.example/realm", ""},
        {"https://b.example/keys", "https://a.example/realm", ""},
        {"https://a.example.b.example/keys", "https://a.example/realm", ""},
        {"https://b.example/?https://a.example/", "https://a.example/realm", ""},
        {"http://a.example/keys", "https://a.example/realm", ""},
        {"https://a.example@b.example/keys", "https://a.example/realm", ""},
        {"", "https://a.example/realm", ""},
        {"https://a.example/keys", "", ""},
    };
    for (const Row &row : rows)
        EXPECT_EQ(bearer_token_for(row.url, path, row.configured).value(), row.token) << row.url;
    EXPECT_EQ(bearer_token_for("https://a.example/keys", "", "https://a.example/").value(), "");
    // Where it isn't sent it isn't read.
    EXPECT_EQ(bearer_token_for("https://b.example/keys", "/none", "https://a.example/").value(), "");
    EXPECT_FALSE(bearer_token_for("https://a.example/keys", "/none", "https://a.example/"));
}

TEST_F(BearerFile, IsReadAnewForEachRequest) {
    config::Section section = section_of(issuer);
    section.keys.jwks_token_file = write("first");
    use(section);
    round();
    EXPECT_EQ(transport.request().bearer_token, "first");
    write("second");
    transport.answer_with(discovery());
    round();
    EXPECT_EQ(transport.request().url, jwks_uri);
    EXPECT_EQ(transport.request().bearer_token, "second");
}

TEST_F(BearerFile, ADiscoveryDocumentDoesntSendItElsewhere) {
    config::Section section = section_of(issuer);
    section.keys.jwks_token_file = write("token");
    use(section);
    serve(discovery(issuer, "https://elsewhere.example/keys"));
    EXPECT_EQ(transport.request().url, "https://elsewhere.example/keys");
    EXPECT_EQ(transport.request().bearer_token, "");
}

TEST_F(BearerFile, AConfiguredJwksUriGetsItOnAnyHost) {
    config::Section section = section_of(issuer);
    section.keys.jwks_uri = "https://elsewhere.example/keys";
    section.keys.jwks_token_file = write("token");
    use(section);
    round();
    EXPECT_EQ(transport.request().url, "https://elsewhere.example/keys");
    EXPECT_EQ(transport.request().bearer_token, "token");
}

TEST_F(BearerFile, AMissingOneIsAFailedFetchAndNothingIsAsked) {
    config::Section section = section_of(issuer);
    section.keys.jwks_token_file = path;
    use(section);
    round();
    EXPECT_EQ(transport.started, 0);
    EXPECT_NE(keys->status().last_error.find("jwks_token_file"), std::string::npos)
        << keys->status().last_error;
    write("token");
    until_due();
    round();
    EXPECT_EQ(transport.request().bearer_token, "token");
}

TEST_F(BearerFile, TheConfigurationIsRefusedIfItCantBeRead) {
    config::Section section = section_of(issuer);
    section.keys.jwks_token_file = path;
    FileNotes notes;
    const Result<SectionInput> refused = read_section_input(section, notes);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, Reason::CONFIG_UNREADABLE);
    write("token");
    EXPECT_TRUE(read_section_input(section, notes));
}

}  // namespace
}  // namespace tokenward::keys
