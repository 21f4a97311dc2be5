#include "access/reference.hpp"

#include <algorithm>
#include <cstdlib>

namespace tokenward::access::reference {

namespace {

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == separator) {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    return parts;
}

bool is_hex(char c) {
    return std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
}

bool levels_match(const std::vector<std::string> &filter, std::size_t f, const std::vector<std::string> &topic,
                  std::size_t t) {
    if (f == filter.size()) return t == topic.size();
    if (filter[f] == "#") return true;
    if (t == topic.size()) return false;
    if (filter[f] != "+" && filter[f] != topic[t]) return false;
    // "a/#" matches "a" too: '#' includes the parent level.
    if (t + 1 == topic.size() && f + 2 == filter.size() && filter[f + 1] == "#") return true;
    return levels_match(filter, f + 1, topic, t + 1);
}

}  // namespace

Glob read_glob(std::string_view raw) {
    std::vector<int> out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] == '*') {
            out.push_back(-1);
        } else if (raw[i] == '+') {
            out.push_back(' ');
        } else if (raw[i] == '%') {
            if (i + 2 >= raw.size() || !is_hex(raw[i + 1]) || !is_hex(raw[i + 2])) return std::nullopt;
            out.push_back(
                static_cast<int>(std::strtol(std::string(raw.substr(i + 1, 2)).c_str(), nullptr, 16)));
            i += 2;
        } else {
            out.push_back(static_cast<unsigned char>(raw[i]));
        }
    }
    return out;
}

bool glob_matches(const Glob &glob, std::string_view name) {
    if (!glob) return false;
    // reached[j]: the pattern up to here matches the first j bytes of the name.
    std::vector<bool> reached(name.size() + 1, false);
    reached[0] = true;
    for (const int symbol : *glob) {
        std::vector<bool> next(name.size() + 1, false);
        bool any = false;
        for (std::size_t j = 0; j <= name.size(); ++j) {
            if (symbol == -1) {
                any = any || reached[j];
                next[j] = any;
            } else if (j > 0) {
                next[j] = reached[j - 1] && static_cast<unsigned char>(name[j - 1]) == symbol;
            }
        }
        reached = next;
    }
    return reached[name.size()];
}

bool filter_is_valid(std::string_view filter) {
    if (filter.empty()) return false;
    const std::vector<std::string> levels = split(filter, '/');
    for (std::size_t i = 0; i < levels.size(); ++i) {
        if (levels[i] == "+" || (levels[i] == "#" && i + 1 == levels.size())) continue;
        if (levels[i].find('+') != std::string::npos || levels[i].find('#') != std::string::npos) return false;
    }
    return true;
}

bool filter_matches(std::string_view filter, std::string_view topic) {
    if (topic.empty()) return false;
    if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
    return levels_match(split(filter, '/'), 0, split(topic, '/'), 0);
}

std::vector<Scope> read_scopes(const std::vector<std::string> &texts) {
    std::vector<Scope> out;
    for (const std::string &text : texts) {
        Scope scope;
        std::string rest;
        if (text.starts_with("configure:")) {
            scope.operation = Operation::configure;
            rest = text.substr(10);
        } else if (text.starts_with("read:")) {
            scope.operation = Operation::read;
            rest = text.substr(5);
        } else if (text.starts_with("write:")) {
            scope.operation = Operation::write;
            rest = text.substr(6);
        } else {
            continue;
        }
        const std::vector<std::string> parts = split(rest, '/');
        if (parts.size() != 2 && parts.size() != 3) continue;
        scope.vhost = read_glob(parts[0]);
        scope.resource = read_glob(parts[1]);
        scope.has_key = parts.size() == 3;
        if (scope.has_key) scope.key = read_glob(parts[2]);
        out.push_back(scope);
    }
    return out;
}

bool allows(const std::vector<Scope> &scopes, bool routing_keys, const Request &request) {
    const bool mqtt = request.mqtt_topic || request.mqtt_filter;
    const auto lacks_dollar = [](std::string_view name, const Glob &glob) {
        return name.starts_with('$') && (glob->empty() || glob->front() != '$');
    };
    std::string key(request.routing_key.value_or(""));
    if (mqtt) std::ranges::replace(key, '/', '.');
    for (const Scope &scope : scopes) {
        if (scope.operation != request.operation) continue;
        if (scope.has_key && !routing_keys) continue;
        if (!glob_matches(scope.vhost, request.vhost)) continue;
        if (!glob_matches(scope.resource, request.resource)) continue;
        if (mqtt && !request.routing_key && lacks_dollar(request.resource, scope.resource)) continue;
        if (request.routing_key && (!scope.has_key || !glob_matches(scope.key, key))) continue;
        if (request.routing_key && mqtt && lacks_dollar(key, scope.key)) continue;
        return true;
    }
    return false;
}

bool opens_vhost(const std::vector<Scope> &scopes, std::string_view vhost) {
    for (const Scope &scope : scopes) {
        if (glob_matches(scope.vhost, vhost)) return true;
    }
    return false;
}

}  // namespace tokenward::access::reference
