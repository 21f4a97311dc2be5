#include "read_only_config.hpp"

#include "json.hpp"
#include "json_writer.hpp"

namespace tokenward::cli {

bool read_only_overrides(Host &host, bool mqtt, std::string &config_json) {
    std::string settings;
    if (!host.check_config(settings)) return false;
    const auto document = parse_object(settings);
    if (!document) return true;
    JsonWriter json;
    for (const auto &section : document->GetObject()) {
        const std::string_view name = string_of(section.name);
        if (name != "oauth" && !name.starts_with("oauth.")) continue;
        const bool keeps_cache = !string_of(member(section.value, "jwks_cache_file")).empty();
        const bool first = name == "oauth";
        const bool keeps_metrics = first && !string_of(member(section.value, "metrics_file")).empty();
        if (!keeps_cache && !keeps_metrics && !(first && mqtt)) continue;
        json.begin_object(name);
        if (keeps_cache) json.text("jwks_cache_file", "");
        if (keeps_metrics) json.text("metrics_file", "");
        if (first && mqtt) json.boolean("routing_keys", false);
        json.end_object();
    }
    config_json = json.finish();
    if (config_json == "{}") config_json.clear();
    return true;
}

}  // namespace tokenward::cli
