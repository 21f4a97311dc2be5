// Every wrong argument gets a result; none crashes the host.
#include "loaded_library.hpp"
#include "static_provider.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::support {
namespace {

class Arguments : public testing::Test {
  protected:
    void SetUp() override {
        const std::string path = provider.config_file();
        const tokenward_string file = text(path);
        auto options = cleared<tokenward_options>();
        options.config_files = &file;
        options.config_file_count = 1;
        options.log = [](void *, std::int32_t, const char *, std::size_t) {};
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
    tokenward_string name;
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
    EXPECT_EQ(tw.authorize(nullptr, &asked), TOKENWARD_AUTHORIZE_ERROR);
    EXPECT_EQ(tw.authorize(session, nullptr), TOKENWARD_AUTHORIZE_ERROR);
    EXPECT_EQ(tw.session_can_access_vhost(nullptr, text("v")), TOKENWARD_AUTHORIZE_ERROR);
    EXPECT_EQ(tw.session_username(nullptr, &name), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_username(session, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_issuer(nullptr, &name), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_expires_at(nullptr, &when), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_expires_at(session, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_tags(session, nullptr, 5, &length), TOKENWARD_ERROR);
    EXPECT_EQ(tw.session_tags(session, nullptr, 0, nullptr), TOKENWARD_ERROR);
    EXPECT_EQ(tw.explain(session, nullptr, nullptr, 0, &length), TOKENWARD_ERROR);
    EXPECT_EQ(tw.status(nullptr, nullptr, 0, &length), TOKENWARD_ERROR);
    EXPECT_EQ(tw.metrics(backend, nullptr, 1, &length), TOKENWARD_ERROR);
    expect_invalid(tw.inspect(backend, {nullptr, 5}, nullptr, 0, &length, &error));
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
    EXPECT_EQ(tw.authorize(reinterpret_cast<tokenward_session *>(backend), &asked), TOKENWARD_AUTHORIZE_ERROR);
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
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_AUTHORIZE_ERROR);
    asked.vhost = {nullptr, 0};
    EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_DENIED) << "(NULL, 0) is the empty string";
}

TEST_F(Arguments, KindsOperationsAndFlags) {
    tokenward_session *out = nullptr;
    for (const std::int32_t kind : {-1, 0, 6, INT32_MAX}) {
        auto credentials = bearer(token);
        credentials.kind = kind;
        expect_invalid(tw.authenticate(backend, &credentials, nullptr, &out, &error));
    }
    auto credentials = bearer(token);
    credentials.reserved = 1;
    expect_invalid(tw.authenticate(backend, &credentials, nullptr, &out, &error));
    for (const std::int32_t operation : {-1, 0, 4}) {
        const auto asked = request(operation, "v", "a");
        EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_AUTHORIZE_ERROR);
    }
    for (const std::uint32_t flags : {3U, 4U, 0x80000001U}) {
        auto asked = request(TOKENWARD_READ, "v", "a");
        asked.flags = flags;
        EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_AUTHORIZE_ERROR) << flags;
    }
}

TEST_F(Arguments, StructsOfOtherVersions) {
    Larger<tokenward_request> larger{};
    larger.known = request(TOKENWARD_READ, "v", "a");
    larger.known.struct_size = sizeof larger;
    EXPECT_EQ(tw.authorize(session, &larger.known), TOKENWARD_ALLOWED) << "an unknown tail of zeros";
    larger.unknown[23] = 1;
    EXPECT_EQ(tw.authorize(session, &larger.known), TOKENWARD_AUTHORIZE_ERROR) << "an unknown field is set";
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{8}, sizeof(tokenward_request) - 1, std::size_t{1} << 20}) {
        auto asked = request(TOKENWARD_READ, "v", "a");
        asked.struct_size = size;
        EXPECT_EQ(tw.authorize(session, &asked), TOKENWARD_AUTHORIZE_ERROR) << size;
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
