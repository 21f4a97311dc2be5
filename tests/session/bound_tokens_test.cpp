// Tokens bound to a certificate (RFC 8705 section 3): asked at each login and refresh, of cached tokens too.
#include "fixture.hpp"

#include <string>

#include <gtest/gtest.h>

namespace tokenward::session {
namespace {

const std::string right(32, '\x01');
const std::string wrong(32, '\x02');

std::string bound_token() {
    return Provider::mint(Provider::claims().object(
        "cnf", JsonObject().string("x5t#S256", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE")));
}

class BoundTokens : public BackendTest {
  protected:
    void start(const std::string &more = "") {
        backend = make_backend(options_with_log(provider.config(more), log), clock);
        ASSERT_NE(backend, nullptr);
    }
    Reason log_in_with(std::string_view certificate, const std::string &token) {
        Context context;
        context.client_certificate_sha256 = certificate;
        auto result = backend->authenticate(bearer(token), context);
        detail = result ? "" : result.error().detail;
        if (result) session = std::move(*result);
        return result ? Reason::NONE : result.error().reason;
    }
    Reason refresh_with(std::string_view certificate, const std::string &token) {
        Context context;
        context.client_certificate_sha256 = certificate;
        const auto result = backend->refresh(*session, bearer(token), context);
        detail = result ? "" : result.error().detail;
        return result ? Reason::NONE : result.error().reason;
    }
};

}  // namespace

// The second of each comes from the cache of tokens.
TEST_F(BoundTokens, NeedTheCertificate) {
    start();
    const std::string token = bound_token();
    for (int i = 0; i < 2; ++i) {
        EXPECT_REASON(log_in_with({}, token), SENDER_CONSTRAINED);
        EXPECT_REASON(log_in_with(wrong, token), CERTIFICATE_MISMATCH);
        EXPECT_EQ(detail,
                  "cnf has x5t#S256: the token is bound to the certificate "
                  "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE, "
                  "the client's is AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI");
        EXPECT_REASON(log_in_with(right, token), NONE);
    }
    EXPECT_REASON(log_in_with(wrong, token), CERTIFICATE_MISMATCH);
    EXPECT_REASON(log_in_with({}, token), SENDER_CONSTRAINED);
}

TEST_F(BoundTokens, NeedItAtRefreshToo) {
    start();
    EXPECT_REASON(log_in_with(right, bound_token()), NONE);
    EXPECT_REASON(refresh_with({}, bound_token()), SENDER_CONSTRAINED);
    EXPECT_REASON(refresh_with(wrong, bound_token()), CERTIFICATE_MISMATCH);
    EXPECT_REASON(refresh_with(right, bound_token()), NONE);
}

TEST_F(BoundTokens, OthersNeedNone) {
    start();
    const std::string token = Provider::mint(Provider::claims());
    EXPECT_REASON(log_in_with({}, token), NONE);
    EXPECT_REASON(log_in_with(wrong, token), NONE);
}

TEST_F(BoundTokens, MayBeRequired) {
    start(R"(,"bound_tokens":"require")");
    EXPECT_REASON(log_in_with(right, Provider::mint(Provider::claims())), TOKEN_NOT_BOUND);
    EXPECT_REASON(log_in_with({}, bound_token()), SENDER_CONSTRAINED);
    EXPECT_REASON(log_in_with(right, bound_token()), NONE);
}

TEST_F(BoundTokens, MayBeTakenUnchecked) {
    start(R"(,"allow_cnf":true)");
    EXPECT_REASON(log_in_with({}, bound_token()), NONE);
    EXPECT_REASON(log_in_with(wrong, bound_token()), NONE);
}

TEST_F(BoundTokens, AreNoted) {
    start();
    const auto seen = Backend::inspect(backend.get(), bound_token());
    ASSERT_TRUE(seen);
    EXPECT_NE(seen->find("the token is bound to a certificate"), std::string::npos) << *seen;
    EXPECT_EQ(seen->find("\"problem\""), std::string::npos) << *seen;
}

}  // namespace tokenward::session
