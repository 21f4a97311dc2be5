// Every wrong argument gets a result; none crashes the host.
#include "loaded_library.hpp"
#include "static_provider.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace tokenward::support {
namespace {

class Arguments : public testing::Test {
  protected:
    void SetUp() override {
        const std::string path = provider.config_file();
        const tokenward_string file = text(path);
        const auto options = options_with_log(
            file,
            [](void *user, std::int32_t, const char *message, std::size_t size) {
                static_cast<std::string *>(user)->append(message, size).append("\n");
            },
            &log);
        ASSERT_EQ(tw.create(&options, &backend, &error), TOKENWARD_OK) << error.message;
        const auto credentials = bearer(token);
        ASSERT_EQ(tw.authenticate(backend, &credentials, nullptr, &session, &error), TOKENWARD_OK)
            << error.message;
    }
    void TearDown() override {
        tw.session_release(session);
        tw.destroy(backend);
    }
    void expect_invalid(std::int32_t result) {
        EXPECT_EQ(result, TOKENWARD_ERROR);
        EXPECT_STREQ(tw.reason_name(error.reason), "INVALID_ARGUMENT") << error.message;
        EXPECT_STRNE(error.message, "");
    }

    LoadedLibrary tw;
    StaticProvider provider;
    const std::string token = StaticProvider::token("read:v/a");
    std::string log;
    tokenward_backend *backend = nullptr;
    tokenward_session *session = nullptr;
    tokenward_error error = cleared<tokenward_error>();
};

template <class T>
struct Larger {
    T known;
    unsigned char unknown[24];
};

}  // namespace

TEST_F(Arguments, NullHandlesAndOuts) {
    tokenward_session *out = nullptr;
    const char *name = nullptr;
    std::int64_t when = 0;
    std::size_t length = 0;
    const auto credentials = bearer(token);
    const auto asked = request(TOKENWARD_READ, "v", "a");
    tw.destroy(nullptr);
    tw.session_release(nullptr);
    expect_invalid(tw.create(nullptr, nullptr, &error));
    expect_invalid(tw.authenticate(nullptr, &credentials, nullptr, &out, &error));
    expect_invalid(tw.authenticate(backend, nullptr, nullptr, &out, &error));
    expect_invalid(tw.authenticate(backend, &credentials, nullptr, nullptr, &error));
    expect_invalid(tw.session_refresh(nullptr, &credentials, nullptr, &error));
    expect_invalid(tw.session_refresh(session, nullptr, nullptr, &error));
    expect_invalid(tw.reload(nullptr, nullptr, &error));
    EXPECT_EQ(tw.authorize(nullptr, &asked), TOKENWARD_ERROR);
    EXPECT_EQ(tw.authorize(session, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_can_access_vhost(nullptr, "v", 1), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_can_access_vhost(session, nullptr, 1), TOKENWARD_ERROR);
    EXPECT_EQ(tw.identity_denied(nullptr, "i", 1, "u", 1, 0), TOKENWARD_ERROR);
    EXPECT_EQ(tw.identity_denied(backend, nullptr, 1, "u", 1, 0), TOKENWARD_ERROR);
    EXPECT_EQ(tw.identity_denied(backend, "i", 1, nullptr, 1, 0), TOKENWARD_ERROR);
    EXPECT_EQ(tw.identity_denied(backend, nullptr, 0, nullptr, 0, 0), TOKENWARD_ALLOWED);
    EXPECT_EQ(tw.session_username(nullptr, &name, &length), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_username(session, nullptr, &length), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_username(session, &name, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_issuer(nullptr, &name, &length), TOKENWARD_ERROR);
    EXPECT_EQ(tw.report_denial(nullptr, &asked, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.report_denial(session, nullptr, nullptr), TOKENWARD_ERROR);
    std::int32_t number = 0;
    EXPECT_EQ(tw.log_fd(nullptr, &number), TOKENWARD_ERROR);
    EXPECT_EQ(tw.log_fd(backend, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.log_fd(backend, &number), TOKENWARD_ERROR) << "log_mode is the callback";
    EXPECT_EQ(tw.log_read(backend, &number, nullptr, 0, &length), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_expires_at(nullptr, &when), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_expires_at(session, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_issued_at(nullptr, &when), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_issued_at(session, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_tags(session, nullptr, 5, &length), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_tags(session, nullptr, 0, nullptr), TOKENWARD_ERROR);
    expect_invalid(tw.explain(session, nullptr, nullptr, 0, &length, &error));
    expect_invalid(tw.status(nullptr, nullptr, 0, &length, &error));
    expect_invalid(tw.metrics(backend, nullptr, 1, &length, &error));
    expect_invalid(tw.inspect(backend, nullptr, 5, nullptr, 0, &length, &error));
    expect_invalid(tw.config_check(nullptr, nullptr, 1, &length, &error));
}

TEST_F(Arguments, ANullErrorIsFineAndAForeignOneIsNotTouched) {
    tokenward_session *out = nullptr;
    const auto credentials = bearer("x");
    EXPECT_EQ(tw.authenticate(backend, &credentials, nullptr, &out, nullptr), TOKENWARD_REFUSED);
    tokenward_error foreign = cleared<tokenward_error>();
    foreign.struct_size = 8;
    foreign.reason = 77;
    EXPECT_EQ(tw.authenticate(backend, &credentials, nullptr, &out, &foreign), TOKENWARD_ERROR);
    EXPECT_EQ(foreign.reason, 77);
}

TEST_F(Arguments, ALiveHandleOfAnotherKind) {
    tokenward_session *out = nullptr;
    const auto credentials = bearer(token);
    expect_invalid(
        tw.authenticate(reinterpret_cast<tokenward_backend *>(session), &credentials, nullptr, &out, &error));
    const auto asked = request(TOKENWARD_READ, "v", "a");
    EXPECT_EQ(tw.authorize(reinterpret_cast<tokenward_session *>(backend), &asked), TOKENWARD_ERROR);
}

TEST_F(Arguments, Strings) {
    tokenward_session *out = nullptr;
    auto credentials = bearer(token);
    credentials.data = {nullptr, 3};
    expect_invalid(tw.authenticate(backend, &credentials, nullptr, &out, &error));
    credentials.data = {token.data(), SIZE_MAX};
    expect_invalid(tw.authenticate(backend, &credentials, nullptr, &out, &error));
    credentials.data = {nullptr, 0};
    EXPECT_EQ(tw.authenticate(backend, &credentials, nullptr, &out, &error), TOKENWARD_REFUSED);
    auto asked = request(TOKENWARD_READ, "v", "a");
    asked.vhost = {nullptr, 1};
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ERROR);
    asked.vhost = {nullptr, 0};
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_DENIED) << "(NULL, 0) is the empty string";
}

// Each cause has a message of its own, which is true.
TEST_F(Arguments, AMessageNamesTheFieldAndTheCause) {
    const auto said = [&](const tokenward_credentials *sent, const tokenward_context *context) {
        tokenward_session *out = nullptr;
        EXPECT_EQ(tw.authenticate(backend, sent, context, &out, &error), TOKENWARD_ERROR);
        return std::string(error.message);
    };
    const auto good = bearer(token);
    auto credentials = good;
    credentials.data = {nullptr, 3};
    EXPECT_EQ(said(&credentials, nullptr), "credentials.data is NULL, and its size isn't 0");
    credentials.data = {token.data(), SIZE_MAX};
    EXPECT_EQ(said(&credentials, nullptr), "credentials.data's size is more than a process can have");
    credentials = good;
    credentials.password = {token.data(), SIZE_MAX / 2 + 1};
    EXPECT_EQ(said(&credentials, nullptr), "credentials.password's size is more than a process can have");
    EXPECT_EQ(said(nullptr, nullptr), "credentials is NULL");
    credentials = good;
    credentials.struct_size = 0;
    EXPECT_EQ(said(&credentials, nullptr),
              "credentials.struct_size is none that tokenward_credentials has had: begin with "
              "TOKENWARD_CREDENTIALS_INIT");
    Larger<tokenward_credentials> larger{};
    larger.known = good;
    larger.known.struct_size = sizeof larger;
    larger.unknown[0] = 1;
    EXPECT_EQ(said(&larger.known, nullptr),
              "credentials has fields that this version doesn't know, and they aren't zero");
    auto context = cleared<tokenward_context>();
    context.listener = {nullptr, 1};
    EXPECT_EQ(said(&good, &context), "context.listener is NULL, and its size isn't 0");

    log.clear();
    auto asked = request(TOKENWARD_READ, "v", "a");
    asked.resource = {"a", SIZE_MAX};
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ERROR);
    EXPECT_NE(log.find("request.resource's size is more"), std::string::npos) << log;
    log.clear();
    EXPECT_EQ(tw.session_can_access_vhost(session, "v", SIZE_MAX), TOKENWARD_ERROR);
    EXPECT_NE(log.find("vhost's size is more"), std::string::npos) << log;
    std::size_t length = 0;
    EXPECT_EQ(tw.inspect(backend, token.data(), SIZE_MAX, nullptr, 0, &length, &error), TOKENWARD_ERROR);
    EXPECT_STREQ(error.message, "token's size is more than a process can have");
    EXPECT_EQ(tw.status(backend, nullptr, 1, &length, &error), TOKENWARD_ERROR);
    EXPECT_STREQ(error.message, "buffer is NULL, and buffer_size isn't 0");
    EXPECT_EQ(tw.status(backend, nullptr, 0, nullptr, &error), TOKENWARD_ERROR);
    EXPECT_STREQ(error.message, "length (out) is NULL");
}

TEST_F(Arguments, KindsOperationsAndFlags) {
    tokenward_session *out = nullptr;
    for (const std::int32_t kind : {-1, 0, 6, INT32_MAX}) {
        auto credentials = bearer(token);
        credentials.kind = kind;
        expect_invalid(tw.authenticate(backend, &credentials, nullptr, &out, &error));
    }
    auto credentials = bearer(token);
    credentials.flags = 1;
    expect_invalid(tw.authenticate(backend, &credentials, nullptr, &out, &error));
    for (const std::int32_t operation : {-1, 0, 4}) {
        const auto asked = request(operation, "v", "a");
        EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ERROR);
    }
    for (const std::uint32_t flags : {3U, 7U, 16U, 0x80000001U}) {
        auto asked = request(TOKENWARD_READ, "v", "a");
        asked.flags = flags;
        EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ERROR) << flags;
    }
}

TEST_F(Arguments, StructsOfOtherVersions) {
    Larger<tokenward_request> larger{};
    larger.known = request(TOKENWARD_READ, "v", "a");
    larger.known.struct_size = sizeof larger;
    EXPECT_EQ(tw.authorize(session, &larger.known), TOKENWARD_ALLOWED) << "an unknown tail of zeros";
    larger.unknown[23] = 1;
    EXPECT_EQ(tw.authorize(session, &larger.known), TOKENWARD_ERROR) << "an unknown field is set";
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{8}, sizeof(tokenward_request) - 1, std::size_t{1} << 20}) {
        auto asked = request(TOKENWARD_READ, "v", "a");
        asked.struct_size = size;
        EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ERROR) << size;
    }
    tokenward_session *out = nullptr;
    auto credentials = bearer(token);
    credentials.struct_size = SIZE_MAX;
    expect_invalid(tw.authenticate(backend, &credentials, nullptr, &out, &error));
    credentials = bearer(token);
    auto context = cleared<tokenward_context>();
    context.struct_size = 3;
    expect_invalid(tw.authenticate(backend, &credentials, &context, &out, &error));
}

TEST_F(Arguments, AForgottenStructSizeIsALineInTheLog) {
    auto asked = request(TOKENWARD_READ, "v", "a");
    asked.struct_size = 0;
    log.clear();
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ERROR);
    EXPECT_NE(log.find("tokenward_authorize: request"), std::string::npos) << log;
    EXPECT_NE(log.find("TOKENWARD_REQUEST_INIT"), std::string::npos) << log;
    log.clear();
    tokenward_session *out = nullptr;
    const auto credentials = bearer(token);
    tokenward_error unsized{};
    EXPECT_EQ(tw.authenticate(backend, &credentials, nullptr, &out, &unsized), TOKENWARD_ERROR);
    EXPECT_NE(log.find("tokenward_authenticate: error.struct_size"), std::string::npos) << log;
    log.clear();
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_ERROR);
    EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 30) << "ten a second, and a count";
}

TEST_F(Arguments, ContextAndLogOptions) {
    tokenward_session *out = nullptr;
    const auto credentials = bearer(token);
    auto context = cleared<tokenward_context>();
    context.flags = 8;
    expect_invalid(tw.authenticate(backend, &credentials, &context, &out, &error));
    context.flags = TOKENWARD_CLIENT_ID_BOUND;
    context.client_certificate_sha256 = text("too short");
    expect_invalid(tw.authenticate(backend, &credentials, &context, &out, &error));
    context.client_certificate_sha256 = text("0123456789abcdef0123456789abcdef");
    EXPECT_EQ(tw.authenticate(backend, &credentials, &context, &out, &error), TOKENWARD_OK) << error.message;
    tw.session_release(out);

    tokenward_backend *other = nullptr;
    for (const auto &[mode, level] :
         {std::pair{-1, 0}, {3, 0}, {TOKENWARD_LOG_TO_CALLBACK, 0}, {0, 5}, {0, -1}}) {
        auto options = cleared<tokenward_options>();
        options.log_mode = mode;
        options.log_level = level;
        expect_invalid(tw.create(&options, &other, &error));
    }
    auto options = cleared<tokenward_options>();
    options.log = [](void *, std::int32_t, const char *, std::size_t) {};
    expect_invalid(tw.create(&options, &other, &error));
}

TEST_F(Arguments, AReloadDoesntLookAtWhatCreateKeeps) {
    const std::string path = provider.config_file();
    const tokenward_string file = text(path);
    auto options = cleared<tokenward_options>();
    options.config_files = &file;
    options.config_file_count = 1;
    options.log_mode = 77;
    options.log_level = -3;
    options.startup_wait_ms = UINT32_MAX;
    EXPECT_EQ(tw.reload(backend, &options, &error), TOKENWARD_OK) << error.message;
    log.clear();
    tw.reload(backend, nullptr, nullptr);
    EXPECT_NE(log.find("configuration reloaded"), std::string::npos) << "the callback and the level stay";
    options.max_wait_ms = 60001;
    expect_invalid(tw.reload(backend, &options, &error));
}

TEST_F(Arguments, Options) {
    tokenward_backend *other = nullptr;
    auto options = cleared<tokenward_options>();
    options.config_file_count = 2;
    expect_invalid(tw.create(&options, &other, &error));
    EXPECT_EQ(other, nullptr);
    options = cleared<tokenward_options>();
    const tokenward_string with_nul = text(std::string_view("a\0b", 3));
    options.config_files = &with_nul;
    options.config_file_count = 1;
    expect_invalid(tw.create(&options, &other, &error));
    options = cleared<tokenward_options>();
    options.max_wait_ms = 60001;
    expect_invalid(tw.create(&options, &other, &error));
    options = cleared<tokenward_options>();
    const tokenward_string missing = text("/nonexistent/tokenward.ini");
    options.config_files = &missing;
    options.config_file_count = 1;
    EXPECT_EQ(tw.create(&options, &other, &error), TOKENWARD_ERROR);
    EXPECT_STREQ(tw.reason_name(error.reason), "CONFIG_UNREADABLE");
    EXPECT_NE(std::string(error.message).find("/nonexistent/tokenward.ini"), std::string::npos)
        << error.message;
}

}  // namespace tokenward::support
