// Which addresses a provider of somebody else's may not name.
#include "keys/internal_address.hpp"

#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace tokenward::keys {
namespace {

/// Of an IPv4 or IPv6 address as text.
bool is_internal(const std::string &text) {
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        return is_internal_address(reinterpret_cast<const sockaddr &>(v4));
    }
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
    v6.sin6_family = AF_INET6;
    return is_internal_address(reinterpret_cast<const sockaddr &>(v6));
}

TEST(InternalAddress, EachRangeFromItsFirstToItsLast) {
    for (const char *inside : {"0.0.0.0",
                               "0.255.255.255",
                               "10.0.0.0",
                               "10.255.255.255",
                               "100.64.0.0",
                               "100.127.255.255",
                               "127.0.0.1",
                               "127.255.255.255",
                               "169.254.0.0",
                               "169.254.169.254",
                               "169.254.255.255",
                               "172.16.0.0",
                               "172.31.255.255",
                               "192.0.0.0",
                               "192.0.0.255",
                               "192.168.0.0",
                               "192.168.255.255",
                               "198.18.0.0",
                               "198.19.255.255",
                               "224.0.0.0",
                               "255.255.255.255",
                               "::",
                               "::1",
                               "::10.0.0.1",
                               "::ffff:127.0.0.1",
                               "64:ff9b::a9fe:a9fe",
                               "2002:7f00:1::",
                               "fc00::",
                               "fdff::1",
                               "fe80::1",
                               "febf::1",
                               "fec0::1",
                               "feff::1",
                               "ff00::",
                               "ff02::1"}) {
        EXPECT_TRUE(is_internal(inside)) << inside;
        EXPECT_TRUE(is_internal_host(inside)) << inside;
    }
    for (const char *outside :
         {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
          "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",     "172.15.255.255",
          "172.32.0.0",      "191.255.255.255", "192.0.1.0",       "192.167.255.255", "192.169.0.0",
          "198.17.255.255",  "198.20.0.0",      "223.255.255.255", "::ffff:8.8.8.8",  "64:ff9b::808:808",
          "2002:808:808::",  "2001:db8::1",     "fbff::1",         "fe00::1",         "2606:4700::1111"}) {
        EXPECT_FALSE(is_internal(outside)) << outside;
        EXPECT_FALSE(is_internal_host(outside)) << outside;
    }
}

TEST(InternalAddress, OfNamesLocalhostOnly) {
    for (const char *inside : {"localhost", "LocalHost", "localhost.", "a.localhost", "127.0.0.1."}) {
        EXPECT_TRUE(is_internal_host(inside)) << inside;
    }
    for (const char *outside : {"", "keys.example", "localhost.example", "notlocalhost", "10.example"}) {
        EXPECT_FALSE(is_internal_host(outside)) << outside;
    }
}

TEST(InternalAddress, AnotherFamilyIsInside) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    EXPECT_TRUE(is_internal_address(reinterpret_cast<const sockaddr &>(path)));
}

}  // namespace
}  // namespace tokenward::keys
