#include "engine.hpp"

#include "json.hpp"
#include "output.hpp"

#include <cstdio>
#include <filesystem>
#include <system_error>

namespace tokenward::cli {
namespace {

/// In the build folder the library lies in the sibling room; installed, the dynamic loader knows it.
std::string library_beside_program() {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return {};
    const auto candidate = program.parent_path().parent_path() / "tokenward" / TOKENWARD_HOST_SONAME;
    return std::filesystem::is_regular_file(candidate, error) ? candidate.string() : std::string();
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

bool Engine::load() {
    const std::string path = options_.library.empty() ? library_beside_program() : options_.library;
    const std::string problem = library_.open(path);
    if (problem.empty()) return true;
    (void)std::fprintf(stderr, "tokenward: %s\n  hint: give the path of libtokenward.so.1 by --library\n",
                       problem.c_str());
    return false;
}

tokenward_options Engine::library_options(std::string_view config_json) {
    paths_.clear();
    for (const std::string &file : options_.config_files) paths_.push_back(host::borrow(file));
    // The library looks for its default file only if it is given nothing at all, and we may give JSON.
    static constexpr std::string_view default_file = "/etc/tokenward/tokenward.ini";
    if (paths_.empty()) paths_.push_back(host::borrow(default_file));
    auto options = host::sized<tokenward_options>();
    options.config_files = paths_.data();
    options.config_file_count = paths_.size();
    options.config_json = host::borrow(config_json);
    options.startup_wait_ms = wait_for_keys_ ? options_.wait_seconds * 1000 : 0;
    options.max_wait_ms = options_.wait_seconds * 1000;
    options.log = receive_log;
    options.log_user = this;
    return options;
}

bool Engine::create(std::string_view config_json) {
    const tokenward_options options = library_options(config_json);
    tokenward_backend *backend = nullptr;
    if (library_->create(&options, &backend, &error_) != TOKENWARD_OK) return false;
    backend_ = host::own(library_, backend);
    return true;
}

bool Engine::check_config(std::string &json) {
    const tokenward_options options = library_options({});
    return host::read_text(json, [&](char *buffer, std::size_t size, std::size_t *length) {
               return library_->config_check(&options, buffer, size, length, &error_);
           }) == TOKENWARD_OK;
}

void Engine::receive_log(void *user, std::int32_t level, const char *message, std::size_t size) {
    const Engine &engine = *static_cast<const Engine *>(user);
    if (!engine.options_.verbose && (engine.muted_ || level > TOKENWARD_LOG_WARNING)) return;
    (void)std::fprintf(stderr, "tokenward: %s: %.*s\n", level_name(level), static_cast<int>(size), message);
}

void report(const Engine &engine, const CommonOptions &common, const tokenward_error &error, int exit_code) {
    const char *reason = engine.library()->reason_name(error.reason);
    (void)std::fprintf(stderr, "tokenward: %s: %s\n", reason, error.message);
    if (error.hint[0] != '\0') (void)std::fprintf(stderr, "  hint: %s\n", error.hint);
    if (!common.json) return;
    JsonLine json;
    json.text("result", "error").text("reason", reason).number("code", error.reason);
    json.text("message", error.message).text_or_null("hint", error.hint).number("exit", exit_code);
    say(json.finish());
}

}  // namespace tokenward::cli
