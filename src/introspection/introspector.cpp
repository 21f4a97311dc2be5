#include "introspection/introspector.hpp"

#include "base/text.hpp"
#include "keys/schedule.hpp"

#include <algorithm>
#include <bit>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

namespace tokenward::introspection {
namespace {

const char *name_of(Purpose purpose) {
    return purpose == Purpose::introspection ? "introspection" : "client_credentials";
}

void take(Result<Answer> said, Answer &answer) {
    if (said) {
        answer = *std::move(said);
        return;
    }
    answer.problem = std::move(said.error().detail);
    answer.hint = std::move(said.error().hint);
}

void read_about(keys::HttpResponse &response, Answer &answer) {
    if (response.result == keys::FetchResult::ok) {
        take(read_answer(std::move(response.body)), answer);
    } else if (response.status == 401 || response.status == 403) {
        answer.problem =
            fmt::format("HTTP status {}: the provider doesn't take introspection_client_id and its secret",
                        response.status);
        answer.hint =
            "let the provider's client have introspection (a confidential client, or a resource server)";
    }
}

void read_token(keys::HttpResponse &response, std::string_view secret, Answer &answer) {
    if (response.result == keys::FetchResult::ok) {
        take(read_token_answer(std::move(response.body)), answer);
    } else if (auto error = read_token_error(response.body, secret)) {
        answer = *std::move(error);
    } else if (response.status == 401) {
        answer.kind = Answer::Kind::inactive;
        answer.problem = "the provider answers with HTTP status 401";
    }
}

/// A client's token is given up a little before its end.
std::int64_t counts_ms(const Answer &answer, std::int64_t ttl_s) {
    if (answer.lifetime_s == 0) return ttl_s * 1000;
    return answer.lifetime_s * 1000 - std::min<std::int64_t>(answer.lifetime_s * 100, 30'000);
}

/// In place of a response.
keys::HttpResponse not_sent(const std::exception &error) noexcept {
    keys::HttpResponse response;
    try {
        response.error = error.what();
    } catch (const std::bad_alloc &) {
        response.error = "out of memory";  // short enough for the string's own bytes
    }
    return response;
}

}  // namespace

Introspector::Introspector(const Clock &clock, Logger &logger, keys::Proxy environment,
                           std::function<void()> wake)
    : clock_(clock), logger_(logger), environment_(std::move(environment)), desk_(std::make_shared<Desk>()) {
    desk_->wake = std::move(wake);
}

std::shared_ptr<Provider> Introspector::provider(ProviderInput input) {
    // Only this thread changes providers_: it reads them without the lock.
    for (const auto &one : providers_) {
        if (one->input().same_as(input)) return one;
    }
    return std::make_shared<Provider>(clock_, desk_, std::move(input));
}

void Introspector::commit(Providers providers) {
    const std::lock_guard lock(desk_->mutex);
    for (const auto &one : providers_) {
        if (std::ranges::find(providers, one) == providers.end()) one->close();
    }
    providers_.swap(providers);
}

void Introspector::stop() noexcept {
    const std::lock_guard lock(desk_->mutex);
    desk_->closed = true;
    desk_->changed.notify_all();
}

// ---- the fetcher's thread -----------------------------------------------------------------------------------

std::int64_t Introspector::begin(keys::Transport &transport) {
    std::vector<Job> jobs;
    std::size_t begun = 0;
    try {
        std::int64_t next = keys::Schedule::never;
        {
            const std::lock_guard lock(desk_->mutex);
            if (desk_->closed) return next;
            for (const auto &one : providers_) next = std::min(next, one->take_jobs(one, jobs));
        }
        // Without the lock: a private key's signature takes a millisecond.
        for (; begun < jobs.size(); ++begun) start(transport, std::move(jobs[begun]));
        return next;
    } catch (...) {
        // Nobody else knows of them: whoever waits for one would wait for good.
        const std::lock_guard lock(desk_->mutex);
        for (; begun < jobs.size(); ++begun) jobs[begun].provider->forget(jobs[begun]);
        throw;
    }
}

/// If it throws, the job is as it was.
void Introspector::start(keys::Transport &transport, Job &&job) {
    const keys::Transport::Id id = next_id_++;
    const auto entry = running_.emplace(id, std::move(job)).first;
    try {
        transport.start(id, request_for(entry->second));
    } catch (const std::exception &error) {
        take_in(id, not_sent(error));
    }
}

keys::HttpRequest Introspector::request_for(const Job &job) const {
    const ProviderInput &input = job.provider->input();
    keys::HttpRequest request;
    request.url = job.endpoint.url;
    request.keep_connection = true;
    request.timeout_ms = std::max<std::int64_t>(job.deadline - clock_.monotonic_ms(), 1);
    request.ca_pem = input.ca_pem;
    request.proxy = input.proxy.value_or(environment_.url);
    if (!input.proxy) request.no_proxy = environment_.except;
    if (job.discovers()) return request;
    std::shared_ptr<const Client> client = input.client;
    if (input.purpose == Purpose::introspection) {
        add_to_form(request.form, "token", job.asked.secret);
        add_to_form(request.form, "token_type_hint", "access_token");
    } else {
        client = Client::with_secret(job.asked.client_id, job.asked.secret);
        add_to_form(request.form, "grant_type", "client_credentials");
        if (!input.scope.empty()) add_to_form(request.form, "scope", input.scope);
        if (!input.audience.empty()) add_to_form(request.form, "audience", input.audience);
    }
    std::vector<std::string> offered = job.endpoint.auth_methods;
    if (!input.auth_method.empty()) offered = {input.auth_method};
    const auto signed_in =
        client->sign_in(request, client->method(offered), input.issuer, clock_.unix_seconds());
    if (!signed_in) throw std::runtime_error(signed_in.error().detail);
    return request;
}

void Introspector::take_in(keys::Transport::Id id, keys::HttpResponse response) noexcept {
    const auto entry = running_.find(id);
    if (entry == running_.end()) return;
    const Job job = std::move(entry->second);
    running_.erase(entry);
    try {
        if (job.discovers()) {
            end_discovery(job, response);
            return;
        }
        AnswerRef answer = read(job, response);
        if (answer->kind == Answer::Kind::failed) {
            fail(job, answer->problem, answer->hint, response.retry_after_s.value_or(0));
            return;
        }
        bool had_failed = false;
        {
            const std::lock_guard lock(desk_->mutex);
            had_failed = job.provider->failures() != 0;
            job.provider->recovered();
            job.provider->answered(job.digest, std::move(answer));
        }
        if (had_failed)
            logger_.info(fmt::format("{} {} works again", job.provider->input().section,
                                     name_of(job.provider->input().purpose)));
    } catch (const std::exception &) {
        const std::lock_guard lock(desk_->mutex);
        job.provider->forget(job);
    }
}

std::shared_ptr<const Answer> Introspector::read(const Job &job, keys::HttpResponse &response) const {
    auto answer = std::make_shared<Answer>();
    if (job.provider->input().purpose == Purpose::introspection) {
        read_about(response, *answer);
    } else {
        read_token(response, job.asked.secret, *answer);
    }
    const std::int64_t now = clock_.monotonic_ms();
    switch (answer->kind) {
        case Answer::Kind::active:
            answer->good_until = now + counts_ms(*answer, job.provider->input().ttl_s);
            break;
        case Answer::Kind::inactive:
            answer->good_until = now + Provider::inactive_counts_ms;
            break;
        case Answer::Kind::failed:
            if (!answer->problem.empty()) break;
            answer->problem = response.error.empty() ? "there is no answer" : std::move(response.error);
            answer->hint = std::move(response.hint);
            break;
    }
    return answer;
}

void Introspector::end_discovery(const Job &job, keys::HttpResponse &response) {
    const ProviderInput &input = job.provider->input();
    Result<Endpoint> endpoint = tokenward::fail(Reason::INTROSPECTION_FAILED, response.error, response.hint);
    if (response.result == keys::FetchResult::ok)
        endpoint = read_endpoint(response.body, {input.issuer, input.issuer_aliases, input.discovery_uri},
                                 input.purpose);
    std::string problem = endpoint ? std::string() : endpoint.error().detail;
    std::uint64_t failures = 0;
    {
        const std::lock_guard lock(desk_->mutex);
        job.provider->discovered(std::move(endpoint), response.retry_after_s.value_or(0));
        failures = job.provider->failures();
    }
    if (!problem.empty()) tell(job, problem, failures);
}

void Introspector::fail(const Job &job, std::string problem, std::string hint, std::int64_t retry_after_s) {
    auto answer = std::make_shared<Answer>();
    answer->problem = problem;
    answer->hint = std::move(hint);
    answer->good_until = clock_.monotonic_ms() + Provider::failure_counts_ms;
    std::uint64_t failures = 0;
    {
        const std::lock_guard lock(desk_->mutex);
        job.provider->pause(problem, retry_after_s);
        job.provider->answered(job.digest, std::move(answer));
        failures = job.provider->failures();
    }
    tell(job, problem, failures);
}

/// The first failure in a row, the second, the fourth, the eighth ...
void Introspector::tell(const Job &job, const std::string &problem, std::uint64_t failures) {
    if (!std::has_single_bit(failures)) return;
    logger_.warning(fmt::format("{} {} at {} fails ({} in a row): {}", job.provider->input().section,
                                name_of(job.provider->input().purpose), quote(job.endpoint.url, 256), failures,
                                problem));
}

}  // namespace tokenward::introspection
