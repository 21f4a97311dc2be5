#include "host.hpp"

#include "json_writer.hpp"
#include "output.hpp"

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>

#include <link.h>

namespace tokenward::cli {
namespace {

/// The path that was fixed when this program was built or installed, by which the dynamic loader looks for the library's
/// name. Never a path beside the program: whoever put it there would choose the library.
std::string fixed_path() {
    const char *strings = nullptr;
    std::optional<std::size_t> at;
    for (const auto *entry = _DYNAMIC; entry->d_tag != DT_NULL; ++entry) {
        if (entry->d_tag == DT_STRTAB) strings = reinterpret_cast<const char *>(entry->d_un.d_ptr);
        if (entry->d_tag == DT_RUNPATH || entry->d_tag == DT_RPATH) at = entry->d_un.d_val;
    }
    return strings != nullptr && at ? strings + *at : "";
}

const char *level_name(std::int32_t level) {
    switch (level) {
        case TOKENWARD_LOG_ERROR:
            return "error";
        case TOKENWARD_LOG_WARNING:
            return "warning";
        case TOKENWARD_LOG_INFO:
            return "info";
        default:
            return "debug";
    }
}

}  // namespace

bool Host::load() {
    const std::string problem = library_.open(options_.library);
    if (problem.empty()) return true;
    const std::string path = fixed_path();
    (void)std::fprintf(stderr, "tokenward: %s\n", problem.c_str());
    if (options_.library.empty())
        (void)std::fprintf(stderr, "  looked in: %s%sthe dynamic loader's own folders (ldconfig -p)\n", path.c_str(),
                           path.empty() ? "" : ", ");
    (void)std::fputs("  hint: give the path of libtokenward.so.1 by --library; after a move of this program or the library "
                     "install them anew\n",
                     stderr);
    return false;
}

tokenward_options Host::library_options(std::string_view config_json) {
    paths_.clear();
    for (const std::string &file : options_.config_files) paths_.push_back(host::borrow(file));
    // The library takes its default file only if it is given nothing at all, and JSON may be given here.
    if (paths_.empty()) paths_.push_back(host::borrow(default_config_file));
    tokenward_options options = TOKENWARD_OPTIONS_INIT;
    options.config_files = paths_.data();
    options.config_file_count = paths_.size();
    options.config_json = host::borrow(config_json);
    options.startup_wait_ms = wait_for_keys_ ? options_.wait_seconds * 1000 : 0;
    options.max_wait_ms = options_.wait_seconds * 1000;
    options.log_mode = TOKENWARD_LOG_TO_CALLBACK;
    options.log = receive_log;
    options.log_user = this;
    return options;
}

bool Host::create(std::string_view config_json) {
    const tokenward_options options = library_options(config_json);
    return backend_.create(library_, &options, error_) == TOKENWARD_OK;
}

bool Host::check_config(std::string &json) {
    const tokenward_options options = library_options({});
    return library_.config_check(&options, json, error_) == TOKENWARD_OK;
}

void Host::receive_log(void *user, std::int32_t level, const char *message, std::size_t size) {
    const Host &host = *static_cast<const Host *>(user);
    if (!host.options_.verbose && (host.muted_ || level > TOKENWARD_LOG_WARNING)) return;
    (void)std::fprintf(stderr, "tokenward: %s: %.*s\n", level_name(level), static_cast<int>(size), message);
}

void report(const Host &host, const CommonOptions &common, const tokenward_error &error, int exit_code) {
    const char *reason = host.library()->reason_name(error.reason);
    (void)std::fprintf(stderr, "tokenward: %s: %s\n", reason, error.message);
    if (error.hint[0] != '\0') (void)std::fprintf(stderr, "  hint: %s\n", error.hint);
    if (!common.json) return;
    JsonWriter json;
    json.text("result", "error").text("reason", reason).number("code", error.reason);
    json.text("message", error.message).text_or_null("hint", error.hint).number("exit", exit_code);
    say(json.finish());
}

}  // namespace tokenward::cli
