// The program: reads the arguments, runs one command, returns its exit code.
#include "commands.hpp"
#include "token_source.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

using namespace tokenward::cli;

constexpr const char *about =
    "Asks libtokenward what it would tell a broker: is this access token accepted, and what may it do?\n";

constexpr const char *examples =
    "\nExamples:\n"
    "  Is the token good, and may it publish to the exchange 'orders' of the vhost '/'?\n"
    "    tokenward check --config /etc/tokenward/tokenward.ini --token-file token.jwt --write %2F/orders\n"
    "  May it subscribe to this MQTT filter? (the token comes from standard input)\n"
    "    get-token | tokenward check --config t.ini --token-file - --mqtt-filter '%2F/sensors/+/temperature'\n"
    "  What stands in the token?\n"
    "    tokenward inspect --token-file token.jwt\n"
    "  Are the provider's keys there?\n"
    "    tokenward keys --config /etc/tokenward/tokenward.ini --health\n"
    "  The log says WRONG_AUDIENCE. What now?\n"
    "    tokenward explain WRONG_AUDIENCE\n"
    "  A device of alice's was stolen (STOLEN.md in /usr/share/doc/tokenward says what comes next)\n"
    "    tokenward deny username alice\n"
    "\nNames are written as in a scope: %2F is a slash (the vhost named / is %2F), + is a space, %2A is a "
    "star.\n"
    "\nExit codes: 0 yes (for check: accepted, and every question allowed); 1 refused or denied;\n"
    "2 usage or configuration; 3 the provider's keys are missing.\n";

constexpr const char *check_footer =
    "\nEach question is VHOST/RESOURCE or VHOST/RESOURCE/KEY, percent-encoded as in a scope and without\n"
    "wildcards. A question with a key (even an empty one) is granted only by scopes with three parts.\n"
    "The token is never an argument: every user of this machine can read a program's arguments.\n";

std::string token_in_arguments() {
    return std::string("a token is not taken from the command line") + token_was_visible;
}

/// The questions of the command line, in their order.
class Questions {
  public:
    void add_options(CLI::App &app) {
        add(app, "--configure", TOKENWARD_CONFIGURE, "VHOST/RESOURCE[/KEY]", "may it declare or delete this?");
        add(app, "--read", TOKENWARD_READ, "VHOST/RESOURCE[/KEY]", "may it consume from this?");
        add(app, "--write", TOKENWARD_WRITE, "VHOST/RESOURCE[/KEY]", "may it publish to this?");
        add(app, "--mqtt-filter", mqtt_filter, "VHOST/FILTER",
            "may it subscribe to this MQTT filter? Its / + and # stay as they are");
    }

    /// Throws CLI::ValidationError.
    std::vector<Question> parse(const CLI::App &app) const {
        std::map<const CLI::Option *, std::size_t> next;
        std::vector<Question> questions;
        for (const CLI::Option *option : app.parse_order()) {
            const auto kind = kinds_.find(option);
            if (kind == kinds_.end()) continue;
            const std::string &text = option->results().at(next[option]++);
            auto parsed =
                kind->second == mqtt_filter ? parse_mqtt_filter(text) : parse_question(kind->second, text);
            if (const auto *problem = std::get_if<std::string>(&parsed))
                throw CLI::ValidationError(option->get_name(), *problem);
            questions.push_back(std::move(std::get<Question>(parsed)));
        }
        return questions;
    }

  private:
    static constexpr std::int32_t mqtt_filter = 0;

    void add(CLI::App &app, const char *name, std::int32_t kind, const char *form, const char *help) {
        kinds_[app.add_option(name, texts_[kind], help)->type_name(form)->allow_extra_args(false)] = kind;
    }

    std::map<std::int32_t, std::vector<std::string>> texts_;
    std::map<const CLI::Option *, std::int32_t> kinds_;
};

void add_common(CLI::App &command, CommonOptions &common, bool takes_config) {
    command.fallthrough();
    if (takes_config) {
        command
            .add_option("--config", common.config_files,
                        "configuration file; may be repeated, a later one wins key by key\n"
                        "(default: " +
                            std::string(default_config_file) + ")")
            ->type_name("FILE")
            ->allow_extra_args(false);
    }
    command.add_flag("--json", common.json, "one line of JSON, for scripts");
}

void add_wait(CLI::App &command, CommonOptions &common) {
    command.add_option("--wait", common.wait_seconds, "longest wait for the provider's keys (default: 10)")
        ->type_name("SECONDS")
        ->check(CLI::Range(0, 60));
}

void add_token_file(CLI::App &command, std::string &token_file) {
    command.add_option("--token-file", token_file, "file that holds the token; - is standard input")
        ->type_name("FILE|-")
        ->required();
    // Hidden: it answers whoever tries it. "Unknown option" would let them look for another way.
    command
        .add_option_function<std::string>(
            "--token", [](const std::string &) { throw CLI::ValidationError("--token", token_in_arguments()); })
        ->group("");
}

constexpr const char *deny_footer =
    "\nLINE is one of: username NAME, jti ID, client_id ID, kid ID, issued_before TIME|now [username NAME].\n"
    "NAME is the session's, with its username_prefix; client_id is the OAuth client's, not MQTT's identifier.\n"
    "Behind -- stand words that begin with a dash: tokenward deny jti -- -3xQ\n"
    "A broker ends the sessions with its next reload; this command says how.\n";

CLI::App *add_deny(CLI::App &app, CommonOptions &common, DenyOptions &options, const char *name,
                   const char *help) {
    CLI::App *command = app.add_subcommand(name, help);
    add_common(*command, common, true);
    command->add_option("--file", options.file, "the file to edit (default: denied_file of the configuration)")
        ->type_name("FILE");
    command
        ->add_option("--section", options.section,
                     "only for tokens of this section: oauth, or NAME of [oauth.NAME] (default: all)")
        ->type_name("NAME");
    command->add_option("LINE", options.words, "whom");
    command->footer(deny_footer);
    return command;
}

// CLI11 takes a value within brackets for a list: [alice] would be alice, another name. A mark at its end keeps it whole.
constexpr char mark = '\x01';

std::string marked(std::string_view argument) {
    std::string out(argument);
    if (argument.starts_with('[') || argument.find("=[") != std::string_view::npos) out += mark;
    return out;
}

void unmark_values_of(CLI::App &app) {
    for (CLI::Option *option : app.get_options()) {
        option->transform(CLI::Validator(
            [](std::string &value) {
                if (value.starts_with('[') && value.ends_with(mark)) value.pop_back();
                return std::string();
            },
            ""));
    }
    for (CLI::App *command : app.get_subcommands([](CLI::App *) { return true; })) unmark_values_of(*command);
}

int run(int argc, char **argv) {
    CommonOptions common;
    CheckOptions check_options;
    Questions questions;
    std::string token_file;
    std::string reason;
    bool health = false;
    DenyOptions denial;

    CLI::App app(about, "tokenward");
    app.footer(examples);
    app.add_option("--library", common.library,
                   "path of libtokenward.so.1, if it isn't where it was built or installed")
        ->type_name("FILE");
    app.add_flag("-v,--verbose", common.verbose, "every log line of the library on standard error");
    bool wants_version = false;
    app.add_flag("--version", wants_version, "versions of program, library and interface");

    CLI::App *check_command = app.add_subcommand("check", "is this token accepted, and may it do this?");
    add_common(*check_command, common, true);
    add_token_file(*check_command, token_file);
    add_wait(*check_command, common);
    questions.add_options(*check_command);
    check_command->add_flag("--mqtt", check_options.mqtt,
                            "answer as the Mosquitto plugin does: a name is a topic, one that begins with $\n"
                            "needs a pattern that begins with $, and scopes with three parts grant nothing");
    check_command
        ->add_option("--client-id", check_options.client_id,
                     "answer for a client with this MQTT identifier, as a broker that binds it\n"
                     "(only for {mqtt:client_id} in scopes: expand_connection)")
        ->type_name("ID");
    check_command
        ->add_option("--certificate", check_options.certificate,
                     "answer for a client with this TLS certificate (PEM), for tokens that are bound to one")
        ->type_name("FILE");
    check_command->footer(check_footer);

    CLI::App *inspect_command =
        app.add_subcommand("inspect", "what stands in this token? (verifies NOTHING; needs no configuration)");
    add_common(*inspect_command, common, true);
    add_token_file(*inspect_command, token_file);

    CLI::App *keys_command = app.add_subcommand("keys", "which keys does the provider give?");
    add_common(*keys_command, common, true);
    add_wait(*keys_command, common);
    keys_command->add_flag("--health", health, "exit 3 if an issuer has no keys, or only stale ones");

    CLI::App *config_command =
        app.add_subcommand("config", "is this configuration good, and what is in force?");
    add_common(*config_command, common, true);

    CLI::App *deny_command =
        add_deny(app, common, denial, "deny", "stop a user, token, client or key (denied_file)");
    CLI::App *allow_command = add_deny(app, common, denial, "allow", "take back what deny wrote");

    CLI::App *explain_command = app.add_subcommand("explain", "what does a reason in the log mean?");
    add_common(*explain_command, common, false);
    explain_command->add_option("REASON", reason,
                                "its name or number, as WRONG_AUDIENCE or 401; none: list all");

    try {
        // CLI11 would repeat an unknown argument in its message, and it may be a token.
        for (int i = 1; i < argc; ++i) {
            const std::string_view argument(argv[i]);
            if (may_be_token(argument) && std::string_view(argv[i - 1]) != "--token-file")
                throw CLI::ValidationError("argument " + std::to_string(i), token_in_arguments());
        }
        // CLI11 gives what stands behind -- to the program and not to the command.
        char **const last = argv + argc;
        char **const end =
            std::find_if(argv + 1, last, [](const char *word) { return std::string_view(word) == "--"; });
        std::vector<std::string> arguments;
        for (char **at = end; at != argv + 1; --at) arguments.push_back(marked(at[-1]));  // the last one first
        unmark_values_of(app);
        app.parse(std::move(arguments));
        if (end != last) {
            if (!deny_command->parsed() && !allow_command->parsed())
                throw CLI::ValidationError("--", "stands in front of words of deny and allow alone");
            denial.words.insert(denial.words.end(), end + 1, last);
        }
        if (wants_version) return version(common);
        if (app.get_subcommands().size() != 1) {
            throw CLI::RequiredError("one of the commands check, inspect, keys, config, deny, allow, explain");
        }
        check_options.questions = questions.parse(*check_command);
        check_options.token_file = token_file;
    } catch (const CLI::ParseError &error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help
        std::string what = error.what();
        std::erase(what, mark);
        (void)std::fprintf(stderr, "tokenward: %s\n  hint: tokenward --help\n", what.c_str());
        return exit_usage;
    }

    if (check_command->parsed()) return check(common, check_options);
    if (inspect_command->parsed()) return inspect(common, token_file);
    if (keys_command->parsed()) return keys(common, health);
    if (config_command->parsed()) return config(common);
    if (deny_command->parsed()) return deny(common, denial);
    if (allow_command->parsed()) return allow(common, denial);
    return explain_reason(common, reason);
}

}  // namespace

int main(int argc, char **argv) {
    int code = exit_usage;
    try {
        code = run(argc, argv);
    } catch (const std::exception &error) {
        (void)std::fprintf(stderr, "tokenward: %s\n", error.what());
    }
    // An answer that could not be written is no yes.
    if (std::fflush(stdout) != 0 && code == exit_yes) return exit_usage;
    return code;
}
