// Metrics: what they count, Prometheus' own checker accepts them, and the file for node_exporter.
#include "fixture.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace tokenward::session {
namespace {

std::string content(const std::string &path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::shared_ptr<Backend> make(const Provider &provider, const Clock &clock, std::string &log,
                              const std::string &more = "") {
    return make_backend(options_with_log(provider.config(more), log), clock);
}

}  // namespace

TEST(Metrics, CountWhatHappened) {
    const Provider provider;
    const ManualClock clock;
    std::string log;
    const auto backend = make(provider, clock, log);
    auto session = backend->authenticate(bearer(Provider::mint(Provider::claims())), {});
    ASSERT_TRUE(session.has_value());
    for (int i = 0; i < 3; ++i) backend->authenticate(bearer("opaque"), {});
    backend->authenticate({credentials::Kind::username_password, {}, "guest", "guest"}, {});
    (*session)->authorize({access::Operation::read, "v", "q", {}});
    (*session)->authorize({access::Operation::read, "v", "x", {}});
    (*session)->authorize({access::Operation::write, "v", "q", {}});
    const std::string text = backend->metrics();
    for (const char *line : {
             R"(tokenward_authentications_total{result="ok",reason="NONE"} 1)",
             R"(tokenward_authentications_total{result="refused",reason="OPAQUE_TOKEN"} 3)",
             R"(tokenward_authentications_total{result="not_a_token",reason="NOT_A_TOKEN"} 1)",
             R"(tokenward_authorizations_total{result="allowed"} 1)",
             R"(tokenward_authorizations_total{result="denied"} 2)",
             R"(tokenward_sessions 1)",
             R"(tokenward_keys{section="oauth"} 5)",
         }) {
        EXPECT_NE(text.find(std::string(line) + "\n"), std::string::npos) << line << "\nis not in\n" << text;
    }
    session->reset();
    EXPECT_NE(backend->metrics().find("tokenward_sessions 0\n"), std::string::npos);
    backend->close();
}

#ifdef PROMTOOL
TEST(Metrics, PromtoolTakesThem) {
    const Provider provider;
    const ManualClock clock;
    std::string log;
    const auto backend = make(provider, clock, log);
    backend->authenticate(bearer("opaque"), {});
    provider.write("metrics.prom", backend->metrics());
    FILE *pipe = popen(
        (std::string(PROMTOOL) + " check metrics < " + provider.path("metrics.prom") + " 2>&1").c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string output;
    for (int c = 0; (c = fgetc(pipe)) != EOF;) output += static_cast<char>(c);
    const int status = pclose(pipe);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;
    EXPECT_EQ(output, "");
    backend->close();
}
#endif

TEST(MetricsFile, AppearsAtOnceAndALastTimeAtTheEnd) {
    const Provider provider;
    const ManualClock clock;
    std::string log;
    const std::string path = provider.path("tokenward.prom");
    const auto backend = make(provider, clock, log, R"(,"metrics_file":")" + path + '"');
    for (int i = 0; i < 500 && content(path).empty(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_NE(content(path).find("tokenward_sessions 0\n"), std::string::npos);
    const auto session = backend->authenticate(bearer(Provider::mint(Provider::claims())), {});
    backend->close();
    EXPECT_NE(content(path).find("tokenward_sessions 1\n"), std::string::npos);
}

TEST(MetricsFile, AFolderThatIsNotThereCostsOneLine) {
    const Provider provider;
    const ManualClock clock;
    std::string log;
    const auto backend = make(provider, clock, log, R"(,"metrics_file":"/nonexistent/tokenward.prom")");
    backend->close();
    EXPECT_NE(log.find("metrics_file"), std::string::npos) << log;
    EXPECT_EQ(log.find("metrics_file"), log.rfind("metrics_file")) << log;
}

}  // namespace tokenward::session
