// tokenward inspect: what stands in a token. Nothing is verified.
#include "commands.hpp"
#include "json.hpp"
#include "json_writer.hpp"
#include "output.hpp"
#include "read_only_config.hpp"
#include "token_source.hpp"

#include <cstdio>
#include <ctime>

#include <unistd.h>

namespace tokenward::cli {
namespace {

/// "exp": 1764000000  (2025-11-24 16:00:00 UTC, 3 h ago)
std::string readable_time(const rapidjson::Value &value) {
    if (!value.IsNumber()) return {};
    const double number = value.GetDouble();
    if (!(number > -6e10 && number < 2.5e11)) return {};  // years 100 to 9900
    const auto seconds = static_cast<std::int64_t>(number);
    const std::int64_t now = std::time(nullptr);
    return "   (" + utc_time(seconds) + ", " +
           (seconds > now ? "in " + duration(seconds - now) : duration(now - seconds) + " ago") + ")";
}

void say_members(const rapidjson::Value &object) {
    if (!object.IsObject()) return;
    for (const auto &entry : object.GetObject()) {
        const std::string_view name = string_of(entry.name);
        const bool time = name == "exp" || name == "iat" || name == "nbf" || name == "auth_time";
        say("  " + for_terminal(name) + ": " + for_terminal(compact(entry.value)) +
            (time ? readable_time(entry.value) : std::string()));
    }
}

void say_list(const char *title, const rapidjson::Value &list) {
    if (!list.IsArray() || list.Empty()) return;
    say(title);
    for (const auto &entry : list.GetArray()) say("  " + for_terminal(string_of(entry)));
}

}  // namespace

ExitCode inspect(const CommonOptions &common, const std::string &token_file) {
    const auto source = read_token(token_file);
    const Token *token = std::get_if<Token>(&source);
    if (token == nullptr) {
        (void)std::fprintf(stderr, "tokenward: %s\n", std::get<std::string>(source).c_str());
        return exit_usage;
    }
    Host host(common);
    if (!host.load()) return exit_usage;
    // Without a configuration there is no backend: NULL.
    bool configured = !common.config_files.empty() || access(default_config_file.data(), F_OK) == 0;
    if (configured) {
        std::string overrides;
        host.wait_for_keys(false);  // nothing is verified: no key is needed
        if (!read_only_overrides(host, false, overrides) || !host.create(overrides)) {
            if (!common.config_files.empty()) {
                report(host, common, host.error(), exit_usage);
                return exit_usage;
            }
            // Nobody asked for it.
            configured = false;
            (void)std::fprintf(stderr, "tokenward: %s isn't used: %s\n", default_config_file.data(),
                               host.error().message);
        }
    }
    host::Error error;
    std::string text;
    const std::int32_t result = host::read_text(text, [&](char *buffer, std::size_t size, std::size_t *length) {
        return host.library()->inspect(host.backend().get(), token->text.data(), token->text.size(), buffer,
                                       size, length, &error);
    });
    if (result != TOKENWARD_OK) {
        const ExitCode code = result == TOKENWARD_REFUSED ? exit_no : exit_usage;
        report(host, common, error, code);
        return code;
    }
    if (common.json) {
        say(text);
        return exit_yes;
    }
    const auto document = parse_object(text);
    if (!document) return exit_usage;
    say("UNVERIFIED: anybody can have written this. 'tokenward check' says whether it is accepted.");
    say("header");
    say_members(member(*document, "header"));
    say("claims");
    say_members(member(*document, "payload"));
    const rapidjson::Value &permissions = member(*document, "permissions");
    if (permissions.IsArray() && permissions.Empty()) {
        say("rights it would give: none");
    } else {
        say_list(
            configured ? "rights it would give" : "rights it would give, if every scope counted as it stands",
            permissions);
    }
    say_list("scopes that don't count as written", member(*document, "notes"));
    if (const rapidjson::Value &problem = member(*document, "problem"); problem.IsObject()) {
        say("it would be refused");
        say_members(problem);
    }
    return exit_yes;
}

}  // namespace tokenward::cli
