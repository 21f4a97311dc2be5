#include "chain_names.hpp"

#include "names.hpp"

#include <string_view>

#include <rapidjson/document.h>

namespace tokenward::mosquitto_plugin {
namespace {

std::string_view text_of(const rapidjson::Value &text) {
    return {text.GetString(), text.GetStringLength()};
}

std::string add(std::string list, std::string_view name) {
    if (!list.empty()) list += ", ";
    return list.append("[").append(name).append("]");
}

}  // namespace

std::string shared_names_problem(const std::string &config_json) {
    rapidjson::Document settings;
    settings.Parse<rapidjson::kParseIterativeFlag>(config_json.data(), config_json.size());
    if (settings.HasParseError() || !settings.IsObject())
        return "plugin_opt_chain: the library's answer about its settings can't be read";
    std::string without;
    for (const auto &[name, section] : settings.GetObject()) {
        // "oauth" is there also without an issuer, for what all sections share; it has no username_prefix then.
        if (!section.IsObject()) continue;
        const auto prefix = section.FindMember("username_prefix");
        if (prefix == section.MemberEnd()) continue;
        if (!prefix->value.IsString() || prefix->value.GetStringLength() == 0)
            without = add(without, text_of(name));
    }
    if (without.empty()) return {};
    return "plugin_opt_chain true: a token's username could be that of another plugin's client or of a line in "
           "acl_file, and get its rights: set username_prefix in " +
           without +
           " (or plugin_opt_shared_names true, if every name that the provider gives is meant there, too)";
}

}  // namespace tokenward::mosquitto_plugin
