// kubernetes = true: what a pod's files say takes the place of what is unset.
#include "config/kubernetes.hpp"

#include "base/base64.hpp"
#include "base/reason.hpp"
#include "temp_files.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward::config {
namespace {

constexpr std::string_view cluster = "https://kubernetes.default.svc.cluster.local";

class Kubernetes : public ConfigTest {
  protected:
    Kubernetes() { write_token(R"({"iss":"https://kubernetes.default.svc.cluster.local","sub":"pod"})"); }

    /// As the kubelet does it: the file is a link into a folder that is a link to the folder of today.
    void write_token(std::string_view claims) {
        const std::string token = "e30." + base64url_encode(claims) + ".AA\n";
        ASSERT_EQ(::mkdir(path("..today").c_str(), 0755) == 0 || errno == EEXIST, true);
        write("..today/token", token);
        ::unlink(path("..data").c_str());
        ASSERT_EQ(::symlink("..today", path("..data").c_str()), 0);
        ::unlink(path("token").c_str());
        ASSERT_EQ(::symlink("..data/token", path("token").c_str()), 0);
    }
    Result<Settings> load_in_pod(const std::string &lines, const std::string &folder) const {
        const std::vector<std::string> files{
            write("tokenward.ini", "[oauth]\nresource_server_id = broker\nkubernetes = true\n" + lines)};
        return load(files, {}, folder);
    }
    Result<Settings> load_in_pod(const std::string &lines = {}) const { return load_in_pod(lines, path("")); }
};

TEST_F(Kubernetes, TheRestComesFromThePod) {
    const auto settings = load_in_pod({}, path("..data/.."));
    ASSERT_TRUE(settings) << settings.error().detail;
    const Section &section = settings->sections.front();
    EXPECT_EQ(section.issuer, cluster);
    EXPECT_EQ(section.keys.jwks_uri, "https://kubernetes.default.svc/openid/v1/jwks");
    EXPECT_EQ(section.keys.ca_file, path("..data/../ca.crt"));
    EXPECT_EQ(section.keys.jwks_token_file, path("..data/../token"));
    // A message about one of them names the line that asked for it.
    for (const std::string_view option : {"issuer", "ca_file", "jwks_token_file"})
        EXPECT_EQ(section.origins.at(option), section.origins.at("kubernetes")) << option;
}

TEST_F(Kubernetes, WhatIsSetWins) {
    const auto settings = load_in_pod(
        "issuer = https://other.example\njwks_uri = "
        "https://kubernetes.default.svc.cluster.local/openid/v1/jwks\n"
        "ca_file = /ca\njwks_token_file = /token\n");
    ASSERT_TRUE(settings) << settings.error().detail;
    const Section &section = settings->sections.front();
    EXPECT_EQ(section.issuer, "https://other.example");
    EXPECT_EQ(section.keys.jwks_uri, "https://kubernetes.default.svc.cluster.local/openid/v1/jwks");
    EXPECT_EQ(section.keys.ca_file, "/ca");
    EXPECT_EQ(section.keys.jwks_token_file, "/token");
}

TEST_F(Kubernetes, ThePodsTokenIsForTheClusterOnly) {
    const auto elsewhere = load_in_pod("jwks_uri = https://oidc.example/keys\n");
    ASSERT_TRUE(elsewhere) << elsewhere.error().detail;
    EXPECT_EQ(elsewhere->sections.front().issuer, cluster);
    EXPECT_EQ(elsewhere->sections.front().keys.jwks_token_file, "");
    EXPECT_EQ(elsewhere->sections.front().keys.ca_file, "");
    const auto full_name =
        load_in_pod("jwks_uri = https://kubernetes.default.svc.cluster.local/openid/v1/jwks\n");
    ASSERT_TRUE(full_name) << full_name.error().detail;
    EXPECT_NE(full_name->sections.front().keys.jwks_token_file, "");
    EXPECT_NE(full_name->sections.front().keys.ca_file, "");
}

TEST_F(Kubernetes, OutsideOfAPodItSaysSo) {
    for (const std::string lines : {"", "issuer = https://other.example\n"}) {
        const auto settings = load_in_pod(lines, path("no-such-folder"));
        ASSERT_FALSE(settings);
        EXPECT_EQ(settings.error().reason, Reason::CONFIG_UNREADABLE);
        EXPECT_NE(settings.error().detail.find("tokenward.ini:3: [oauth] kubernetes: this is no pod"),
                  std::string::npos)
            << settings.error().detail;
        EXPECT_NE(settings.error().hint.find("set issuer, jwks_uri"), std::string::npos)
            << settings.error().hint;
    }
    EXPECT_TRUE(load_in_pod("issuer = https://other.example\njwks_token_file = /t\n", path("no-such-folder")));
}

TEST_F(Kubernetes, ATokenWithoutAUsableIssuerIsRefused) {
    for (const std::string_view claims :
         {R"({"iss":""})", R"({"sub":"x"})", R"({"iss":1})", "[]", "", "not JSON"}) {
        write_token(claims);
        const auto settings = load_in_pod();
        ASSERT_FALSE(settings) << claims;
        EXPECT_EQ(settings.error().reason, Reason::CONFIG_INVALID_VALUE);
        EXPECT_NE(settings.error().detail.find("the pod's token has no iss"), std::string::npos)
            << settings.error().detail;
        EXPECT_NE(settings.error().detail.find("set issuer"), std::string::npos) << settings.error().detail;
    }
    write("..today/token", "no token");
    EXPECT_FALSE(load_in_pod());
}

TEST_F(Kubernetes, AnyTextIsAnIssuerSinceTheKeysComeFromTheApiServer) {
    for (const std::string issuer : {"kubernetes/serviceaccount", "http://cluster"}) {
        write_token(R"({"iss":")" + issuer + R"("})");
        const auto settings = load_in_pod();
        ASSERT_TRUE(settings) << settings.error().detail;
        EXPECT_EQ(settings->sections.front().issuer, issuer);
    }
}

TEST_F(Kubernetes, AFileThatOthersMayWriteIsRefused) {
    ASSERT_EQ(::chmod(path("..today/token").c_str(), 0666), 0);
    const auto settings = load_in_pod();
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().reason, Reason::CONFIG_INSECURE_FILE) << settings.error().detail;
    for (const mode_t mode : {0600U, 0640U, 0644U}) {
        ASSERT_EQ(::chmod(path("..today/token").c_str(), mode), 0);
        EXPECT_TRUE(load_in_pod()) << mode;
    }
}

TEST_F(Kubernetes, AFixedSetBesideItIsRefused) {
    const auto settings = load_in_pod("jwks_file = /k\n");
    ASSERT_FALSE(settings);
    EXPECT_NE(settings.error().detail.find("jwks_file is set too"), std::string::npos)
        << settings.error().detail;
}

TEST_F(Kubernetes, TwoSectionsOfTheSamePodAreOneProvider) {
    const std::string second = "[oauth.b]\nresource_server_id = b\nkubernetes = true\n";
    EXPECT_TRUE(load_in_pod(second));
    const auto settings = load_in_pod(second + "username_prefix = b:\n");
    ASSERT_FALSE(settings);
    EXPECT_NE(settings.error().detail.find("[oauth.b] username_prefix: [oauth.b] and [oauth] have the issuer"),
              std::string::npos)
        << settings.error().detail;
}

}  // namespace
}  // namespace tokenward::config
