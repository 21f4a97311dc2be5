#include "session/backend.hpp"

#include "base/fork.hpp"
#include "base/text.hpp"
#include "base/thread_shard.hpp"
#include "config/load.hpp"
#include "jose/crypto.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tokenward::session {
namespace {

constexpr std::uint32_t max_wait_bound_ms = 60000;

Result<void> check_waits(const BackendOptions &options) {
    const auto check = [](std::uint32_t value, std::string_view name) -> Result<void> {
        if (value <= max_wait_bound_ms) return {};
        return fail(Reason::INVALID_ARGUMENT,
                    fmt::format("options.{} is {}, at most {} ms are allowed", name, value, max_wait_bound_ms));
    };
    if (auto fits = check(options.startup_wait_ms, "startup_wait_ms"); !fits) return fits;
    return check(options.max_wait_ms, "max_wait_ms");
}

/// Takes out what OpenSSL doesn't offer here; at least one must be left.
Result<void> drop_unavailable(config::Settings &settings, const jose::AlgorithmSet &available) {
    for (config::Section &section : settings.sections) {
        for (std::size_t i = 0; i < jose::algorithm_count; ++i) {
            const auto algorithm = static_cast<jose::Algorithm>(i);
            if (!section.algorithms.contains(algorithm) || available.contains(algorithm)) continue;
            section.algorithms.remove(algorithm);
            settings.warnings.push_back(
                fmt::format("[{}] algorithms: OpenSSL offers no {} here; it is left out", section.name,
                            jose::algorithm_name(algorithm)));
        }
        if (section.algorithms.empty()) {
            return fail(Reason::CRYPTO_UNAVAILABLE,
                        fmt::format("[{}] none of algorithms is available", section.name));
        }
    }
    return {};
}

}  // namespace

Backend::Backend(const BackendOptions &options, const Clock &clock)
    : clock_(clock),
      options_(options),
      logger_(options.log, options.log_user),
      audit_(logger_, clock),
      fork_generation_(fork_generation()),
      max_wait_ms_(options.max_wait_ms),
      metrics_file_(logger_, [this] { return metrics(); }) {}

Backend::~Backend() {
    if (!closed_.load()) close();
}

Result<std::shared_ptr<Backend>> Backend::create(const BackendOptions &options, const Clock &clock) {
    const jose::ErrorQueueGuard guard;
    if (auto fits = check_waits(options); !fits) return pass_on(std::move(fits));
    const std::shared_ptr<Backend> backend(new Backend(options, clock));

    auto fetcher = keys::Fetcher::create(clock, backend->logger_);
    if (!fetcher) return pass_on(std::move(fetcher));
    backend->fetcher_ = std::move(*fetcher);

    auto loaded = backend->load(options);
    if (!loaded) {
        backend->fetcher_->rollback();
        backend->close();
        return pass_on(std::move(loaded));
    }
    backend->loaded_ = std::make_unique<Snapshot<std::shared_ptr<const Loaded>>>(
        std::make_unique<const std::shared_ptr<const Loaded>>(std::move(*loaded)));
    backend->fetcher_->commit();
    backend->metrics_file_.set_path(backend->loaded()->settings.metrics_file);
    if (options.startup_wait_ms != 0) backend->fetcher_->wait_for_first_keys(options.startup_wait_ms);
    return backend;
}

Result<std::shared_ptr<const Loaded>> Backend::load(const BackendOptions &options) {
    fetcher_->rollback();  // what a load left that ran out of memory
    const auto available = jose::available_algorithms();
    if (!available) return tl::unexpected(available.error());
    auto settings = config::load(options.config_files, options.config_json);
    if (!settings) return pass_on(std::move(settings));
    if (auto some = drop_unavailable(*settings, *available); !some) return pass_on(std::move(some));

    auto loaded = std::make_shared<Loaded>();
    loaded->generation = ++generation_;
    for (const config::Section &section : settings->sections) {
        auto keys = fetcher_->prepare(section);
        if (!keys) return pass_on(std::move(keys));
        loaded->issuers.push_back({section, std::move(*keys), {}});
        for (auto &anchor : loaded->issuers.back().anchors) {
            anchor = std::make_shared<const Anchor>(
                Anchor{{section.name, section.issuer}, weak_from_this(), counters_, clock_});
        }
        loaded->token_in_username = loaded->token_in_username || section.token_in_username;
        loaded->max_token_bytes = std::max(loaded->max_token_bytes, section.max_token_bytes);
    }
    logger_.set_level(settings->log_level);
    token_cache_.set_capacity(settings->token_cache_size);
    for (const std::string &warning : settings->warnings) logger_.warning(warning);
    loaded->settings = std::move(*settings);
    return loaded;
}

std::shared_ptr<const Loaded> Backend::loaded() const noexcept {
    const EpochDomain::Reader reader(readers_);
    return *loaded_->get();
}

Result<void> Backend::reload(const BackendOptions *options) {
    const jose::ErrorQueueGuard guard;
    const std::lock_guard lock(reload_);
    BackendOptions next = options_;
    if (options != nullptr) {
        if (auto fits = check_waits(*options); !fits) return fits;
        next.config_files = options->config_files;
        next.config_json = options->config_json;
        next.max_wait_ms = options->max_wait_ms;
    }
    auto fresh = load(next);
    if (!fresh) {
        fetcher_->rollback();
        logger_.error(fmt::format("reload refused, the old configuration stays: {}: {}",
                                  reason_name(fresh.error().reason), fresh.error().detail));
        return pass_on(std::move(fresh));
    }
    auto published = std::make_unique<const std::shared_ptr<const Loaded>>(std::move(*fresh));
    options_ = std::move(next);
    max_wait_ms_.store(options_.max_wait_ms, std::memory_order_relaxed);
    loaded_->replace(std::move(published), readers_);
    fetcher_->commit();
    metrics_file_.set_path(loaded()->settings.metrics_file);
    logger_.info("configuration reloaded");
    return {};
}

Result<Backend::Entry> Backend::conclude(std::string_view what, const Loaded &loaded, Result<Admitted> admitted,
                                         const Context &context, const Trace &trace, const access::Notes &notes,
                                         const Session *same_as) {
    if (admitted && same_as != nullptr) {
        const VerifiedToken &token = *admitted->token;
        const SectionIdentity &section = loaded.issuers[token.issuer].identity();
        if (!same_as->same_identity(section, token.username)) {
            admitted = fail(Reason::IDENTITY_CHANGED,
                            fmt::format("the session is {} of {}, the token's username is {} of {}",
                                        quote(same_as->username()), quote(same_as->issuer(), 128),
                                        quote(token.username), quote(section.issuer, 128)));
        }
    }
    if (!admitted) {
        note_refusal(what, context, trace, admitted.error());
        return pass_on(std::move(admitted));
    }
    counters_->authenticated(Reason::NONE);
    audit_.accepted(what, context, trace, *admitted, notes);
    const VerifiedToken &token = *admitted->token;
    return Entry{loaded.issuers[token.issuer].anchors[thread_shard<Issuer::anchor_bits>()],
                 token.username,
                 {token.permissions, admitted->expires_at}};
}

void Backend::note_refusal(std::string_view what, const Context &context, const Trace &trace,
                           const Failure &failure) {
    counters_->authenticated(failure.reason);
    audit_.refused(what, context, trace, failure);
}

std::optional<Result<Backend::Entry>> Backend::enter_known(std::string_view what,
                                                           const credentials::Token &sent,
                                                           const Context &context, const Session *same_as,
                                                           Scratch &scratch) {
    if (!token_cache_.enabled()) return std::nullopt;
    const auto digest = scratch.sha256(sent.token);
    if (!digest) return std::nullopt;
    const auto token = token_cache_.find(*digest);
    if (!token) return std::nullopt;
    const EpochDomain::Reader reader(readers_);
    const Loaded &current = **loaded_->get();
    if (!still_counts(current, *token)) {
        token_cache_.erase(*digest);
        return std::nullopt;
    }
    counters_->token_cache_hit();
    const Trace trace{current.issuers[token->issuer].section.issuer, token->username, token->kid, token->jti};
    return conclude(what, current, admit(current, token, sent, clock_.unix_seconds()), context, trace, {},
                    same_as);
}

Result<Backend::Entry> Backend::enter_new(std::string_view what, const credentials::Token &sent,
                                          const Context &context, const Session *same_as, Scratch &scratch) {
    const auto current = loaded();  // held: it may wait for keys
    Trace trace;
    access::Notes notes;
    const std::int64_t now = clock_.unix_seconds();
    auto token = verify_token(*current, sent.token, now, max_wait_ms_.load(std::memory_order_relaxed), scratch,
                              trace, notes);
    if (!token) return conclude(what, *current, pass_on(std::move(token)), context, trace, notes, same_as);
    if (token_cache_.enabled()) {
        if (const auto digest = scratch.sha256(sent.token)) token_cache_.insert(*digest, *token);
    }
    return conclude(what, *current, admit(*current, std::move(*token), sent, now), context, trace, notes,
                    same_as);
}

Result<Backend::Entry> Backend::enter(std::string_view what, const Presented &presented, const Context &context,
                                      const Session *same_as) {
    const auto scratch = scratch_.take();
    auto sent = [&] {
        const EpochDomain::Reader reader(readers_);
        return extract_token(**loaded_->get(), presented, *scratch);
    }();
    if (!sent) {
        note_refusal(what, context, {}, sent.error());
        return pass_on(std::move(sent));
    }
    // A reload between the two takes effect: the section's own limits are asked with the token's claims.
    const jose::ErrorQueueGuard guard;
    if (auto known = enter_known(what, *sent, context, same_as, *scratch)) return *std::move(known);
    return enter_new(what, *sent, context, same_as, *scratch);
}

Result<std::unique_ptr<Session>> Backend::authenticate(const Presented &presented, const Context &context) {
    auto entry = enter("authenticate", presented, context, nullptr);
    if (!entry) return pass_on(std::move(entry));
    return std::make_unique<Session>(std::move(entry->anchor), std::move(entry->username),
                                     std::move(entry->rights));
}

Result<void> Backend::refresh(Session &session, const Presented &presented, const Context &context) {
    if (closed_.load(std::memory_order_acquire))
        return fail(Reason::BACKEND_CLOSED, "the backend was destroyed");
    auto entry = enter("refresh", presented, context, &session);
    if (!entry) return pass_on(std::move(entry));
    session.replace_rights(std::move(entry->rights));
    return {};
}

Result<std::string> Backend::check_config(const BackendOptions &options) {
    if (auto fits = check_waits(options); !fits) return pass_on(std::move(fits));
    const auto settings = config::load(options.config_files, options.config_json);
    if (!settings) return tl::unexpected(settings.error());
    return config::to_json(*settings);
}

void Backend::close() noexcept {
    closed_.store(true, std::memory_order_release);
    metrics_file_.stop();
    if (fetcher_) fetcher_->stop();
    logger_.close();
}

void Backend::abandon_in_forked_child() noexcept {
    closed_.store(true, std::memory_order_release);
    metrics_file_.abandon_in_forked_child();
    keys::Fetcher::abandon_in_forked_child(std::move(fetcher_));
    logger_.close_in_forked_child();
}

bool Backend::in_forked_child() const noexcept {
    return fork_generation() != fork_generation_;
}

}  // namespace tokenward::session
