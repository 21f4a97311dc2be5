#include "session/login.hpp"

#include "base/base64.hpp"
#include "base/text.hpp"
#include "base/wipe.hpp"
#include "claims/no_scope.hpp"
#include "claims/refusals.hpp"
#include "claims/scope_sources.hpp"
#include "config/vendor.hpp"
#include "credentials/mistake.hpp"
#include "jose/segment.hpp"
#include "session/json_segment.hpp"
#include "session/outcome.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace tokenward::session {

namespace {

constexpr std::int64_t no_end_ms = std::numeric_limits<std::int64_t>::max();

template <class Buffer>
void tidy_buffer(Buffer &buffer) noexcept {
    wipe(buffer.data(), buffer.size());
    buffer.clear();
    if (buffer.capacity() > LoginBuffers::most_kept_bytes)
        Buffer().swap(buffer);  // a string keeps its memory when = gives it a short one
}

}  // namespace

void LoginBuffers::tidy() noexcept {
    tidy_buffer(credentials);
    tidy_buffer(signature);
    header.wipe(most_kept_bytes);
    payload.wipe(most_kept_bytes);
    scopes.clear(most_kept_bytes);
}

Login::Login(LoginServices &services, const credentials::Credentials &credentials, const Context &context)
    : services_(services), credentials_(credentials), buffers_(services.buffers.take()) {
    reader_.emplace(services_.readers);
    configuration_ = services_.configuration->get()->get();
    audit_fields_.context = context;
}

Login::~Login() {
    buffers_->tidy();
}

// ---- the whole way --------------------------------------------------------------------------------------

Result<std::unique_ptr<Session>> Login::authenticate() {
    audit_fields_.event = "authenticate";
    if (!check_token()) return refused();
    auto session = std::make_unique<Session>(section_->origin, token_->username, granted_rights(),
                                             configuration_->generation);
    note_accepted();
    return session;
}

Result<void> Login::refresh(Session &session) {
    audit_fields_.event = "refresh";
    if (!check_token() || !check_identity(session) || !check_not_ended(session)) return refused();
    session.replace_rights(granted_rights(), configuration_->generation);
    note_accepted();
    return {};
}

bool Login::check_token() {
    if (!extract_token()) return false;
    if (!enter_openssl()) return false;  // an ordinary password doesn't come this far
    now_ = services_.clock.unix_seconds();
    if (has_client_credentials_ && !exchange())
        return false;  // the token that they bring is judged as any other
    if (!find_in_cache()) {
        hold_configuration();  // the next steps may wait for a key, or for the provider's answer
        if (is_opaque_) {
            if (!ask_provider()) return false;  // its answer is the payload, and nothing else vouches for it
        } else {
            if (!decode()) return false;        // three segments, a header, a payload; nothing is believed yet
            if (!find_section()) return false;  // by iss alone: a foreign token never causes a fetch
            if (!check_header()) return false;  // alg and typ
            if (!verify_signature()) return false;  // from here on the payload is the issuer's word
        }
        if (!check_claims()) return false;  // who is it, and until when?
        if (!check_denied()) return false;  // a cached token was asked this under the same configuration
        if (!ask_if_active())
            return false;  // revoked? Last, so that no token causes a request that a rule refuses
        if (!compile_permissions()) return false;
        keep_token();
        add_to_cache();
    }
    // What depends on the call is asked of a cached token too. So are rights that depend on the client.
    return check_time() && check_certificate() && check_sent_names() &&
           (grant().permissions || compile_cached());
}

// ---- credentials ----------------------------------------------------------------------------------------

bool Login::extract_token() {
    auto sent = credentials::find_secret(credentials_, configuration_->max_token_bytes, buffers_->credentials);
    if (!sent) return refuse(std::move(sent).error());
    auto token = credentials::judge_secret(*sent, configuration_->token_in_username);
    if (!token && configuration_->asked_about(*sent) == nullptr) {
        has_client_credentials_ = configuration_->exchanges(*sent) != nullptr;
        sent_ = *sent;
        if (has_client_credentials_) return check_size(configuration_->max_token_bytes);
        configuration_->advise_opaque(sent->token, token.error());
        if (token.error().reason == Reason::OPAQUE_TOKEN) advise_auth0(token.error());
        return refuse(std::move(token).error());
    }
    is_opaque_ = !token;
    sent_ = token ? *token : *sent;
    return check_size(configuration_->max_token_bytes);
}

/// RFC 6749 section 4.4.
bool Login::exchange() {
    hold_configuration();
    const ActiveSection *section = configuration_->exchanges(sent_);
    if (section == nullptr) return refuse(Reason::NOT_A_TOKEN, {});  // a reload came meanwhile
    audit_fields_.issuer = section->issuer;
    const introspection::Question question{sent_.token,
                                           sent_.username.substr(section->client_credentials.prefix.size())};
    const auto fingerprint = section->exchange->fingerprint(question);
    if (!fingerprint) return refuse(Reason::CRYPTO_UNAVAILABLE, "OpenSSL has no HMAC");
    fingerprint_ = *fingerprint;
    exchanged_ = learned(section->exchange->ask(fingerprint_, question, max_wait_ms()),
                         Reason::CLIENT_CREDENTIALS_PENDING, Reason::CLIENT_CREDENTIALS_FAILED);
    if (!exchanged_) return false;
    if (exchanged_->kind == introspection::Answer::Kind::inactive)
        return refuse(Reason::CLIENT_REFUSED,
                      fmt::format("the client {}: {}", quote(question.client_id), exchanged_->problem));
    exchanged_by_ = section;
    credentials::SentToken given;
    given.token = exchanged_->content;
    given.authzid = sent_.authzid;
    auto token = credentials::judge_secret(given, false);
    if (!token && configuration_->asked_about(given) == nullptr) return refuse(std::move(token).error());
    is_opaque_ = !token;
    sent_ = given;
    return check_size(configuration_->max_token_bytes);
}

/// Without an audience, Auth0's tokens are for itself: opaque or encrypted. Whose token it is can't be read.
void Login::advise_auth0(Failure &failure) const {
    for (const ActiveSection &section : configuration_->sections) {
        const std::vector<std::string> &audience = section.tokens.audience;
        if (audience.size() != 1 || config::vendor_of(section.issuer) != config::Vendor::auth0) continue;
        if (const std::string value = copyable(audience.front()); !value.empty())
            failure.hint = fmt::format("send audience={} with the request for the token", value);
    }
}

bool Login::check_size(std::size_t max_token_bytes) {
    if (sent_.token.size() <= max_token_bytes) return true;
    return refuse(
        Reason::TOKEN_TOO_LARGE,
        fmt::format("the token has {} bytes, max_token_bytes is {}", sent_.token.size(), max_token_bytes),
        credentials::hint_for_size(sent_.token.size()));
}

bool Login::enter_openssl() {
    at_work_.emplace(WorkingThread::of_host);
    if (!*at_work_) return refuse(at_process_end());
    error_queue_.emplace();
    return true;
}

// ---- cache ----------------------------------------------------------------------------------------------

/// A large token is hashed once for both the cache and the signature. For a small one it costs more to split the hash
/// than to hash it again, since the cache mostly has it.
void Login::hash_token() {
    constexpr std::size_t large = 4096;
    const std::string_view token = sent_.token;
    if (const std::size_t dot = token.rfind('.'); token.size() >= large && dot != std::string_view::npos) {
        digest_ = buffers_->sha256(token, dot, signing_input_digest_);
    } else {
        digest_ = buffers_->sha256(token);
    }
}

/// The same token again: no signature check, and no reference count that all threads share.
bool Login::find_in_cache() {
    TokenCache &cache = services_.token_cache;
    if (!cache.enabled()) return false;
    hash_token();
    if (!digest_) return false;
    token_ = cache.find(*digest_);
    if (!token_) return false;
    if (!configuration_->still_accepts(*token_) ||
        (token_->only_expired && claims::check_time(token_->validity, now_)) ||  // the clock was set back
        (token_->fresh_until_ms != no_end_ms && services_.clock.monotonic_ms() >= token_->fresh_until_ms)) {
        token_.reset();
        cache.erase(*digest_);
        return false;
    }
    section_ = &configuration_->sections[token_->section];
    audit_fields_.issuer = section_->issuer;
    audit_fields_.username = token_->username;
    audit_fields_.kid = token_->kid;
    audit_fields_.jti = token_->jti;
    services_.counters->token_cache_hit();
    return true;
}

void Login::add_to_cache() {
    if (digest_) services_.token_cache.insert(*digest_, token_);
}

/// A reader must not wait, since a reload waits for all readers. So a login that may wait shares the ownership.
void Login::hold_configuration() {
    if (held_configuration_) return;
    held_configuration_ = *services_.configuration->get();
    configuration_ = held_configuration_.get();
    reader_.reset();
}

// ---- signature ------------------------------------------------------------------------------------------

bool Login::decode() {
    auto jws = jose::CompactJws::split(sent_.token);
    if (!jws) {
        if (jws.error().reason == Reason::ENCRYPTED_TOKEN) {
            jws.error().detail += jose::describe_encryption(sent_.token, buffers_->header);
            advise_auth0(jws.error());
        }
        return refuse(std::move(jws).error());
    }
    jws_ = *jws;
    auto header = jose::Header::decode(jws_->header, buffers_->header);
    if (!header) return refuse(std::move(header).error());
    header_ = *header;
    audit_fields_.kid = header_->kid.value_or("");
    auto payload = decode_json_segment(jws_->payload, Segment::payload, buffers_->payload);
    if (!payload) return refuse(std::move(payload).error());
    payload_ = *payload;
    return true;
}

bool Login::find_section() {
    auto section = configuration_->find_section(*payload_);
    if (!section) return refuse(std::move(section).error());
    section_ = *section;
    audit_fields_.issuer = section_->issuer;
    return check_size(section_->tokens.max_token_bytes);
}

// ---- what the provider says (RFC 7662) --------------------------------------------------------------------

bool Login::ask_provider() {
    section_ = configuration_->asked_about(sent_);
    if (section_ == nullptr) {  // a reload came meanwhile
        return refuse(sent_.may_be_password ? Reason::NOT_A_TOKEN : Reason::OPAQUE_TOKEN,
                      "no provider is asked about such tokens any more");
    }
    audit_fields_.issuer = section_->issuer;
    if (!check_size(section_->tokens.max_token_bytes)) return false;
    auto inquiry = ask_about_token();
    if (!inquiry || !take_answer(*std::move(inquiry))) return false;
    auto payload = buffers_->payload.parse(answer_->content, Reason::INTROSPECTION_FAILED);
    if (!payload) return refuse(std::move(payload).error());
    payload_ = *payload;
    return true;
}

/// introspect = jwt.
bool Login::ask_if_active() {
    const config::Introspection &rules = section_->introspection;
    if (is_opaque_ || !rules.asks_about_jwt()) return true;
    auto inquiry = ask_about_token();
    if (!inquiry) return false;
    const bool is_down =
        inquiry->answer ? inquiry->answer->kind == introspection::Answer::Kind::failed : inquiry->is_down;
    if (is_down && rules.fails_open()) {
        fresh_until_ms_ = services_.clock.monotonic_ms() + introspection::Provider::inactive_counts_ms;
        return true;
    }
    return take_answer(*std::move(inquiry));
}

/// Nothing: it is refused.
std::optional<introspection::Inquiry> Login::ask_about_token() {
    if (!digest_) hash_token();
    if (digest_) return section_->asked->ask(*digest_, {sent_.token, {}}, max_wait_ms());
    refuse(Reason::CRYPTO_UNAVAILABLE, "OpenSSL has no SHA-256");
    return std::nullopt;
}

bool Login::take_answer(introspection::Inquiry inquiry) {
    answer_ = learned(std::move(inquiry), Reason::INTROSPECTION_PENDING, Reason::INTROSPECTION_FAILED);
    if (!answer_) return false;
    if (answer_->kind == introspection::Answer::Kind::inactive)
        return refuse(Reason::TOKEN_INACTIVE, "the provider says that the token isn't active");
    fresh_until_ms_ = answer_->good_until;
    return true;
}

/// An answer that says yes or no. NULL: there is none yet, or none was given, and it is refused.
introspection::AnswerRef Login::learned(introspection::Inquiry inquiry, Reason pending, Reason failed) {
    if (!inquiry.answer) {
        std::string detail = inquiry.why;
        if (!inquiry.last_problem.empty()) detail += "; the last request failed: " + inquiry.last_problem;
        refuse(Failure{inquiry.is_down ? failed : pending, std::move(detail), inquiry.retry_after_ms, {}});
        return nullptr;
    }
    if (inquiry.answer->kind != introspection::Answer::Kind::failed) return std::move(inquiry.answer);
    refuse(Failure{failed, inquiry.answer->problem, 1000, inquiry.answer->hint});
    return nullptr;
}

std::uint32_t Login::max_wait_ms() const noexcept {
    return services_.max_wait_ms.load(std::memory_order_relaxed);
}

/// Rule 3's first half and rule 5's typ: what the section demands of a header (RFC 9068 section 4).
bool Login::check_header() {
    const config::TokenRules &rules = section_->tokens;
    if (!rules.algorithms.contains(header_->algorithm)) return refuse_algorithm();
    const std::string_view typ = header_->typ.value_or(std::string_view());
    is_at_jwt_ = jose::is_at_jwt(typ);
    if (is_at_jwt_ || (!rules.require_at_jwt && (!header_->typ || jose::is_jwt(typ)))) return true;
    return refuse_type();
}

bool Login::refuse_algorithm() {
    const jose::AlgorithmSet &allowed = section_->tokens.algorithms;
    std::string names;
    for (std::size_t i = 0; i < jose::algorithm_count; ++i) {
        const auto algorithm = static_cast<jose::Algorithm>(i);
        if (!allowed.contains(algorithm)) continue;
        if (!names.empty()) names += ',';
        names += jose::algorithm_name(algorithm);
    }
    const std::string_view alg = jose::algorithm_name(header_->algorithm);
    return refuse(Reason::ALGORITHM_NOT_ALLOWED, fmt::format("alg is {}, algorithms has {}", alg, names),
                  fmt::format("algorithms = {},{}", names, alg));
}

bool Login::refuse_type() {
    const bool only_at_jwt = section_->tokens.require_at_jwt;
    if (!header_->typ) {
        return refuse(Reason::WRONG_TYPE, "there is no typ, require_at_jwt wants at+jwt",
                      "require_at_jwt = false");
    }
    const std::string typ = quote(*header_->typ);
    if (const std::string_view use = jose::other_use(*header_->typ); !use.empty()) {
        return refuse(Reason::WRONG_TYPE, fmt::format("typ is {}: this is {}, not an access token", typ, use),
                      "send the access_token of the token response");
    }
    if (only_at_jwt && jose::is_jwt(*header_->typ)) {
        return refuse(Reason::WRONG_TYPE, fmt::format("typ is {}, require_at_jwt wants at+jwt", typ),
                      "require_at_jwt = false");
    }
    return refuse(Reason::WRONG_TYPE,
                  fmt::format("typ is {}, it must be {}", typ, only_at_jwt ? "at+jwt" : "JWT or at+jwt"));
}

/// Rules 4 and 6: one key, one signature check.
bool Login::verify_signature() {
    auto key =
        section_->keys->find(header_->algorithm, header_->kid, section_->tokens.default_key, max_wait_ms());
    if (!key) return refuse(std::move(key).error());
    key_ = *std::move(key);
    std::vector<char> &signature = buffers_->signature;
    signature.resize(base64url_decoded_size(jws_->signature.size()) + 1);
    const auto size = base64url_decode(jws_->signature, signature.data());
    if (!size) return refuse(jose::malformed_signature(jws_->signature, sent_.token.size()));
    // Both end before the last dot.
    const jose::Sha256Digest *const digest = signing_input_digest_ ? &*signing_input_digest_ : nullptr;
    if (key_->verify(header_->algorithm, jws_->signing_input, {signature.data(), *size}, digest)) return true;
    section_->keys->report_bad_signature();  // some providers reuse a kid for a new key
    return refuse({Reason::BAD_SIGNATURE,
                   fmt::format("the signature isn't one of the key {} ({})", quote(key_->kid()),
                               jose::algorithm_name(header_->algorithm)),
                   0, claims::signature_advice(*payload_, section_->tokens)});
}

// ---- claims and rights ----------------------------------------------------------------------------------

bool Login::check_claims() {
    const claims::Form form = is_opaque_   ? claims::Form::introspection
                              : is_at_jwt_ ? claims::Form::at_jwt
                                           : claims::Form::jwt;
    auto claims = claims::check(*payload_, section_->issuer, section_->tokens, form, now_);
    if (!claims) {
        const claims::Names names = claims::names_of(*payload_, section_->tokens);
        name_user(names.username);
        audit_fields_.jti = names.jti;
        if (claims.error().reason == Reason::TOKEN_EXPIRED) remember_expired();
        return refuse(std::move(claims).error());
    }
    claims_ = *claims;
    name_user(claims_->username);
    audit_fields_.jti = claims_->jti;
    auto own = configuration_->check_foreign_prefix(*section_, username_);
    return own || refuse(std::move(own).error());
}

bool Login::check_denied() {
    marks_ = {denials::mark_of(denials::Kind::jti, claims_->jti),
              denials::mark_of(denials::Kind::client_id, claims_->client_id),
              denials::mark_of(denials::Kind::client_id, claims_->authorized_party),
              denials::mark_of(denials::Kind::kid, key_ ? std::string_view(key_->kid()) : std::string_view()),
              claims_->issued_at.value_or(denials::TokenMarks::no_issued_at)};
    const auto match =
        configuration_->denied->find({section_->origin->section, section_->issuer, username_, marks_});
    if (!match) return true;
    std::string_view value;
    switch (match->kind) {
        case denials::Kind::username:
            value = username_;
            break;
        case denials::Kind::jti:
            value = claims_->jti;
            break;
        case denials::Kind::client_id:
            value = claims_->client_id.empty() ? claims_->authorized_party : claims_->client_id;
            break;
        case denials::Kind::kid:
            value = key_->kid();
            break;
        case denials::Kind::issued_before:
            break;
    }
    return refuse(Reason::DENIED_BY_OPERATOR, configuration_->denied->describe(*match, value));
}

/// From here on every line names the session's user. `username` is the claim, without the prefix.
void Login::name_user(std::string_view username) {
    if (username.empty()) return;
    username_ = section_->tokens.username_prefix;
    username_ += username;
    audit_fields_.username = username_;
}

bool Login::compile_permissions() {
    const bool routing_keys = configuration_->settings.routing_keys;
    claims::ScopeList &list = buffers_->scopes;
    const claims::Connection connection{audit_fields_.username, audit_fields_.context.client_id,
                                        audit_fields_.context.client_id_bound};
    auto collected = claims::collect_scopes(*payload_, section_->scopes, routing_keys, list, connection);
    if (!collected) return refuse(std::move(collected).error());
    depends_on_client_id_ = list.depends_on_client_id;
    own_grant_.permissions = access::PermissionSet::compile(list.scopes, routing_keys, notes_,
                                                            section_->confinement, list.vhost_scopes);
    notes_.malformed.insert(notes_.malformed.end(), list.notes.begin(), list.notes.end());
    if (own_grant_.permissions->empty()) {
        own_grant_.no_scope = notes_.confined.empty()
                                  ? claims::explain_no_scope(*payload_, section_->scopes, connection).text()
                                  : notes_.confined.front();
    }
    return true;
}

/// The token's bytes are those whose signature was verified before, so its payload is read again without that. An opaque
/// token's provider may have to be asked again.
bool Login::compile_cached() {
    if (!is_opaque_) return decode() && compile_permissions();
    hold_configuration();
    if (configuration_->generation != token_->generation)
        return refuse(Failure{Reason::INTROSPECTION_PENDING, "the configuration has changed", 20, {}});
    // The answer may have been forgotten, and this is another one.
    if (!ask_provider() || !check_claims()) return false;
    if (username_ == token_->username) return compile_permissions();
    services_.token_cache.erase(*digest_);
    return refuse(
        Failure{Reason::INTROSPECTION_PENDING, "the provider names another user than a moment ago", 20, {}});
}

/// Fleets send an expired password with each new try. It is known by its digest then, and costs no signature check.
void Login::remember_expired() {
    const auto end = claims::end_of(*payload_, section_->tokens);
    if (!digest_ || !key_ || !end) return;
    token_ = std::make_shared<const VerifiedToken>(
        VerifiedToken{configuration_->generation,
                      static_cast<std::size_t>(section_ - configuration_->sections.data()),
                      std::move(key_),
                      fresh_until_ms_,
                      std::move(username_),
                      std::string(audit_fields_.kid),
                      std::string(audit_fields_.jti),
                      {.expires_at = *end},
                      {},
                      {},
                      {},
                      true});
    audit_fields_.username = token_->username;
    add_to_cache();
}

void Login::keep_token() {
    Grant shared;
    if (!depends_on_client_id_) shared = std::move(own_grant_);
    token_ = std::make_shared<const VerifiedToken>(VerifiedToken{
        configuration_->generation, static_cast<std::size_t>(section_ - configuration_->sections.data()),
        std::move(key_), fresh_until_ms_, std::move(username_), std::string(audit_fields_.kid),
        std::string(claims_->jti), claims_->validity, marks_, claims_->bound_to, std::move(shared)});
    audit_fields_.username = token_->username;
}

// ---- what depends on the call ---------------------------------------------------------------------------

bool Login::check_time() {
    auto in_time = claims::check_time(token_->validity, now_);
    return in_time || refuse(std::move(in_time).error());
}

/// RFC 8705 section 3: whoever has the token must have the certificate's private key, too.
bool Login::check_certificate() {
    if (!token_->bound_to) return true;
    const std::string_view presented = audit_fields_.context.client_certificate_sha256;
    if (presented.size() == token_->bound_to->size() &&
        std::memcmp(presented.data(), token_->bound_to->data(), presented.size()) == 0)
        return true;
    return refuse(claims::other_certificate(*token_->bound_to, presented));
}

/// What the client calls itself is never the identity; the section may demand that the two agree. It isn't
/// shown: a client may have put its token or password there.
bool Login::check_sent_names() {
    const config::TokenRules &rules = section_->tokens;
    const std::string &username = token_->username;
    if (exchanged_by_ != nullptr && exchanged_by_->keys != section_->keys) {
        return refuse(Reason::WRONG_ISSUER,
                      fmt::format("the token that {} gave to the client is one of {}",
                                  quote(exchanged_by_->issuer, 128), quote(section_->issuer, 128)));
    }
    // extract_token() takes a token from there if any section allows it. This one may not.
    if (sent_.from_username && !rules.token_in_username) {
        return refuse(Reason::NOT_A_TOKEN,
                      "the token stands in the username, token_in_username is off for its issuer",
                      std::string(credentials::token_may_be_username));
    }
    if (!sent_.authzid.empty() && sent_.authzid != username) {
        return refuse(Reason::AUTHZID_MISMATCH,
                      fmt::format("authzid isn't the token's username, {}", quote(username)),
                      "leave the SASL authorization identity (authzid) empty");
    }
    if (rules.require_username_match && !sent_.username.empty() && sent_.username != username) {
        const std::string name = copyable(username);
        return refuse(Reason::USERNAME_MISMATCH,
                      fmt::format("the client's username isn't the token's, {}", quote(username)),
                      name.empty() ? name : "connect with the username " + name);
    }
    return true;
}

bool Login::check_identity(const Session &session) {
    if (session.has_identity(*section_->origin, token_->username)) return true;
    return refuse(
        Reason::IDENTITY_CHANGED,
        fmt::format("the session is {} of {}, the token's username is {} of {}", quote(session.username()),
                    quote(session.issuer(), 128), quote(token_->username), quote(section_->issuer, 128)));
}

/// A token that is no longer denied doesn't bring back a session that was.
bool Login::check_not_ended(const Session &session) {
    if (!session.is_denied()) return true;
    return refuse(Reason::DENIED_BY_OPERATOR, session.describe_denied(), "let the client connect again");
}

// ---- session and audit line -----------------------------------------------------------------------------

Rights Login::granted_rights() {
    std::int64_t end = token_->validity.expires_at;
    std::int64_t max_session_s = section_->tokens.max_session_s;
    if (is_opaque_ && end == claims::no_end && max_session_s == 0)
        max_session_s = config::max_session_without_exp_s;
    // The client brings no other token.
    if (exchanged_by_ != nullptr) end = now_ + exchanged_by_->client_credentials.session_s;
    if (max_session_s > 0) end = std::min(end, now_ + max_session_s);
    audit_fields_.expires_at = end;
    audit_fields_.no_scope = grant().no_scope;
    return {grant().permissions, end, token_->marks};
}

void Login::note_accepted() {
    services_.counters->authenticated(Reason::NONE);
    services_.audit.accepted(audit_fields_, *grant().permissions, notes_);
}

tl::unexpected<Failure> Login::refused() {
    // It ended sooner than the provider said.
    if (exchanged_by_ != nullptr &&
        (failure_.reason == Reason::TOKEN_EXPIRED || failure_.reason == Reason::TOKEN_INACTIVE))
        exchanged_by_->exchange->forget(fingerprint_);
    services_.counters->authenticated(failure_.reason);
    services_.audit.refused(audit_fields_, failure_);
    return tl::unexpected<Failure>(std::move(failure_));
}

bool Login::refuse(Failure &&failure) {
    failure_ = std::move(failure);
    return false;
}

bool Login::refuse(Reason reason, std::string detail, std::string hint) {
    return refuse(Failure{reason, std::move(detail), 0, std::move(hint)});
}

}  // namespace tokenward::session
