// tokenward_metrics: Prometheus text format 0.0.4. Labels come from closed sets only: reason, result, section.
#include "session/backend.hpp"
#include "session/outcome.hpp"

#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace tokenward::session {
namespace {

/// Escapes a label's value. It is a section's name, so it comes from the configuration, not from clients.
std::string label(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

class Writer {
  public:
    explicit Writer(std::string &out) : out_(out) {}

    void family(std::string_view name, std::string_view type, std::string_view help) {
        fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    }
    template <class Number>
    void sample(std::string_view name, std::string_view labels, Number value) {
        out_ += name;
        if (!labels.empty()) fmt::format_to(std::back_inserter(out_), "{{{}}}", labels);
        fmt::format_to(std::back_inserter(out_), " {}\n", value);
    }

  private:
    std::string &out_;
};

void write_decisions(Writer &out, const Counters &counters) {
    out.family("tokenward_authentications_total", "counter",
               "Authentications and refreshes by result and reason.");
    for (std::size_t i = 0; i < reason_count(); ++i) {
        const Reason reason = reason_at(i);
        const std::uint64_t count = counters.authentications(reason);
        if (count == 0 && reason != Reason::NONE) continue;
        out.sample(
            "tokenward_authentications_total",
            fmt::format("result=\"{}\",reason=\"{}\"", outcome_name(outcome_of(reason)), reason_name(reason)),
            count);
    }
    out.family("tokenward_authorizations_total", "counter", "Authorization questions by result.");
    out.sample("tokenward_authorizations_total", "result=\"allowed\"",
               counters.authorizations(Decision::allowed));
    out.sample("tokenward_authorizations_total", "result=\"denied\"",
               counters.authorizations(Decision::denied));
    out.sample("tokenward_authorizations_total", "result=\"expired\"",
               counters.authorizations(Decision::expired));
    out.family("tokenward_token_cache_hits_total", "counter",
               "Authentications that needed no signature check.");
    out.sample("tokenward_token_cache_hits_total", "", counters.token_cache_hits());
    out.family("tokenward_sessions", "gauge", "Sessions that are not released.");
    out.sample("tokenward_sessions", "", counters.live_sessions());
}

void write_keys(Writer &out, const std::vector<keys::KeyStatus> &sections) {
    out.family("tokenward_keys", "gauge", "Usable keys by section.");
    for (const auto &s : sections) {
        out.sample("tokenward_keys", fmt::format("section=\"{}\"", label(s.section)), s.keys.size());
    }
    // A set from a file is never fetched: its age means nothing.
    out.family("tokenward_key_set_age_seconds", "gauge", "Seconds since the key set was fetched; -1: never.");
    for (const auto &s : sections) {
        if (s.static_set) continue;
        out.sample("tokenward_key_set_age_seconds", fmt::format("section=\"{}\"", label(s.section)), s.age_s);
    }
    out.family("tokenward_key_set_last_success_timestamp_seconds", "gauge",
               "When the key set was last fetched, in seconds since 1970; -1: never.");
    for (const auto &s : sections) {
        if (s.static_set) continue;
        out.sample("tokenward_key_set_last_success_timestamp_seconds",
                   fmt::format("section=\"{}\"", label(s.section)), s.last_success_unix);
    }
    out.family("tokenward_key_set_stale", "gauge", "1 if there are no keys younger than jwks_max_stale.");
    for (const auto &s : sections) {
        out.sample("tokenward_key_set_stale", fmt::format("section=\"{}\"", label(s.section)), s.stale ? 1 : 0);
    }
}

void write_fetches(Writer &out, const std::vector<keys::KeyStatus> &sections) {
    out.family("tokenward_key_fetches_total", "counter", "Fetches of key sets by section and result.");
    for (const auto &s : sections) {
        for (std::size_t i = 0; i < keys::fetch_result_count; ++i) {
            out.sample("tokenward_key_fetches_total",
                       fmt::format("section=\"{}\",result=\"{}\"", label(s.section),
                                   keys::fetch_result_name(static_cast<keys::FetchResult>(i))),
                       s.fetches.by_result[i]);
        }
    }
    constexpr std::string_view histogram = "tokenward_key_fetch_duration_seconds";
    out.family(histogram, "histogram", "How long fetches of key sets took, discovery included.");
    for (const auto &s : sections) {
        const std::string section = fmt::format("section=\"{}\"", label(s.section));
        std::uint64_t cumulative = 0;
        for (std::size_t i = 0; i < s.fetches.latency_buckets.size(); ++i) {
            cumulative += s.fetches.latency_buckets[i];
            const std::string bound = i < keys::FetchCounters::latency_bounds_s.size()
                                          ? fmt::format("{}", keys::FetchCounters::latency_bounds_s[i])
                                          : "+Inf";
            out.sample(fmt::format("{}_bucket", histogram), fmt::format("{},le=\"{}\"", section, bound),
                       cumulative);
        }
        out.sample(fmt::format("{}_sum", histogram), section,
                   static_cast<double>(s.fetches.latency_sum_ms) / 1000);
        out.sample(fmt::format("{}_count", histogram), section, cumulative);
    }
}

/// What a provider was asked: the words of one kind of question.
struct AskedFamily {
    const char *requests;
    const char *requests_help;
    const char *limited;
    const char *limited_help;
    const char *yes;
    const char *no;
    std::shared_ptr<introspection::Provider> ActiveSection::*provider;
};
constexpr AskedFamily asked_families[] = {
    {"tokenward_introspection_requests_total", "Requests about tokens (RFC 7662) by section and result.",
     "tokenward_introspection_limited_total",
     "Logins that must try again, since too many tokens are asked about.", "active", "inactive",
     &ActiveSection::asked},
    {"tokenward_client_credentials_requests_total",
     "Requests for clients' tokens (RFC 6749) by section and result.",
     "tokenward_client_credentials_limited_total",
     "Logins that must try again, since too many tokens are asked for.", "granted", "refused",
     &ActiveSection::exchange},
};

void write_asked(Writer &out, const AskedFamily &family, const std::vector<ActiveSection> &sections) {
    std::vector<std::pair<std::string, introspection::Counts>> asked;
    for (const ActiveSection &section : sections) {
        if (const auto &provider = section.*family.provider)
            asked.emplace_back(label(section.name), provider->counts());
    }
    if (asked.empty()) return;
    out.family(family.requests, "counter", family.requests_help);
    for (const auto &[section, counts] : asked) {
        const std::pair<const char *, std::uint64_t> results[] = {
            {family.yes, counts.active}, {family.no, counts.inactive}, {"failed", counts.failed}};
        for (const auto &[result, count] : results)
            out.sample(family.requests, fmt::format("section=\"{}\",result=\"{}\"", section, result), count);
    }
    out.family(family.limited, "counter", family.limited_help);
    for (const auto &[section, counts] : asked)
        out.sample(family.limited, fmt::format("section=\"{}\"", section), counts.limited);
}

}  // namespace

std::string Backend::metrics() const {
    const auto current = configuration();
    // Sections that share a provider share its keys: the first one names them, so that sums count them once.
    std::vector<keys::KeyStatus> sections;
    std::set<const keys::SectionKeys *> seen;
    for (const ActiveSection &section : current->sections) {
        if (seen.insert(section.keys.get()).second) sections.push_back(section.keys->status());
    }
    std::string text;
    Writer out(text);
    out.family("tokenward_token_cache_entries", "gauge", "Verified tokens in the cache.");
    out.sample("tokenward_token_cache_entries", "", logins_.token_cache.size());
    write_decisions(out, *logins_.counters);
    write_keys(out, sections);
    write_fetches(out, sections);
    for (const AskedFamily &family : asked_families) write_asked(out, family, current->sections);
    return text;
}

}  // namespace tokenward::session
