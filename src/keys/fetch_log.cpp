#include "keys/fetch_log.hpp"

#include "base/text.hpp"
#include "config/url.hpp"

#include <bit>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

namespace tokenward::keys {
namespace {

constexpr std::size_t longest_url_shown = 256;

/// "1 key", "2 keys".
std::string count_keys(std::size_t count) {
    return fmt::format("{} {}", count, count == 1 ? "key" : "keys");
}

std::string next_try(const KeyStatus &status) {
    return fmt::format("next try in {} s", status.next_fetch_in_s);
}

std::string what_is_left(const KeyStatus &status) {
    if (status.age_s < 0) return "there are no keys yet";
    if (status.stale) return "the keys it had are too old to count";
    return status.keys.size() == 1 ? "the key it has stays"
                                   : fmt::format("the {} keys it has stay", status.keys.size());
}

}  // namespace

FetchLog::FetchLog(Logger &logger, std::string_view issuer)
    : logger_(logger), prefix_(fmt::format("keys of {}: ", quote(issuer))) {}

void FetchLog::warning(const std::string &text) {
    logger_.warning(prefix_ + text);
}

void FetchLog::other_host(const std::string &jwks_uri) {
    std::string host = config::host_of(jwks_uri);
    if (host == other_host_) return;
    logger_.info(
        fmt::format("{}discovery names another host for them, {}", prefix_, quote(host, longest_url_shown)));
    other_host_ = std::move(host);
}

void FetchLog::going_on(const std::string &url, const std::string &error, const std::string &next_url) {
    std::string text = fmt::format("{}: {}; going on with {}", quote(url, longest_url_shown), error,
                                   quote(next_url, longest_url_shown));
    if (text == last_going_on_) return logger_.debug(prefix_ + text);
    warning(text);
    last_going_on_ = std::move(text);
}

void FetchLog::fetch_failed(const std::string &url, FetchResult result, const std::string &error,
                            const KeyStatus &status) {
    std::string failure = fmt::format("fetching {} failed ({}): {}", quote(url, longest_url_shown),
                                      fetch_result_name(result), error);
    failures_ = failure == last_failure_ ? failures_ + 1 : 1;
    const LogLevel level = std::has_single_bit(failures_) ? LogLevel::warning : LogLevel::debug;
    logger_.write(level, fmt::format("{}{}; {}; {}{}", prefix_, failure, what_is_left(status), next_try(status),
                                     failures_ > 1 ? fmt::format("; {} times so far", failures_) : ""));
    last_failure_ = std::move(failure);
}

void FetchLog::notes(const jose::KeySet::Notes &notes) {
    for (const std::string &note : notes.debug) logger_.debug(prefix_ + note);
    if (last_notes_ == notes.warnings) return;
    if (!notes.warnings.empty()) ++different_notes_;
    const LogLevel level = std::has_single_bit(different_notes_) ? LogLevel::warning : LogLevel::debug;
    for (const std::string &note : notes.warnings) logger_.write(level, prefix_ + note);
    last_notes_ = notes.warnings;
}

void FetchLog::set_came(const std::string &url, bool changed, const KeyStatus &status) {
    const LogLevel level = changed || failures_ > 0 ? LogLevel::info : LogLevel::debug;
    if (logger_.wants(level)) {
        logger_.write(level, fmt::format("{}{} from {}{}, next fetch in {} s", prefix_,
                                         count_keys(status.keys.size()), quote(url, longest_url_shown),
                                         changed ? "" : ", unchanged", status.next_fetch_in_s));
    }
    failures_ = 0;
    last_failure_.clear();
}

void FetchLog::empty_set_came(const KeyStatus &status) {
    warning("the provider's set is empty: believed when it comes again; " + next_try(status));
}

void FetchLog::all_keys_dropped() {
    warning(
        "the provider's set came empty twice: all keys are dropped, no token is accepted until there are new "
        "ones");
}

void FetchLog::cache_file_written(const std::string &error) {
    if (!error.empty() && error != last_cache_error_) warning(error);
    last_cache_error_ = error;
}

}  // namespace tokenward::keys
