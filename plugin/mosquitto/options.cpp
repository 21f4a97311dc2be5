#include "options.hpp"

#include <charconv>
#include <set>

namespace tokenward::mosquitto_plugin {
namespace {

constexpr std::uint32_t max_startup_wait_s = 60;

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
            std::uint32_t seconds = 0;
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
            if (error != std::errc() || end != value.data() + value.size() || seconds > max_startup_wait_s)
                return problem(key, "must be a whole number of seconds from 0 to 60");
            options.startup_wait_ms = seconds * 1000;
        } else {
            return problem(
                key,
                "is not an option of this plugin; it has config, library, vhost, chain, "
                "shared_names, takeover, client_id, try_again and startup_wait (everything else goes into the "
                "configuration file)");
        }
    }
    if (options.config_files.empty()) options.config_files.emplace_back(default_config_file);
    return options;
}

}  // namespace tokenward::mosquitto_plugin
