// tokenward config: the settings in force, and warnings.
#include "commands.hpp"
#include "json.hpp"
#include "json_writer.hpp"
#include "output.hpp"

namespace tokenward::cli {
namespace {

std::string value_text(const rapidjson::Value &value) {
    if (value.IsNull()) return "(unset)";
    if (value.IsString()) return for_terminal(string_of(value));
    if (!value.IsArray()) return for_terminal(compact(value));
    std::string text;
    for (const auto &element : value.GetArray()) {
        if (!text.empty()) text += ',';
        text += element.IsString() ? for_terminal(string_of(element)) : for_terminal(compact(element));
    }
    return text.empty() ? "(unset)" : text;
}

/// JSON that is read again must say no more than was written; who reads it here wants to know what counts.
std::string setting_text(const rapidjson::Value &section, const rapidjson::Value::Member &setting) {
    if (string_of(setting.name) == "scope_prefix" && setting.value.IsNull()) {
        const std::string_view resource = string_of(member(section, "resource_server_id"));
        if (!resource.empty()) return for_terminal(std::string(resource) + ".") + " (from resource_server_id)";
    }
    return value_text(setting.value);
}

}  // namespace

ExitCode config(const CommonOptions &common) {
    Host host(common);
    if (!host.load()) return exit_usage;
    std::string text;
    if (!host.check_config(text)) {
        report(host, common, host.error(), exit_usage);
        return exit_usage;
    }
    if (common.json) {
        say(text);
        return exit_yes;
    }
    const auto document = parse_object(text);
    if (!document) return exit_usage;
    for (const auto &section : document->GetObject()) {
        if (!section.value.IsObject()) continue;
        say("[" + for_terminal(string_of(section.name)) + "]");
        for (const auto &setting : section.value.GetObject())
            say(for_terminal(string_of(setting.name)) + " = " + setting_text(section.value, setting));
    }
    const rapidjson::Value &warnings = member(*document, "warnings");
    if (warnings.IsArray()) {
        for (const auto &warning : warnings.GetArray()) say("; warning: " + for_terminal(string_of(warning)));
    }
    const rapidjson::Value &notes = member(*document, "notes");
    if (notes.IsArray()) {
        for (const auto &note : notes.GetArray()) say("; note: " + for_terminal(string_of(note)));
    }
    return exit_yes;
}

ExitCode version(const CommonOptions &common) {
    Host host(common);
    if (!host.load()) return exit_usage;
    const auto abi = host.library()->abi_version();
    say(std::string("tokenward ") + TOKENWARD_CLI_VERSION + ", libtokenward " + host.library()->version() +
        ", interface " + std::to_string(abi >> 16) + "." + std::to_string(abi & 0xffffu));
    return exit_yes;
}

}  // namespace tokenward::cli
