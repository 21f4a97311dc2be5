#include "base/text.hpp"
#include "config/apply.hpp"
#include "config/load.hpp"
#include "config/options.hpp"
#include "config/url.hpp"

#include <optional>
#include <string>
#include <type_traits>

#include <fmt/format.h>

namespace tokenward::config {
namespace {

void append(std::string &out, const std::string &text) {
    if (text.empty()) {
        out += "null";
    } else {
        append_json_string(out, text);
    }
}
void append(std::string &out, const std::vector<std::string> &list) {
    out += '[';
    for (const std::string &element : list) {
        if (out.back() != '[') out += ',';
        append_json_string(out, element);
    }
    out += ']';
}
void append(std::string &out, const ScopeAliases &aliases) {
    out += '{';
    for (const auto &[alias, scopes] : aliases) {
        if (out.back() != '{') out += ',';
        append_json_string(out, alias);
        out += ':';
        append(out, scopes);
    }
    out += '}';
}
void append(std::string &out, const std::optional<std::string> &text) {
    if (text) {
        append_json_string(out, *text);
    } else {
        out += "null";
    }
}
void append(std::string &out, bool value) {
    out += value ? "true" : "false";
}
void append(std::string &out, std::int64_t value) {
    out += std::to_string(value);
}
void append(std::string &out, std::size_t value) {
    out += std::to_string(value);
}
void append(std::string &out, LogLevel level) {
    append_json_string(out, log_level_name(level));
}
void append(std::string &out, jose::AlgorithmSet algorithms) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < jose::algorithm_count; ++i) {
        const auto algorithm = static_cast<jose::Algorithm>(i);
        if (algorithms.contains(algorithm)) names.emplace_back(jose::algorithm_name(algorithm));
    }
    append(out, names);
}

/// What an operator would write to get this section: a proxy's password is left out, and the prefix that
/// follows from resource_server_id is not written.
Section presentable(const Section &section) {
    Section copy = section;
    if (copy.keys.proxy) copy.keys.proxy = without_userinfo(*copy.keys.proxy);
    if (!copy.scopes.scope_prefix_explicit) copy.scopes.scope_prefix.reset();
    return copy;
}

/// The members of one section; `section` NULL: only what is for the whole backend.
void append_members(std::string &out, Section *section, const Settings *settings) {
    const std::size_t begin = out.size();
    for (const Option &option : options()) {
        std::visit(
            [&](auto member) {
                if constexpr (std::is_same_v<decltype(member), std::monostate>) {
                    return;
                } else {
                    const auto write = [&](const auto &value) {
                        if (out.size() != begin) out += ',';
                        append_json_string(out, option.name);
                        out += ':';
                        append(out, value);
                    };
                    if constexpr (requires { member(*section); }) {
                        if (section != nullptr) write(member(*section));
                    } else {
                        if (settings != nullptr) write(settings->*member);
                    }
                }
            },
            option.target);
    }
}

}  // namespace

std::string to_json(const Settings &settings) {
    std::string out = "{\"oauth\":{";
    const Section *plain = nullptr;
    for (const Section &section : settings.sections) {
        if (section.name == "oauth") plain = &section;
    }
    if (plain != nullptr) {
        Section copy = presentable(*plain);
        append_members(out, &copy, &settings);
    } else {
        append_members(out, nullptr, &settings);
    }
    out += '}';
    for (const Section &section : settings.sections) {
        if (&section == plain) continue;
        out += ',';
        append_json_string(out, "oauth." + section.name);
        out += ":{";
        Section copy = presentable(section);
        append_members(out, &copy, nullptr);
        out += '}';
    }
    out += ",\"warnings\":";
    append(out, settings.warnings);
    out += '}';
    return out;
}

}  // namespace tokenward::config
