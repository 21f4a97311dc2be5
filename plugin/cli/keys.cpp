// tokenward keys: the keys of each issuer, and whether they are healthy.
#include "commands.hpp"
#include "json.hpp"
#include "output.hpp"
#include "read_only_config.hpp"

#include <algorithm>
#include <array>

namespace tokenward::cli {
namespace {

bool healthy(const rapidjson::Value &section) {
    const rapidjson::Value &keys = member(section, "keys");
    const rapidjson::Value &stale = member(section, "stale");
    return keys.IsArray() && !keys.Empty() && stale.IsBool() && !stale.GetBool();
}

bool all_healthy(const rapidjson::Document &status) {
    const rapidjson::Value &sections = member(status, "sections");
    return sections.IsArray() && !sections.Empty() &&
           std::all_of(sections.Begin(), sections.End(),
                       [](const rapidjson::Value &section) { return healthy(section); });
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

void say_section(const rapidjson::Value &section) {
    const rapidjson::Value &keys = member(section, "keys");
    say("[" + for_terminal(string_of(member(section, "section"))) + "]  " +
        for_terminal(string_of(member(section, "issuer"))) +
        (healthy(section) ? "  healthy" : "  NOT HEALTHY"));
    const std::string_view uri = string_of(member(section, "jwks_uri"));
    if (!uri.empty()) say("  from:       " + for_terminal(uri));
    if (number_of(section, "last_success") > 0) {
        const std::int64_t age = number_of(section, "age_seconds");
        say("  fetched:    " + utc_time(number_of(section, "last_success")) +
            (age >= 0 ? ", " + duration(age) + " ago" : ""));
    }
    if (!uri.empty() && number_of(section, "next_fetch_in_seconds") >= 0)
        say("  next fetch: in " + duration(number_of(section, "next_fetch_in_seconds")));
    const std::string_view problem = string_of(member(section, "last_error"));
    if (!problem.empty()) say("  last error: " + for_terminal(problem));
    if (!keys.IsArray() || keys.Empty()) {
        say("  no keys");
        return;
    }
    using Row = std::array<std::string, 4>;
    std::vector<Row> rows{{"kid", "type", "alg", "thumbprint (RFC 7638, SHA-256)"}};
    for (const auto &key : keys.GetArray()) {
        const std::string_view algorithm = string_of(member(key, "alg"));
        rows.push_back({for_terminal(string_of(member(key, "kid"))),
                        for_terminal(string_of(member(key, "type"))),
                        algorithm.empty() ? "any" : for_terminal(algorithm),
                        for_terminal(string_of(member(key, "thumbprint")))});
    }
    Row::size_type widths[4] = {};
    for (const Row &row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    for (const Row &row : rows)
        say("  " + padded(row[0], widths[0]) + "  " + padded(row[1], widths[1]) + "  " +
            padded(row[2], widths[2]) + "  " + row[3]);
}

}  // namespace

ExitCode keys(const CommonOptions &common, bool health) {
    Host host(common);
    if (!host.load()) return exit_usage;
    std::string overrides;
    if (!read_only_overrides(host, false, overrides) || !host.create(overrides)) {
        report(host, common, host.error(), exit_usage);
        return exit_usage;
    }
    std::string text;
    host::Error error;
    if (host.backend().status(text, error) != TOKENWARD_OK) {
        report(host, common, error, exit_usage);
        return exit_usage;
    }
    const auto status = parse_object(text);
    if (!status) return exit_usage;
    const ExitCode code = health && !all_healthy(*status) ? exit_no_keys : exit_yes;
    if (common.json) {
        say(text);
        return code;
    }
    const rapidjson::Value &sections = member(*status, "sections");
    if (sections.IsArray()) {
        for (const auto &section : sections.GetArray()) say_section(section);
    }
    return code;
}

}  // namespace tokenward::cli
