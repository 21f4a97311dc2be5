// The way of a token, from what a client sent to its rights and its line in the log: login.cpp tells it in
// order.
#pragma once

#include "access/permission_set.hpp"
#include "base/at_work.hpp"
#include "base/clock.hpp"
#include "base/epoch.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "base/pool.hpp"
#include "base/result.hpp"
#include "claims/claims.hpp"
#include "claims/scope_list.hpp"
#include "credentials/credentials.hpp"
#include "denials/denials.hpp"
#include "introspection/provider.hpp"
#include "jose/crypto.hpp"
#include "jose/jws.hpp"
#include "jose/sha256.hpp"
#include "session/audit.hpp"
#include "session/configuration.hpp"
#include "session/context.hpp"
#include "session/counters.hpp"
#include "session/session.hpp"
#include "session/token_cache.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::session {

/// Memory that one login after another uses, so that a login allocates no buffers. Not thread-safe.
struct LoginBuffers {
    std::string credentials;
    jose::Sha256 sha256;
    JsonDocument header;
    JsonDocument payload;
    std::vector<char> signature;
    claims::ScopeList scopes;

    /// Each buffer above keeps so much for the next login. What grew beyond, by a forged token too, is given back.
    static constexpr std::size_t most_kept_bytes = std::size_t{256} * 1024;
    /// At the end of a login: no decoded password and nothing of a token stays in idle memory.
    void tidy() noexcept;
};

/// What all logins of a backend share.
struct LoginServices {
    LoginServices(Logger &logger, const Clock &clock_in) : clock(clock_in), audit(logger, clock_in) {}

    const Clock &clock;
    Audit audit;
    std::shared_ptr<Counters> counters = std::make_shared<Counters>();
    std::shared_ptr<denials::Denials> denials = std::make_shared<denials::Denials>();
    TokenCache token_cache;
    Pool<LoginBuffers> buffers;
    std::atomic<std::uint32_t> max_wait_ms{0};
    EpochDomain readers;  ///< of `configuration`
    std::unique_ptr<Snapshot<std::shared_ptr<const Configuration>>> configuration;
};

/// One login or one refresh: made for one call, on one thread. Its members are what is known so far. Leaves the
/// thread's OpenSSL error queue as it was.
class Login {
  public:
    Login(LoginServices &services, const credentials::Credentials &credentials, const Context &context);
    ~Login();
    Login(const Login &) = delete;
    Login &operator=(const Login &) = delete;

    Result<std::unique_ptr<Session>> authenticate();
    /// Gives the session the new token's rights if the token has the session's identity. Else the old ones
    /// stay.
    Result<void> refresh(Session &session);

  private:
    // The steps in their order. False: `failure_` says why.
    bool check_token();
    bool extract_token();
    bool enter_openssl();
    void hash_token();
    bool find_in_cache();
    bool decode();
    bool find_section();
    bool exchange();
    bool ask_provider();
    bool ask_if_active();
    std::optional<introspection::Inquiry> ask_about_token();
    bool take_answer(introspection::Inquiry inquiry);
    introspection::AnswerRef learned(introspection::Inquiry inquiry, Reason pending, Reason failed);
    std::uint32_t max_wait_ms() const noexcept;
    bool check_header();
    bool verify_signature();
    bool check_claims();
    bool check_denied();
    bool compile_permissions();
    bool compile_cached();
    void remember_expired();
    void keep_token();
    void add_to_cache();
    bool check_time();
    bool check_certificate();
    bool check_sent_names();
    bool check_identity(const Session &session);
    bool check_not_ended(const Session &session);

    bool refuse(Failure &&failure);
    bool refuse(Reason reason, std::string detail, std::string hint = {});
    bool refuse_algorithm();
    bool refuse_type();
    void advise_auth0(Failure &failure) const;
    bool check_size(std::size_t max_token_bytes);
    void hold_configuration();
    void name_user(std::string_view username);
    const Grant &grant() const noexcept { return own_grant_.permissions ? own_grant_ : token_->grant; }
    Rights granted_rights();
    void note_accepted();
    tl::unexpected<Failure> refused();

    std::optional<AtWork> at_work_;  ///< first: it ends last
    std::optional<jose::ErrorQueueGuard> error_queue_;
    LoginServices &services_;
    const credentials::Credentials &credentials_;
    Pool<LoginBuffers>::Lease buffers_;

    /// Valid as long as `reader_` or `held_configuration_` is there.
    const Configuration *configuration_;
    std::optional<EpochDomain::Reader> reader_;
    std::shared_ptr<const Configuration> held_configuration_;

    credentials::SentToken sent_;
    std::int64_t now_ = 0;  ///< seconds since 1970
    std::optional<jose::Sha256Digest> digest_;
    std::optional<jose::Sha256Digest> signing_input_digest_;  ///< of large tokens
    const ActiveSection *section_ = nullptr;

    // Of a token that isn't in the cache.
    std::optional<jose::CompactJws> jws_;
    std::optional<jose::Header> header_;
    bool is_at_jwt_ = false;  ///< the header says that it is an access token (RFC 9068)
    bool is_opaque_ = false;  ///< no JSON Web Token: its provider's answer stands where a payload stands
    introspection::AnswerRef answer_;
    bool has_client_credentials_ = false;
    const ActiveSection *exchanged_by_ = nullptr;  ///< of configuration_: its provider gave the client's token
    introspection::AnswerRef exchanged_;           ///< with that token
    jose::Sha256Digest fingerprint_{};             ///< of the credentials that it was given for
    std::int64_t fresh_until_ms_ = std::numeric_limits<std::int64_t>::max();
    std::optional<JsonValue> payload_;
    keys::KeyRef key_;
    std::optional<claims::Claims> claims_;
    denials::TokenMarks marks_;
    std::string username_;  ///< with the section's username_prefix
    access::Notes notes_;
    Grant own_grant_;  ///< of this login, until it is the token's; it stays here if it depends on the client
    bool depends_on_client_id_ = false;

    std::shared_ptr<const VerifiedToken> token_;
    AuditFields audit_fields_;
    Failure failure_;
};

}  // namespace tokenward::session
