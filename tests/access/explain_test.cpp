// Explanations: the scope that grants a request, or the nearest one and what it lacks.
#include "access/permission_set.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::access {
namespace {

struct Row {
    std::vector<std::string_view> scopes;
    Request request;
    std::string_view nearest;
    std::string_view why;
};

Request mqtt(std::string_view resource, bool filter) {
    Request request{Operation::read, "/", resource, std::nullopt};
    (filter ? request.mqtt_filter : request.mqtt_topic) = true;
    return request;
}

TEST(Explain, NearestMiss) {
    const Request read_queue{Operation::read, "v", "queue", std::nullopt};
    const Request write_keyed{Operation::write, "v", "x", "key"};
    const std::vector<Row> rows{
        {{}, read_queue, "", "no scope that grants anything"},
        {{"tag:a"}, read_queue, "", "no scope that grants anything"},
        {{"write:v/queue*"}, read_queue, "write:v/queue*", "grants write, not read"},
        // Those of the same operation come first, whatever their case.
        {{"read:v/Queue", "read:v/other", "write:v/queue*"},
         read_queue,
         "read:v/Queue",
         "resource \"queue\" doesn't match: upper and lower case differ"},
        {{"read:v/QUE*"}, read_queue, "read:v/QUE*", "upper and lower case differ"},
        {{"read:V/queue"},
         read_queue,
         "read:V/queue",
         "vhost \"v\" doesn't match: upper and lower case differ"},
        {{"read:w/other", "write:w/queue"}, read_queue, "read:w/other", "the resource doesn't match either"},
        {{"read:w/other", "write:v/queue"}, read_queue, "write:v/queue", "grants write, not read"},
        {{"read:v/other", "read:v/queu", "write:v/other"},
         read_queue,
         "read:v/queu",
         "resource \"queue\" doesn't match"},
        {{"read:w/queue", "write:v/other"}, read_queue, "read:w/queue", "vhost \"v\" doesn't match"},
        {{"write:w/queue"}, read_queue, "write:w/queue", "and it grants write, not read"},
        {{"write:v/other"}, read_queue, "write:v/other", "and it grants write, not read"},
        {{"write:w/other"}, read_queue, "write:w/other", "neither the resource nor the operation"},
        {{"read:v/%zz"}, read_queue, "read:v/%zz", "broken percent escape"},
        {{"read:%zz/queue"}, read_queue, "read:%zz/queue", "broken percent escape"},
        {{"write:v/x"}, write_keyed, "write:v/x", "needs a scope with three parts"},
        {{"write:v/x", "write:v/x/ke"}, write_keyed, "write:v/x/ke", "routing key \"key\" doesn't match"},
        {{"read:%2F/a%2Fb%2F*"}, mqtt("a/b/#", true), "read:%2F/a%2Fb%2F*", "also matches the topic \"a/b\""},
        {{"read:%2F/a%2Fb%2F*"}, mqtt("a/#", true), "read:%2F/a%2Fb%2F*", "every topic of the filter \"a/#\""},
        {{"read:%2F/*"}, mqtt("a/b#", true), "", "isn't well-formed"},
        {{"read:%2F/*"}, mqtt("$SYS/#", true), "read:%2F/*", "literal $"},
        {{"read:%2F/*"}, mqtt("$SYS/x", false), "read:%2F/*", "literal $"},
        {{"read:%2F/a*"}, mqtt("b", false), "read:%2F/a*", "topic \"b\" doesn't match"},
    };
    for (const Row &row : rows) {
        Notes notes;
        const auto set = PermissionSet::compile(row.scopes, true, notes);
        const Explanation explanation = set->explain(row.request);
        EXPECT_FALSE(explanation.allowed);
        EXPECT_EQ(explanation.scope, "");
        EXPECT_EQ(explanation.nearest, row.nearest);
        EXPECT_NE(explanation.why.find(row.why), std::string::npos)
            << explanation.why << "\nwanted: " << row.why;
    }
}

TEST(Explain, RoutingKeysOff) {
    Notes notes;
    const std::vector<std::string_view> scopes{"write:v/x/*"};
    const auto set = PermissionSet::compile(scopes, false, notes);
    EXPECT_NE(set->explain({Operation::write, "v", "x", std::nullopt}).why.find("routing_keys is off"),
              std::string::npos);
    EXPECT_NE(set->explain({Operation::write, "v", "x", "k"}).why.find("routing_keys is off"),
              std::string::npos);
    // A topic, and a scope whose author didn't encode the slash.
    Request topic{Operation::write, "v", "x/y", std::nullopt};
    topic.mqtt_topic = true;
    EXPECT_NE(set->explain(topic).why.find("a slash inside a name is written %2F"), std::string::npos);
}

TEST(Explain, DecidingScope) {
    Notes notes;
    const std::vector<std::string_view> scopes{"read:v/a", "read:v/qu%65*", "write:v/queue"};
    const Explanation explanation =
        PermissionSet::compile(scopes, true, notes)->explain({Operation::read, "v", "queue", std::nullopt});
    EXPECT_TRUE(explanation.allowed);
    EXPECT_EQ(explanation.scope, "read:v/que*");
    EXPECT_EQ(explanation.nearest, "");
    EXPECT_EQ(explanation.why, "");
}

TEST(Explain, ForeignValuesAreQuotedAndCut) {
    Notes notes;
    const std::vector<std::string_view> scopes{"read:v/a"};
    const std::string long_name = "\n\"" + std::string(500, 'x');
    const std::string why = PermissionSet::compile(scopes, true, notes)
                                ->explain({Operation::read, "v", long_name, std::nullopt})
                                .why;
    EXPECT_LT(why.size(), 140U);
    EXPECT_EQ(why.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace tokenward::access
