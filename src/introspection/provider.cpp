#include "introspection/provider.hpp"

#include "base/wipe.hpp"
#include "keys/schedule.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace tokenward::introspection {
namespace {

constexpr std::int64_t never = keys::Schedule::never;
constexpr std::int64_t first_pause_ms = 500;
constexpr std::int64_t longest_retry_after_s = 60;
constexpr std::int32_t soon_ms = 100;  // about as long as a provider takes

AnswerRef no_answer(const char *problem, std::int64_t good_until) {
    auto answer = std::make_shared<Answer>();
    answer->problem = problem;
    answer->good_until = good_until;
    return answer;
}

}  // namespace

Provider::Provider(const Clock &clock, std::shared_ptr<Desk> desk, ProviderInput input)
    : clock_(clock), desk_(std::move(desk)), input_(std::move(input)), rate_(input_.rate) {
    if (input_.purpose == Purpose::client_credentials &&
        RAND_bytes(fingerprint_key_.data(), static_cast<int>(fingerprint_key_.size())) != 1)
        throw std::runtime_error("OpenSSL has no random numbers");
    if (!input_.endpoint_uri.empty()) endpoint_ = Endpoint{input_.endpoint_uri, {}};
}

Provider::~Provider() = default;

Provider::Asked::Asked(Asked &&other) noexcept
    : secret(std::move(other.secret)), client_id(std::move(other.client_id)) {
    // A short one was copied from inside the other string.
    other.secret.resize(other.secret.capacity());
    wipe(other.secret.data(), other.secret.size());
    other.secret.clear();
}

Provider::Asked::~Asked() {
    wipe(secret.data(), secret.size());
}

std::optional<jose::Sha256Digest> Provider::fingerprint(const Question &question) const {
    // The length keeps "a" with "bc" apart from "ab" with "c".
    std::string text = std::to_string(question.client_id.size()) + ':';
    text.reserve(text.size() + question.client_id.size() + question.secret.size());
    text += question.client_id;
    text += question.secret;
    const WipedAtEnd wiped(text);
    jose::Sha256Digest digest{};
    unsigned int size = 0;
    const bool made = HMAC(EVP_sha256(), fingerprint_key_.data(), static_cast<int>(fingerprint_key_.size()),
                           reinterpret_cast<const unsigned char *>(text.data()), text.size(),
                           reinterpret_cast<unsigned char *>(digest.data()), &size) != nullptr;
    if (!made || size != digest.size()) return std::nullopt;
    return digest;
}

// ---- for logins ---------------------------------------------------------------------------------------------

AnswerRef Provider::known(const jose::Sha256Digest &digest, std::int64_t now) {
    if (AnswerRef answer = active_.find(digest, now)) return answer;
    return others_.find(digest, now);
}

/// Empty: not too many.
const char *Provider::too_many(const Question &question, std::int64_t now) {
    if (pending_.size() >= most_pending) return "too much is being asked";
    // Looked at first, so that a flood of ids isn't remembered; taken last, so that one client takes nothing from the others.
    if (!rate_.has_one(now))
        return input_.purpose == Purpose::introspection ? "more tokens than introspection_rate"
                                                        : "too many clients at once";
    if (!question.client_id.empty() && !client_rates_.take(question.client_id, now))
        return "too many tries with the client's id";
    rate_.take(now);
    return "";
}

std::optional<Inquiry> Provider::begin(const jose::Sha256Digest &digest, const Question &question,
                                       std::int64_t now) {
    if (desk_->closed || closed_) return Inquiry{nullptr, "the configuration changes", soon_ms};
    if (pending_.contains(digest)) return std::nullopt;
    if (now < paused_until_) {
        const auto pause = static_cast<std::int32_t>(std::min<std::int64_t>(paused_until_ - now, 1000));
        return Inquiry{nullptr, "the provider didn't answer a moment ago", pause, true, last_problem_};
    }
    if (const char *why = too_many(question, now); *why != '\0') {
        ++counts_.limited;
        return Inquiry{nullptr, why, 1000};
    }
    queue_.push_back(digest);
    try {
        pending_.emplace(digest, Pending{Asked(question), now + input_.timeout_ms, false});
    } catch (...) {
        queue_.pop_back();
        throw;
    }
    desk_->wake();
    return std::nullopt;
}

Inquiry Provider::ask(const jose::Sha256Digest &digest, const Question &question, std::int64_t max_wait_ms) {
    std::unique_lock lock(desk_->mutex);
    const std::int64_t now = clock_.monotonic_ms();
    if (AnswerRef answer = known(digest, now)) return Inquiry{std::move(answer)};
    if (const auto not_asked = begin(digest, question, now)) return *not_asked;
    Inquiry inquiry{nullptr, "the provider is being asked", soon_ms, false, last_problem_};
    if (max_wait_ms <= 0 || desk_->waiting >= Desk::max_waiting) return inquiry;
    ++desk_->waiting;
    const auto limit = std::chrono::milliseconds(std::min<std::int64_t>(max_wait_ms, input_.timeout_ms));
    desk_->changed.wait_for(lock, limit,
                            [&] { return desk_->closed || closed_ || !pending_.contains(digest); });
    --desk_->waiting;
    inquiry.answer = known(digest, clock_.monotonic_ms());
    return inquiry;
}

AnswerRef Provider::lately(const jose::Sha256Digest &digest) {
    const std::lock_guard lock(desk_->mutex);
    return known(digest, clock_.monotonic_ms());
}

void Provider::forget(const jose::Sha256Digest &digest) noexcept {
    const std::lock_guard lock(desk_->mutex);
    active_.erase(digest);
}

Counts Provider::counts() const {
    const std::lock_guard lock(desk_->mutex);
    return counts_;
}

std::string Provider::last_problem() const {
    const std::lock_guard lock(desk_->mutex);
    return last_problem_;
}

std::string Provider::endpoint() const {
    const std::lock_guard lock(desk_->mutex);
    return endpoint_ ? endpoint_->url : std::string();
}

// ---- for the fetcher's thread ---------------------------------------------------------------------------------

std::int64_t Provider::take_jobs(const std::shared_ptr<Provider> &self, std::vector<Job> &jobs) {
    const std::int64_t now = clock_.monotonic_ms();
    const std::int64_t next = drop_overdue(now);
    if (queue_.empty() || closed_) return next;
    jobs.reserve(jobs.size() + most_running + 1);  // what is moved into one isn't lost
    const bool discovers = !input_.discovery_uri.empty();
    const bool outdated = discovers && endpoint_ && now >= discovered_at_ + discovered_counts_ms;
    if ((!endpoint_ || outdated) && !discovering_ && now >= paused_until_) {
        jobs.push_back({self, {}, {}, {input_.discovery_uri, {}}, now + input_.timeout_ms});
        discovering_ = true;
    }
    if (!endpoint_) return discovering_ ? next : std::min(next, paused_until_);
    while (!queue_.empty() && running_ < most_running) {
        const auto at = pending_.find(queue_.front());
        if (at != pending_.end() && !at->second.started) {
            // What waited for its turn has the whole time for its answer: the provider isn't to blame for the queue.
            const std::int64_t deadline = now + input_.timeout_ms;
            Endpoint endpoint = *endpoint_;
            jobs.push_back({self, at->first, std::move(at->second.asked), std::move(endpoint), deadline});
            at->second.started = true;
            ++running_;
        }
        queue_.pop_front();
    }
    return next;
}

/// What waited for an address, or for its turn, in vain. A request that runs ends by itself. Returns when the next one is due.
std::int64_t Provider::drop_overdue(std::int64_t now) {
    std::int64_t next = never;
    bool dropped = false;
    for (auto at = pending_.begin(); at != pending_.end();) {
        const auto one = at++;
        if (one->second.started) continue;
        if (now < one->second.deadline) {
            next = std::min(next, one->second.deadline);
            continue;
        }
        const char *problem = endpoint_ ? "too many wait for their turn" : "the endpoint isn't known yet";
        others_.put(one->first, no_answer(problem, now + failure_counts_ms));
        pending_.erase(one);
        dropped = true;
        desk_->changed.notify_all();
    }
    // As long as there is no address nobody else takes them out of the queue.
    if (dropped)
        std::erase_if(queue_, [this](const jose::Sha256Digest &one) { return !pending_.contains(one); });
    return next;
}

void Provider::answered(const jose::Sha256Digest &digest, AnswerRef answer) {
    drop(digest);
    switch (answer->kind) {
        case Answer::Kind::active:
            ++counts_.active;
            active_.put(digest, std::move(answer));
            return;
        case Answer::Kind::inactive:
            ++counts_.inactive;
            break;
        case Answer::Kind::failed:
            ++counts_.failed;
            break;
    }
    others_.put(digest, std::move(answer));
}

void Provider::forget(const Job &job) noexcept {
    if (job.discovers()) {
        discovering_ = false;
    } else {
        drop(job.digest);
    }
}

void Provider::drop(const jose::Sha256Digest &digest) noexcept {
    if (const auto at = pending_.find(digest); at != pending_.end()) {
        if (at->second.started && running_ > 0) --running_;
        pending_.erase(at);
    }
    desk_->changed.notify_all();
}

void Provider::discovered(Result<Endpoint> endpoint, std::int64_t retry_after_s) {
    discovering_ = false;
    if (!endpoint) {
        if (endpoint_)
            discovered_at_ =
                clock_.monotonic_ms() - discovered_counts_ms + longest_pause_ms;  // it still serves
        pause(std::move(endpoint).error().detail, retry_after_s);
        return;
    }
    discovered_at_ = clock_.monotonic_ms();
    endpoint_ = *std::move(endpoint);
}

void Provider::pause(std::string problem, std::int64_t retry_after_s) {
    const std::int64_t now = clock_.monotonic_ms();
    std::int64_t pause = std::clamp<std::int64_t>(retry_after_s, 0, longest_retry_after_s) * 1000;
    // What fails during a pause was asked before it, beside what failed first: one trouble, one pause.
    if (now >= paused_until_)
        pause = std::max(pause, std::min(first_pause_ms << std::min(pauses_++, 5), longest_pause_ms));
    paused_until_ = std::max(paused_until_, now + pause);
    ++failures_;
    last_problem_ = std::move(problem);
}

void Provider::recovered() noexcept {
    failures_ = 0;
    pauses_ = 0;
    paused_until_ = 0;
    last_problem_.clear();
}

void Provider::close() noexcept {
    closed_ = true;
    queue_.clear();
    pending_.clear();
    desk_->changed.notify_all();
}

}  // namespace tokenward::introspection
