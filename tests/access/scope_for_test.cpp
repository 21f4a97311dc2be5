// The scope that a line about a denial shows would really grant the request.
#include "access/permission_set.hpp"
#include "access/scope.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

bool grants(const std::string &scope, const Request &request) {
    Notes notes;
    const std::string_view one = scope;
    return PermissionSet::compile({&one, 1}, true, notes)->allows(request);
}

}  // namespace

TEST(ScopeFor, GrantsTheRequestThatItWasMadeFor) {
    const struct Row {
        Request request;
        const char *scope;
    } rows[] = {
        {{Operation::write, "/", "orders", {}}, "write:%2F/orders"},
        {{Operation::configure, "v", "a b/c*d+%", {}}, "configure:v/a%20b%2Fc%2Ad%2B%25"},
        {{Operation::read, "v", "", {}}, "read:v/"},
        {{Operation::write, "v", "ex", ""}, "write:v/ex/"},
        {{Operation::write, "v", "ex", "a.b"}, "write:v/ex/a.b"},
        {{Operation::write, "/", "a/b", {}, false, true}, "write:%2F/a%2Fb"},
        {{Operation::write, "/", "$SYS/b", {}, false, true}, "write:%2F/$SYS%2Fb"},
        {{Operation::read, "/", "a/+/b", {}, true}, "read:%2F/a%2F*%2Fb"},
        {{Operation::read, "/", "a/#", {}, true}, "read:%2F/a*"},
        {{Operation::read, "/", "#", {}, true}, "read:%2F/*"},
        {{Operation::read, "/", "amq.topic", "a/+/b", true}, "read:%2F/amq.topic/a.*.b"},
        {{Operation::read, "/", "amq.topic", "a/#", true}, "read:%2F/amq.topic/a*"},
        {{Operation::write, "/", "amq.topic", "a/b", false, true}, "write:%2F/amq.topic/a.b"},
    };
    for (const Row &row : rows) {
        const std::string scope = scope_for(row.request);
        EXPECT_EQ(scope, row.scope);
        EXPECT_TRUE(grants(scope, row.request)) << scope;
    }
}

TEST(MqttKey, ExplanationsSpeakOfTheRoutingKey) {
    Notes notes;
    const std::string_view scope = "read:%2F/amq.topic/a.*";
    const auto set = PermissionSet::compile({&scope, 1}, true, notes);
    const Request filter{Operation::read, "/", "amq.topic", "b/+", true};
    EXPECT_FALSE(set->allows(filter));
    EXPECT_NE(set->explain(filter).why.find("\"b.+\""), std::string::npos) << set->explain(filter).why;
    const Request topic{Operation::read, "/", "amq.topic", "a/x", false, true};
    EXPECT_TRUE(set->explain(topic).allowed);
    EXPECT_EQ(set->explain(topic).scope, "read:%2F/amq.topic/a.*");
    const Request broken{Operation::read, "/", "amq.topic", "a/#/b", true};
    EXPECT_NE(set->explain(broken).why.find("isn't well-formed"), std::string::npos);
}

}  // namespace tokenward::access
