#include "session/backend.hpp"

#include "base/at_work.hpp"
#include "base/fork.hpp"
#include "config/load.hpp"
#include "jose/crypto.hpp"
#include "session/configuration_input.hpp"
#include "session/outcome.hpp"

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

/// Fails if the process ends, or if OpenSSL or the allocator isn't ours here.
Result<void> enter_openssl(const AtWork &work) {
    if (!work) return tl::unexpected(at_process_end());
    if (!jose::initialise_openssl()) return fail(Reason::CRYPTO_UNAVAILABLE, "OpenSSL can't be initialised");
    return jose::check_allocator();
}

}  // namespace

Backend::Backend(const BackendOptions &options, const Clock &clock)
    : clock_(clock),
      options_(options),
      logger_(options.log),
      logins_(logger_, clock),
      fork_generation_(fork_generation()),
      metrics_file_(logger_, [this] { return metrics(); }) {
    logins_.max_wait_ms = options.max_wait_ms;
}

Backend::~Backend() {
    if (!closed_.load()) close();
}

Result<std::shared_ptr<Backend>> Backend::create(const BackendOptions &options, const Clock &clock) {
    if (auto fits = check_waits(options); !fits) return pass_on(std::move(fits));
    const AtWork work(WorkingThread::of_host);
    if (auto usable = enter_openssl(work); !usable) return pass_on(std::move(usable));
    const jose::ErrorQueueGuard guard;
    const std::shared_ptr<Backend> backend(new Backend(options, clock));

    auto fetcher = keys::Fetcher::create(clock, backend->logger_);
    if (!fetcher) return pass_on(std::move(fetcher));
    backend->fetcher_ = std::move(*fetcher);
    auto introspector =
        std::make_unique<introspection::Introspector>(clock, backend->logger_, backend->fetcher_->environment(),
                                                      [woken = backend->fetcher_.get()] { woken->wake(); });
    backend->introspector_ = introspector.get();
    backend->fetcher_->carry(std::move(introspector));

    auto first = backend->load(options);
    if (!first) {
        backend->fetcher_->rollback();
        backend->close();
        return pass_on(std::move(first));
    }
    backend->logins_.configuration = std::make_unique<Snapshot<std::shared_ptr<const Configuration>>>(
        std::make_unique<const std::shared_ptr<const Configuration>>(*std::move(first)));
    const auto current = backend->configuration();
    backend->logins_.denials->publish(backend->denials_of(*current), Session::readers());
    backend->apply(current->settings);
    backend->commit_asked(*current);
    backend->fetcher_->commit();
    backend->metrics_file_.commit();
    if (options.startup_wait_ms != 0) backend->fetcher_->wait_for_first_keys(options.startup_wait_ms);
    return backend;
}

Result<std::shared_ptr<const Configuration>> Backend::load(const BackendOptions &options) {
    fetcher_->rollback();  // an earlier load may have run out of memory half-way
    auto input = read_configuration(options.config_files, options.config_json, false);
    if (!input) return pass_on(std::move(input));
    for (const std::string &line : input->debug) logger_.debug(line);

    auto next = std::make_shared<Configuration>();
    next->generation = ++generation_;
    for (std::size_t i = 0; i < input->sections.size(); ++i) {
        const config::Section &section = input->settings.sections[i];
        auto keys = fetcher_->prepare(std::move(input->sections[i]));
        if (!keys) return pass_on(std::move(keys));
        next->sections.push_back(
            {section.name,
             section.issuer,
             section.tokens,
             section.scopes,
             *std::move(keys),
             std::make_shared<const SessionOrigin>(
                 SessionOrigin{config::section_title(section.name), section.issuer,
                               section.tokens.issuer_aliases, section.scopes.scope_prefix.value_or(""),
                               section.scopes.expand_variables, section.scopes.expand_connection,
                               weak_from_this(), logins_.counters, logins_.denials, clock_, fork_generation_}),
             {section.confinement.vhosts, section.confinement.tags, section.confinement.operations},
             section.introspection,
             nullptr,
             section.client_credentials,
             nullptr});
        if (input->asked[i] || input->exchanges[i]) {
            if (auto started = fetcher_->start_thread(); !started) return pass_on(std::move(started));
        }
        if (input->asked[i]) next->sections.back().asked = introspector_->provider(*std::move(input->asked[i]));
        if (input->exchanges[i])
            next->sections.back().exchange = introspector_->provider(*std::move(input->exchanges[i]));
        next->opaque_tokens = next->opaque_tokens || section.introspection.opaque_tokens;
        next->token_in_username = next->token_in_username || section.tokens.token_in_username;
        // The section is known only when the payload is decoded. So the largest limit opens that much to everybody;
        // what each of the buffers keeps of it is bounded by LoginBuffers::most_kept_bytes.
        next->max_token_bytes = std::max(next->max_token_bytes, section.tokens.max_token_bytes);
    }
    next->denied = std::make_shared<const denials::DeniedList>(std::move(input->denied));
    next->settings = std::move(input->settings);
    if (auto prepared = metrics_file_.prepare(next->settings.metrics_file); !prepared)
        return pass_on(std::move(prepared));
    return next;
}

std::unique_ptr<const denials::DenialsInForce> Backend::denials_of(const Configuration &configuration) const {
    return std::make_unique<const denials::DenialsInForce>(denials::DenialsInForce{
        configuration.denied, configuration.generation, std::max<std::int64_t>(clock_.unix_seconds(), 1)});
}

void Backend::commit_asked(const Configuration &configuration) {
    introspection::Providers providers;
    for (const ActiveSection &section : configuration.sections) {
        if (section.asked) providers.push_back(section.asked);
        if (section.exchange) providers.push_back(section.exchange);
    }
    introspector_->commit(std::move(providers));
}

void Backend::apply(const config::Settings &settings) {
    logger_.set_level(settings.log_level);
    logins_.token_cache.set_capacity(settings.token_cache_size);
    for (const std::string &warning : settings.warnings) logger_.warning(warning);
}

std::shared_ptr<const Configuration> Backend::configuration() const noexcept {
    const EpochDomain::Reader reader(logins_.readers);
    return *logins_.configuration->get();
}

Result<void> Backend::reload(const BackendOptions *options) {
    const AtWork work(WorkingThread::of_host);
    if (auto usable = enter_openssl(work); !usable) return usable;
    const jose::ErrorQueueGuard guard;
    const std::lock_guard lock(reload_);
    BackendOptions next = options_;
    if (options != nullptr) {
        if (auto fits = check_waits(*options); !fits) return fits;
        next.config_files = options->config_files;
        next.config_json = options->config_json;
        next.max_wait_ms = options->max_wait_ms;
    }
    auto loaded = load(next);
    if (!loaded) {
        fetcher_->rollback();
        logger_.error(fmt::format("reload refused, the old configuration stays: {}: {}",
                                  reason_name(loaded.error().reason), loaded.error().detail));
        return pass_on(std::move(loaded));
    }
    auto denials = denials_of(**loaded);
    auto published = std::make_unique<const std::shared_ptr<const Configuration>>(*std::move(loaded));
    options_ = std::move(next);
    logins_.max_wait_ms.store(options_.max_wait_ms, std::memory_order_relaxed);
    logins_.configuration->replace(std::move(published), logins_.readers);
    logins_.denials->publish(std::move(denials), Session::readers());
    const auto current = configuration();
    apply(current->settings);
    commit_asked(*current);
    fetcher_->commit();
    metrics_file_.commit();
    logger_.info(current->denied->path().empty()
                     ? std::string("configuration reloaded")
                     : fmt::format("configuration reloaded, {} {} in denied_file", current->denied->lines(),
                                   current->denied->lines() == 1 ? "line" : "lines"));
    return {};
}

Result<std::unique_ptr<Session>> Backend::authenticate(const credentials::Credentials &credentials,
                                                       const Context &context) {
    const EpochDomain::Reader call(calls_);
    return Login(logins_, credentials, context).authenticate();
}

Result<void> Backend::refresh(Session &session, const credentials::Credentials &credentials,
                              const Context &context) {
    const EpochDomain::Reader call(calls_);
    // Counted first, then asked, both in the one order of all threads: close() waits for this call, or is seen by it.
    if (closed_.load(std::memory_order_seq_cst))
        return fail(Reason::BACKEND_CLOSED, "the backend was destroyed");
    return Login(logins_, credentials, context).refresh(session);
}

Result<std::string> Backend::check_config(const BackendOptions &options) {
    if (auto fits = check_waits(options); !fits) return pass_on(std::move(fits));
    const AtWork work(WorkingThread::of_host);
    if (auto usable = enter_openssl(work); !usable) return pass_on(std::move(usable));
    const jose::ErrorQueueGuard guard;
    auto input = read_configuration(options.config_files, options.config_json, true);
    if (!input) return pass_on(std::move(input));
    warn_of_written_files(*input, SystemClock::instance());
    config::Settings &settings = input->settings;
    std::sort(settings.notes.begin(), settings.notes.end());
    settings.notes.erase(std::unique(settings.notes.begin(), settings.notes.end()), settings.notes.end());
    return config::to_json(settings);
}

void Backend::report_denial(const Session &session, const access::Request &request, Session::Until until,
                            const Context &context) {
    const Rights rights = session.rights();
    const Reason reason = session.reason_of_denial(rights, request, until);
    if (reason == Reason::NONE) return;
    AuditFields who;
    who.event = "authorize";
    who.issuer = session.issuer();
    who.username = session.username();
    who.context = context;
    logins_.audit.denied(who, reason, request, [&] {
        return Session::is_end(reason) ? session.describe_end(rights)
                                       : session.describe_denial(rights, request);
    });
}

void Backend::report_misuse(std::string_view function, std::string_view message) {
    logins_.audit.misuse(function, message);
}

bool Backend::denies_identity(std::string_view issuer, std::string_view username,
                              std::int64_t since) const noexcept {
    return configuration()->denied->denies_identity(issuer, username, since);
}

void Backend::close() noexcept {
    closed_.store(true, std::memory_order_seq_cst);
    logger_.leave_queue();
    metrics_file_.stop();
    if (fetcher_) fetcher_->stop();
    calls_.synchronize();
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
