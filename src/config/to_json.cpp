#include "base/json_writer.hpp"
#include "config/apply.hpp"
#include "config/load.hpp"
#include "config/options.hpp"
#include "config/url.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>

#include <fmt/format.h>

namespace tokenward::config {
namespace {

void write(JsonWriter &json, const std::string &text) {
    if (text.empty()) {
        json.null();
    } else {
        json.value(text);
    }
}
void write(JsonWriter &json, const std::vector<std::string> &list) {
    json.begin_array();
    for (const std::string &element : list) json.value(element);
    json.end_array();
}
void write(JsonWriter &json, const Confinement::Names &names) {
    if (names) {
        write(json, *names);
    } else {
        json.null();
    }
}
void write(JsonWriter &json, const NamedLists &lists) {
    json.begin_object();
    for (const auto &[name, list] : lists) {
        json.name(name);
        write(json, list);
    }
    json.end_object();
}
void write(JsonWriter &json, const std::optional<std::string> &text) {
    if (text) {
        json.value(*text);
    } else {
        json.null();
    }
}
void write(JsonWriter &json, bool value) {
    json.value(value);
}
void write(JsonWriter &json, std::int64_t value) {
    json.value(value);
}
void write(JsonWriter &json, std::size_t value) {
    json.value(value);
}
void write(JsonWriter &json, BoundTokens what) {
    json.value(what == BoundTokens::require ? "require" : "check");
}
void write(JsonWriter &json, LogLevel level) {
    json.value(log_level_name(level));
}
void write(JsonWriter &json, jose::AlgorithmSet algorithms) {
    json.begin_array();
    for (std::size_t i = 0; i < jose::algorithm_count; ++i) {
        const auto algorithm = static_cast<jose::Algorithm>(i);
        if (algorithms.contains(algorithm)) json.value(jose::algorithm_name(algorithm));
    }
    json.end_array();
}

/// The section as an operator would write it: without the proxy's password, and without a scope_prefix that
/// comes from resource_server_id.
Section presentable(const Section &section) {
    Section copy = section;
    if (copy.keys.proxy) copy.keys.proxy = without_userinfo(*copy.keys.proxy);
    if (!copy.scopes.scope_prefix_explicit) copy.scopes.scope_prefix.reset();
    return copy;
}

/// The members of one section; `section` NULL: only what is for the whole backend.
void write_members(JsonWriter &json, Section *section, const Settings *settings) {
    for (const Option &option : options()) {
        std::visit(
            [&](auto member) {
                if constexpr (std::is_same_v<decltype(member), std::monostate>) {
                    return;
                } else if constexpr (requires { member(*section); }) {
                    if (section == nullptr) return;
                    json.name(option.name);
                    write(json, member(*section));
                } else {
                    if (settings == nullptr) return;
                    json.name(option.name);
                    write(json, settings->*member);
                }
            },
            option.target);
    }
}

}  // namespace

std::string to_json(const Settings &settings) {
    std::string out;
    JsonWriter json(out);
    const auto plain = std::find_if(settings.sections.begin(), settings.sections.end(),
                                    [](const Section &section) { return section.name == "oauth"; });
    json.begin_object();
    json.name("oauth");
    json.begin_object();
    if (plain != settings.sections.end()) {
        Section copy = presentable(*plain);
        write_members(json, &copy, &settings);
    } else {
        write_members(json, nullptr, &settings);
    }
    json.end_object();
    for (auto section = settings.sections.begin(); section != settings.sections.end(); ++section) {
        if (section == plain) continue;
        Section copy = presentable(*section);
        json.name("oauth." + section->name);
        json.begin_object();
        write_members(json, &copy, nullptr);
        json.end_object();
    }
    json.name("warnings");
    write(json, settings.warnings);
    json.name("notes");
    write(json, settings.notes);
    json.end_object();
    return out;
}

}  // namespace tokenward::config
