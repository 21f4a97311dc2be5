// Logins and live sessions under denied_file: what a reload ends, and what brings nothing back.
#include "fixture.hpp"
#include "support/allocations.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

const access::Request reads_q{access::Operation::read, "v", "q", {}};

class Denials : public BackendTest {
  protected:
    void start(const std::string &lines, const std::string &more = "") {
        deny(lines);
        config_ = provider.config(R"(,"denied_file":")" + provider.path("denied") + '"' + more);
        backend = make_backend(options_with_log(config_, log), clock);
        ASSERT_NE(backend, nullptr);
    }
    void deny(const std::string &lines) { provider.write("denied", lines); }
    Reason reload() {
        const auto result = backend->reload(nullptr);
        detail = result ? "" : result.error().detail;
        return result ? Reason::NONE : result.error().reason;
    }
    /// Later, so that one can see whose time it is.
    Reason reload_with(const std::string &lines) {
        deny(lines);
        clock.unix_s += 10;
        return reload();
    }
    Decision reads() const { return session->authorize(reads_q); }

    std::string config_;
};

std::string token(const std::string &jti = "id-1") {
    return Provider::mint(Provider::claims().string("jti", jti).string("client_id", "c").string("azp", "p"));
}

}  // namespace

TEST_F(Denials, RefuseLogins) {
    const std::vector<std::pair<std::string, std::string>> rows = {
        {"username alice", R"(the username "alice")"},
        {"jti id-1", R"(the jti "id-1")"},
        {"client_id c", R"(the client_id "c")"},
        {"client_id p", R"(the client_id "c")"},
        {"kid ec256", R"(the kid "ec256")"},
        {"issued_before 2027-01-15T08:00:01Z", "tokens that were issued so early"},
    };
    start("");
    EXPECT_REASON(log_in(token()), NONE);
    for (const auto &[line, said] : rows) {
        ASSERT_EQ(reload_with("# first\n" + line + "\n"), Reason::NONE) << detail;
        EXPECT_REASON(log_in(token()), DENIED_BY_OPERATOR) << line;
        EXPECT_EQ(detail, "the operator denies " + said + ": \"" + provider.path("denied") + "\":2");
    }
    ASSERT_EQ(reload_with("username bob\njti id-2\nissued_before 2027-01-15T08:00:00Z\n"), Reason::NONE);
    EXPECT_REASON(log_in(token()), NONE);
    EXPECT_NE(log.find("reason=DENIED_BY_OPERATOR"), std::string::npos) << log;
}

// The token is in the cache from before: a reload makes every login begin anew.
TEST_F(Denials, RefuseCachedTokens) {
    start("", R"(,"token_cache_size":100)");
    for (int i = 0; i < 3; ++i) EXPECT_REASON(log_in(token()), NONE);
    ASSERT_EQ(reload_with("jti id-1\n"), Reason::NONE);
    for (int i = 0; i < 3; ++i) EXPECT_REASON(log_in(token()), DENIED_BY_OPERATOR);
}

TEST_F(Denials, EndLiveSessions) {
    for (const char *line : {"username alice", "jti id-1", "client_id c", "client_id p", "kid ec256",
                             "issued_before 2027-01-15T08:00:01Z", "[oauth]\nusername alice",
                             "issued_before 2027-01-15T08:00:01Z username alice"}) {
        SCOPED_TRACE(line);
        clock.unix_s = 1'800'000'000;
        start("");
        EXPECT_REASON(log_in(token()), NONE);
        EXPECT_EQ(reads(), Decision::allowed);
        const std::int64_t end = session->expires_at();
        ASSERT_EQ(reload_with("username bob\n"), Reason::NONE);
        EXPECT_EQ(reads(), Decision::allowed);
        EXPECT_EQ(session->expires_at(), end);
        ASSERT_EQ(reload_with(std::string(line) + "\n"), Reason::NONE) << detail;
        const std::int64_t reloaded = clock.unix_s;
        clock.unix_s += 10;
        EXPECT_EQ(session->expires_at(), reloaded);
        EXPECT_EQ(reads(), Decision::expired);
        EXPECT_EQ(session->authorize(reads_q, Session::Until::past_end), Decision::expired);
        EXPECT_EQ(session->can_access_vhost("v"), Decision::expired);
        // The line goes again, and so does every other reason: the session stays ended.
        ASSERT_EQ(reload_with(""), Reason::NONE);
        EXPECT_EQ(reads(), Decision::expired);
        EXPECT_REASON(refresh(token("id-2")), DENIED_BY_OPERATOR);
        EXPECT_EQ(reads(), Decision::expired);
        EXPECT_EQ(session->expires_at(), reloaded);
        EXPECT_REASON(log_in(token()), NONE);
        EXPECT_EQ(reads(), Decision::allowed);
        session.reset();
        backend->close();
    }
}

// Nobody asked the session between the two reloads but the refresh itself.
TEST_F(Denials, ARefreshDoesNotReviveWhatNobodyHasAsked) {
    start("");
    EXPECT_REASON(log_in(token("stolen")), NONE);
    ASSERT_EQ(reload_with("jti stolen\n"), Reason::NONE);
    EXPECT_REASON(refresh(token("fresh")), DENIED_BY_OPERATOR);
    EXPECT_EQ(reads(), Decision::expired);
}

TEST_F(Denials, ARefreshIsComparedByItsOwnToken) {
    start("");
    EXPECT_REASON(log_in(token("first")), NONE);
    EXPECT_REASON(refresh(token("second")), NONE);
    ASSERT_EQ(reload_with("jti first\n"), Reason::NONE);
    EXPECT_EQ(reads(), Decision::allowed);
    ASSERT_EQ(reload_with("jti second\n"), Reason::NONE);
    EXPECT_EQ(reads(), Decision::expired);
}

TEST_F(Denials, OthersFeelNothing) {
    start("");
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("sub", "bob"))), NONE);
    ASSERT_EQ(reload_with("username alice\n"), Reason::NONE);
    EXPECT_EQ(reads(), Decision::allowed);
    EXPECT_REASON(refresh(Provider::mint(Provider::claims().string("sub", "bob"))), NONE);
}

// What isn't understood, or can't be read, changes nothing.
TEST_F(Denials, ABadFileRefusesTheReload) {
    start("username bob\n");
    EXPECT_REASON(log_in(token()), NONE);
    EXPECT_REASON(reload_with("username alice\nusrname eve\n"), CONFIG_SYNTAX);
    EXPECT_EQ(reads(), Decision::allowed);
    EXPECT_REASON(reload_with("username alice"), CONFIG_SYNTAX);
    ASSERT_EQ(chmod(provider.path("denied").c_str(), 0666), 0);
    EXPECT_REASON(reload(), CONFIG_INSECURE_FILE);
    ASSERT_EQ(unlink(provider.path("denied").c_str()), 0);
    EXPECT_REASON(reload(), CONFIG_UNREADABLE);
    EXPECT_NE(detail.find("denied_file"), std::string::npos) << detail;
    ASSERT_EQ(mkdir(provider.path("denied").c_str(), 0755), 0);
    EXPECT_REASON(reload(), CONFIG_UNREADABLE);
    ASSERT_EQ(rmdir(provider.path("denied").c_str()), 0);
    EXPECT_REASON(reload_with(std::string(17 * 1024 * 1024, '\n')), CONFIG_UNREADABLE);
    EXPECT_EQ(reads(), Decision::allowed);
    EXPECT_REASON(log_in(Provider::mint(Provider::claims().string("sub", "bob"))), DENIED_BY_OPERATOR);
    EXPECT_REASON(reload_with("username alice\n"), NONE);
    EXPECT_EQ(reads(), Decision::expired);
}

TEST_F(Denials, ABadFileRefusesTheStart) {
    deny("user alice\n");
    config_ = provider.config(R"(,"denied_file":")" + provider.path("denied") + '"');
    const auto created = Backend::create(options_with_log(config_, log), clock);
    ASSERT_FALSE(created.has_value());
    EXPECT_EQ(created.error().reason, Reason::CONFIG_SYNTAX);
    const auto checked = Backend::check_config(options_with_log(config_, log));
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().detail, created.error().detail);
}

TEST_F(Denials, AreExplained) {
    start("");
    EXPECT_REASON(log_in(token()), NONE);
    ASSERT_EQ(reload_with("\nusername alice\n"), Reason::NONE);
    const std::string said = session->explain(reads_q);
    EXPECT_NE(said.find(R"("verdict":"expired")"), std::string::npos) << said;
    EXPECT_NE(said.find(R"("reason":"DENIED_BY_OPERATOR")"), std::string::npos) << said;
    EXPECT_NE(said.find("the operator ended the session at 1800000010 (2027-01-15T08:00:10Z): "),
              std::string::npos)
        << said;
    EXPECT_NE(said.find("denied\\\":2"), std::string::npos) << said;
    log.clear();
    backend->report_denial(*session, reads_q, Session::Until::past_end, {});
    EXPECT_NE(log.find("DENIED_BY_OPERATOR"), std::string::npos) << log;
    EXPECT_NE(backend->status().find(R"("denied_lines":1)"), std::string::npos) << backend->status();
}

TEST_F(Denials, HoldAfterTheBackend) {
    start("");
    EXPECT_REASON(log_in(token()), NONE);
    ASSERT_EQ(reload_with("username alice\n"), Reason::NONE);
    backend->close();
    backend.reset();
    EXPECT_EQ(reads(), Decision::expired);
}

// What a client made outlives its session: a shovel.
TEST_F(Denials, NameWhoMadeIt) {
    constexpr std::int64_t made = 1'800'000'000;
    const std::string issuer = "https://id.example/";
    start("");
    const auto denied = [&](const std::string &lines, std::string_view user = "alice",
                            std::string_view from = "https://id.example") {
        EXPECT_EQ(reload_with(lines), Reason::NONE) << detail;
        return backend->denies_identity(from, user, made);
    };
    EXPECT_FALSE(denied(""));
    EXPECT_TRUE(denied("username alice\n"));
    EXPECT_TRUE(denied("username alice\n", "alice", issuer));
    EXPECT_FALSE(denied("username alice\n", "bob"));
    EXPECT_TRUE(denied("[oauth]\nusername alice\n"));
    EXPECT_FALSE(denied("[oauth]\nusername alice\n", "alice", "https://other.example"));
    EXPECT_TRUE(denied("issued_before 2027-01-15T08:00:01Z username alice\n"));
    EXPECT_FALSE(denied("issued_before 2027-01-15T08:00:00Z username alice\n"));
    EXPECT_FALSE(denied("jti alice\nclient_id alice\nkid alice\n"));
}

// A look-up costs no memory, and every thread sees the end at once.
TEST_F(Denials, UnderLoad) {
    start("");
    EXPECT_REASON(log_in(token()), NONE);
    std::atomic<bool> stop{false};
    std::atomic<int> revived{0};
    std::vector<std::thread> readers;
    readers.reserve(2);
    for (int i = 0; i < 2; ++i) {
        readers.emplace_back([&] {
            bool ended = false;
            while (!stop.load()) {
                const bool now = reads() == Decision::expired;
                if (ended && !now) ++revived;
                ended = ended || now;
            }
            if (!ended) ++revived;
        });
    }
    for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(reload_with(i % 10 == 9 ? "username alice\n" : "username bob\n"), Reason::NONE);
    }
    stop = true;
    for (std::thread &reader : readers) reader.join();
    EXPECT_EQ(revived.load(), 0);
    EXPECT_EQ(reads(), Decision::expired);
}

TEST_F(Denials, LookUpsAllocateNothing) {
    std::string lines;
    for (int i = 0; i < 10000; ++i) lines += "jti x" + std::to_string(i) + "\n";
    start("");
    EXPECT_REASON(log_in(token()), NONE);
    ASSERT_EQ(reload_with(lines), Reason::NONE);
    const std::size_t before = support::allocations;
    const Decision decision = reads();
    const std::int64_t end = session->expires_at();
    const std::size_t made = support::allocations - before;
    EXPECT_EQ(decision, Decision::allowed);
    EXPECT_EQ(end, 1'800'000'310);
    EXPECT_EQ(made, 0U);
}

}  // namespace tokenward::session
