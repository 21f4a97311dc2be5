// tokenward.hpp: what it adds to the functions. The functions are played here; tests/cli loads the real ones.
#include "tokenward.hpp"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

struct tokenward_backend {
    int ended = 0;
};
struct tokenward_session {
    int released = 0;
};

namespace tokenward::host {
namespace {

tokenward_backend the_backend;
tokenward_session the_session;
std::int32_t next_result = TOKENWARD_OK;
std::string report;  ///< what status writes; one byte more at each call
int lines_waiting = 0;

Functions played() {
    Functions functions;
    functions.create = [](const tokenward_options *, tokenward_backend **backend, tokenward_error *) {
        *backend = next_result == TOKENWARD_OK ? &the_backend : nullptr;
        return next_result;
    };
    functions.destroy = [](tokenward_backend *backend) { ++backend->ended; };
    functions.authenticate = [](tokenward_backend *, const tokenward_credentials *, const tokenward_context *,
                                tokenward_session **session, tokenward_error *error) {
        *session = next_result == TOKENWARD_OK ? &the_session : nullptr;
        error->reason = next_result == TOKENWARD_OK ? 0 : TOKENWARD_REASON_TOKEN_EXPIRED;
        return next_result;
    };
    functions.session_release = [](tokenward_session *session) { ++session->released; };
    functions.authorize = [](const tokenward_session *, const tokenward_request *request) -> std::int32_t {
        return request->operation == TOKENWARD_READ ? TOKENWARD_ALLOWED : TOKENWARD_DENIED;
    };
    functions.session_username = [](const tokenward_session *, const char **text,
                                    size_t *size) -> std::int32_t {
        *text = "alice and more";
        *size = 5;
        return TOKENWARD_OK;
    };
    functions.status = [](tokenward_backend *, char *buffer, size_t buffer_size, size_t *length,
                          tokenward_error *) {
        report += '.';
        *length = report.size();
        const size_t copied = report.size() < buffer_size ? report.size() : buffer_size - 1;
        std::memcpy(buffer, report.data(), copied);
        buffer[copied] = '\0';
        return next_result;
    };
    functions.log_read = [](tokenward_backend *, std::int32_t *level, char *buffer, size_t buffer_size,
                            size_t *length) -> std::int32_t {
        *level = 0;
        *length = 0;
        if (lines_waiting == 0) return TOKENWARD_OK;
        const std::string line = "line " + std::to_string(lines_waiting--);
        if (line.size() >= buffer_size) return TOKENWARD_ERROR;
        std::memcpy(buffer, line.c_str(), line.size() + 1);
        *level = TOKENWARD_LOG_INFO;
        *length = line.size();
        return TOKENWARD_OK;
    };
    functions.reason_name = [](std::int32_t) -> const char * { return "TOKEN_EXPIRED"; };
    return functions;
}

class HostLayer : public testing::Test {
  protected:
    void SetUp() override {
        the_backend = {};
        the_session = {};
        next_result = TOKENWARD_OK;
        report.clear();
        lines_waiting = 0;
    }

    Backend backend() const {
        Backend made;
        Error error;
        EXPECT_EQ(made.create(library_, nullptr, error), TOKENWARD_OK);
        return made;
    }

    const Library library_{played()};
};

TEST_F(HostLayer, ASessionIsReleasedByItsLastOwner) {
    Session kept;
    {
        const Session first(library_, &the_session);
        kept = first;
        EXPECT_EQ(kept.get(), &the_session);
    }
    EXPECT_EQ(the_session.released, 0);
    kept = Session();
    EXPECT_EQ(the_session.released, 1);
    EXPECT_FALSE(Session(library_, nullptr));
}

TEST_F(HostLayer, ASessionOutlivesItsBackendAndItsLibrary) {
    Session kept;
    {
        const Library library(played());
        Backend backend;
        Error error;
        ASSERT_EQ(backend.create(library, nullptr, error), TOKENWARD_OK);
        ASSERT_EQ(backend.authenticate(TOKENWARD_CREDENTIALS_INIT, nullptr, kept, error), TOKENWARD_OK);
    }
    EXPECT_EQ(the_backend.ended, 1);
    tokenward_request request = TOKENWARD_REQUEST_INIT;
    request.operation = TOKENWARD_READ;
    EXPECT_EQ(kept.authorize(request), TOKENWARD_ALLOWED);
    request.operation = TOKENWARD_WRITE;
    EXPECT_EQ(kept.authorize(request), TOKENWARD_DENIED);
    EXPECT_EQ(kept.username(), "alice");
    EXPECT_EQ(the_session.released, 0);
}

TEST_F(HostLayer, ARefusedLoginLeavesNoSession) {
    const Backend made = backend();
    Error error;
    Session session(library_, &the_session);
    next_result = TOKENWARD_REFUSED;
    EXPECT_EQ(made.authenticate(TOKENWARD_CREDENTIALS_INIT, nullptr, session, error), TOKENWARD_REFUSED);
    EXPECT_FALSE(session);
    EXPECT_EQ(the_session.released, 1);
    EXPECT_EQ(error.reason, TOKENWARD_REASON_TOKEN_EXPIRED);
}

TEST_F(HostLayer, ABackendEndsOnce) {
    {
        Backend first = backend();
        Backend second = std::move(first);
        EXPECT_EQ(second.get(), &the_backend);
        Backend third;
        third = std::move(second);
        EXPECT_EQ(the_backend.ended, 0);
        third.reset();
        third.reset();
        EXPECT_EQ(the_backend.ended, 1);
    }
    EXPECT_EQ(the_backend.ended, 1);
    next_result = TOKENWARD_ERROR;
    Backend failed;
    Error error;
    EXPECT_EQ(failed.create(library_, nullptr, error), TOKENWARD_ERROR);
    EXPECT_FALSE(failed);
}

TEST_F(HostLayer, WhatIsEmptyAnswersNo) {
    const Session session;
    Backend backend;
    Session given(library_, &the_session);
    Error error;
    std::string text = "old";
    EXPECT_EQ(backend.create(Library(), nullptr, error), TOKENWARD_ERROR);
    EXPECT_EQ(session.authorize(TOKENWARD_REQUEST_INIT), TOKENWARD_ERROR);
    EXPECT_EQ(session.can_access_vhost("/"), TOKENWARD_ERROR);
    EXPECT_EQ(session.report_denial(TOKENWARD_REQUEST_INIT, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(session.username(), "");
    EXPECT_EQ(session.expires_at(), 0);
    EXPECT_EQ(session.tags(), "");
    EXPECT_EQ(backend.authenticate(TOKENWARD_CREDENTIALS_INIT, nullptr, given, error), TOKENWARD_ERROR);
    EXPECT_FALSE(given);
    EXPECT_EQ(backend.status(text, error), TOKENWARD_ERROR);
    EXPECT_EQ(text, "");
    EXPECT_EQ(backend.log_fd(), -1);
    backend.drain_log([](std::int32_t, const char *, std::size_t) { FAIL(); });
}

TEST_F(HostLayer, TextsOfAnyLengthEvenIfTheyGrowMeanwhile) {
    const Backend made = backend();
    Error error;
    std::string text;
    for (const std::size_t size : {0u, 1u, 4094u, 4095u, 4096u, 100000u}) {
        report.assign(size, 'x');
        ASSERT_EQ(made.status(text, error), TOKENWARD_OK);
        EXPECT_EQ(text, report) << size;
    }
    next_result = TOKENWARD_ERROR;
    EXPECT_EQ(made.status(text, error), TOKENWARD_ERROR);
    EXPECT_EQ(text, "");
}

TEST_F(HostLayer, DrainsTheLogInOrderAndComesToAnEnd) {
    const Backend made = backend();
    std::vector<std::string> lines;
    const auto keep = [&](std::int32_t level, const char *line, std::size_t size) {
        EXPECT_EQ(level, TOKENWARD_LOG_INFO);
        EXPECT_EQ(std::strlen(line), size);
        lines.emplace_back(line);
    };
    lines_waiting = 3;
    made.drain_log(keep);
    EXPECT_EQ(lines, (std::vector<std::string>{"line 3", "line 2", "line 1"}));
    made.drain_log([](std::int32_t, const char *, std::size_t) { FAIL(); });
    lines_waiting = 5000;  // as if another thread wrote as fast as this one reads
    lines.clear();
    made.drain_log(keep);
    EXPECT_EQ(lines.size(), 1024u);
}

TEST_F(HostLayer, DescribesAnError) {
    Error error;
    EXPECT_EQ(error.struct_size, sizeof(tokenward_error));
    EXPECT_EQ(library_.describe(error), "TOKEN_EXPIRED");
    std::strcpy(error.message, "exp is past");
    EXPECT_EQ(library_.describe(error), "TOKEN_EXPIRED: exp is past");
    std::strcpy(error.hint, "get a new one");
    EXPECT_EQ(library_.describe(error), "TOKEN_EXPIRED: exp is past (hint: get a new one)");
}

TEST(HostStrings, AreBorrowed) {
    const std::string bytes("a\0b", 3);
    EXPECT_EQ(view(borrow(bytes)), bytes);
    EXPECT_EQ(borrow({}).data, nullptr);
    EXPECT_EQ(view(TOKENWARD_EMPTY_STRING), "");
}

}  // namespace
}  // namespace tokenward::host
