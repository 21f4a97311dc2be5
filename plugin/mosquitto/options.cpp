#include "options.hpp"

#include <charconv>
#include <set>

namespace tokenward::mosquitto_plugin {
namespace {

constexpr std::uint32_t max_startup_wait_s = 60;
constexpr std::uint32_t most_wait_ms = 200;
constexpr std::string_view vhost_of_port = "vhost_";

/// Decimal digits only; nothing if it is more than `most`.
std::optional<std::uint32_t> whole_number(std::string_view text, std::uint32_t most) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number > most) return std::nullopt;
    return number;
}

std::string problem(std::string_view key, std::string_view what) {
    std::string text = "plugin_opt_";
    text += key;
    text += ": ";
    text += what;
    return text;
}

}  // namespace

std::variant<Options, std::string> parse_options(const std::vector<OptionLine> &lines) {
    Options options;
    std::set<std::string_view> seen;
    for (const auto &[key, value] : lines) {
        if (key != "config" && !seen.insert(key).second) return problem(key, "is given twice; keep one");
        if (value.empty()) return problem(key, "has no value");
        if (key == "config") {
            options.config_files.emplace_back(value);
        } else if (key == "library") {
            options.library = value;
        } else if (key == "vhost") {
            options.vhost = value;
        } else if (key == "chain" || key == "shared_names") {
            if (value != "true" && value != "false") return problem(key, "must be true or false");
            (key == "chain" ? options.chain : options.shared_names) = value == "true";
        } else if (key == "takeover") {
            if (value != "same" && value != "any") return problem(key, "must be same or any");
            options.takeover_any = value == "any";
        } else if (key == "client_id") {
            auto pattern = ClientIdPattern::parse(value);
            if (const auto *wrong = std::get_if<std::string>(&pattern)) return problem(key, *wrong);
            options.client_id = std::get<ClientIdPattern>(std::move(pattern));
        } else if (key == "try_again") {
            if (value != "close" && value != "136") return problem(key, "must be close or 136");
            options.tell_unavailable = value == "136";
        } else if (key == "startup_wait") {
            const auto seconds = whole_number(value, max_startup_wait_s);
            if (!seconds) return problem(key, "must be a whole number of seconds from 0 to 60");
            options.startup_wait_ms = *seconds * 1000;
        } else if (key == "max_wait") {
            const auto milliseconds = whole_number(value, most_wait_ms);
            if (!milliseconds) return problem(key, "must be a whole number of milliseconds from 0 to 200");
            options.max_wait_ms = *milliseconds;
        } else if (key == "topic_style") {
            if (value != "mqtt" && value != "rabbitmq") return problem(key, "must be mqtt or rabbitmq");
            options.topic_exchange = value == "rabbitmq";
        } else if (key.starts_with(vhost_of_port)) {
            const auto port = whole_number(key.substr(vhost_of_port.size()), 65535);
            if (!port) return problem(key, "must end with the port of a listener: plugin_opt_vhost_8883");
            if (!options.vhost_of_port.emplace(*port, value).second)
                return problem(key, "is given twice; keep one");
        } else {
            return problem(key,
                           "is not an option of this plugin; it has config, library, vhost, vhost_PORT, "
                           "topic_style, chain, "
                           "shared_names, takeover, client_id, try_again, max_wait and startup_wait "
                           "(everything else goes into the "
                           "configuration file)");
        }
    }
    if (options.config_files.empty()) options.config_files.emplace_back(default_config_file);
    return options;
}

}  // namespace tokenward::mosquitto_plugin
