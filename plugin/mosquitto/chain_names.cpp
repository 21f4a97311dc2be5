#include "chain_names.hpp"

#include "names.hpp"

#include <string_view>
#include <utility>

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

ChainNames read_chain_names(const std::string &config_json) {
    ChainNames names;
    rapidjson::Document settings;
    settings.Parse<rapidjson::kParseIterativeFlag>(config_json.data(), config_json.size());
    if (settings.HasParseError() || !settings.IsObject()) {
        names.without_prefix = "(the library's list of sections can't be read)";
        return names;
    }
    // As const: clang 14 finds the comparison of RapidJSON's other iterators ambiguous.
    for (const auto &[name, section] : std::as_const(settings).GetObject()) {
        // "oauth" is there also without an issuer, for what all sections share; it has no username_prefix then.
        if (!section.IsObject()) continue;
        const auto prefix = section.FindMember("username_prefix");
        if (prefix == section.MemberEnd()) continue;
        if (prefix->value.IsString() && prefix->value.GetStringLength() != 0) {
            names.prefixes.emplace_back(text_of(prefix->value));
        } else {
            names.without_prefix = add(names.without_prefix, text_of(name));
        }
    }
    return names;
}

}  // namespace tokenward::mosquitto_plugin
