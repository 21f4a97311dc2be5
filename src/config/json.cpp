#include "base/json.hpp"

#include "base/text.hpp"
#include "config/entry.hpp"
#include "config/options.hpp"

#include <fmt/format.h>

namespace tokenward::config {
namespace {

constexpr char json_hint[] =
    "a JSON object (RFC 8259), as {\"issuer\": \"https://...\", \"audience\": \"...\"}";

constexpr std::string_view source = "config_json: ";

Result<Value> read_value(const JsonValue &value, const std::string &path) {
    switch (value.type()) {
        case JsonType::string:
            return Value{Value::Form::string, std::string(value.text()), {}};
        case JsonType::number:
            return Value{Value::Form::number, std::string(value.text()), {}};
        case JsonType::boolean:
            return Value{Value::Form::boolean, std::string(value.text()), {}};
        case JsonType::array: {
            Value list{Value::Form::list, {}, {}};
            for (const JsonValue element : value) {
                if (!element.is_string()) {
                    return fail(Reason::CONFIG_INVALID_VALUE,
                                fmt::format("{}{}: a list holds strings only", source, path));
                }
                list.list.emplace_back(element.text());
            }
            return list;
        }
        case JsonType::object:
        case JsonType::null:
            break;
    }
    return fail(Reason::CONFIG_INVALID_VALUE, fmt::format("{}{}: an object can't stand here", source, path));
}

bool is_map_object(const JsonValue &member) {
    const Option *option = find_option(member.name());
    return member.is_object() && option != nullptr && is_map(option->type);
}

/// {"scope_aliases": {"ALIAS": ...}} as INI's scope_aliases.ALIAS = ...
Result<void> read_map(const JsonValue &map, const JsonValue &section_object, const std::string &section,
                      std::string_view shown, std::vector<Entry> &entries) {
    for (const JsonValue member : map) {
        if (member.is_null()) continue;
        const std::string place = fmt::format("{}{}.", shown, map.name());
        auto value = read_value(member, place + quote(member.name()));
        if (!value) return pass_on(std::move(value));
        std::string key = fmt::format("{}.{}", map.name(), member.name());
        if (section_object.find(key)) {
            return fail(Reason::CONFIG_DUPLICATE_KEY,
                        fmt::format("{}{}{}: stands there twice", source, place, quote(member.name())));
        }
        entries.push_back({section, std::move(key), std::move(*value), fmt::format("{}{}", source, shown)});
    }
    return {};
}

/// The members of one section. null means not set.
Result<void> read_section(const JsonValue &object, const std::string &section, std::string_view shown,
                          std::vector<Entry> &entries) {
    entries.push_back({section, {}, {}, std::string(source)});
    for (const JsonValue member : object) {
        if (member.is_null()) continue;
        if (is_map_object(member)) {
            if (auto read = read_map(member, object, section, shown, entries); !read) return read;
            continue;
        }
        auto value = read_value(member, std::string(shown) + quote(member.name()));
        if (!value) return pass_on(std::move(value));
        entries.push_back(
            {section, std::string(member.name()), std::move(*value), fmt::format("{}{}", source, shown)});
    }
    return {};
}

/// {"issuer": ...}, for [oauth] alone; {"oauth.issuer": ...} means the same.
Result<void> read_flat(const JsonValue &root, std::vector<Entry> &entries) {
    constexpr std::string_view prefix = "oauth.";
    if (auto read = read_section(root, "oauth", {}, entries); !read) return read;
    for (Entry &entry : entries) {
        if (entry.key.substr(0, prefix.size()) != prefix) continue;
        entry.key.erase(0, prefix.size());
        if (root.find(entry.key)) {
            return fail(
                Reason::CONFIG_DUPLICATE_KEY,
                fmt::format("{}{} stands there with and without oauth. in front", source, quote(entry.key)));
        }
    }
    return {};
}

/// {"oauth": {...}, "oauth.NAME": {...}}. LavinMQ's other sections may stand beside them.
Result<void> read_sections(const JsonValue &root, std::vector<Entry> &entries) {
    for (const JsonValue member : root) {
        const std::string name(member.name());
        if (is_foreign_section(name) || member.is_null()) continue;
        if (!member.is_object()) {
            return fail(Reason::CONFIG_SYNTAX,
                        fmt::format("{}{} stands beside sections: put it into the object \"oauth\"", source,
                                    quote(name)));
        }
        if (auto checked = check_section_name(name, source); !checked) return checked;
        if (auto read = read_section(member, name, name + ".", entries); !read) return read;
    }
    return {};
}

}  // namespace

Result<std::vector<Entry>> parse_json(std::string_view json) {
    if (json.size() > max_config_bytes) {
        return fail(Reason::CONFIG_SYNTAX, fmt::format("{}larger than {} bytes", source, max_config_bytes));
    }
    JsonDocument document;
    const auto root = document.parse(json, Reason::CONFIG_SYNTAX);
    if (!root) return fail(Reason::CONFIG_SYNTAX, std::string(source) + root.error().detail, json_hint);
    if (!root->is_object()) {
        return fail(Reason::CONFIG_SYNTAX, std::string(source) + "isn't an object", json_hint);
    }

    bool has_sections = false;
    for (const JsonValue member : *root) {
        has_sections = has_sections || (member.is_object() && !is_map_object(member));
    }
    std::vector<Entry> entries;
    auto read = has_sections ? read_sections(*root, entries) : read_flat(*root, entries);
    if (!read) return pass_on(std::move(read));
    return entries;
}

}  // namespace tokenward::config
