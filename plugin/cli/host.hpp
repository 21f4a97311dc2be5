// The command line tool as a host: it finds and loads the library, and creates a backend from its arguments.
#pragma once

#include "tokenward.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tokenward::cli {

/// Read where no --config is given.
inline constexpr std::string_view default_config_file = "/etc/tokenward/tokenward.ini";

/// Options that every command has.
struct CommonOptions {
    std::string library;                    ///< --library; empty: by its name
    std::vector<std::string> config_files;  ///< --config
    unsigned wait_seconds = 10;             ///< --wait: the longest wait for the provider's keys
    bool json = false;
    bool verbose = false;
};

/// Holds the library and, after create, a backend.
class Host {
  public:
    explicit Host(const CommonOptions &options) : options_(options) {}

    /// False: the library can't be loaded. Standard error says why.
    [[nodiscard]] bool load();

    /// With false, create doesn't wait for keys: for commands that need none.
    void wait_for_keys(bool wait) { wait_for_keys_ = wait; }

    /// Creates the backend and waits for the first keys. On false, error() says why. config_json wins over the
    /// files.
    [[nodiscard]] bool create(std::string_view config_json);

    /// Reads the configuration and starts nothing: its settings as JSON. On false, error() says why.
    [[nodiscard]] bool check_config(std::string &json);

    [[nodiscard]] const host::Library &library() const { return library_; }
    [[nodiscard]] const host::Backend &backend() const { return backend_; }
    [[nodiscard]] const tokenward_error &error() const { return error_; }

    /// Log lines go to standard error: errors and warnings unless muted, and with --verbose all of them.
    void mute(bool muted) { muted_ = muted; }

  private:
    [[nodiscard]] tokenward_options library_options(std::string_view config_json);
    static void receive_log(void *user, std::int32_t level, const char *message, std::size_t size);

    const CommonOptions &options_;
    host::Library library_;
    std::vector<tokenward_string> paths_;
    host::Error error_;
    bool muted_ = false;
    bool wait_for_keys_ = true;
    host::Backend backend_;  // the last member: it is destroyed first, and may log meanwhile
};

/// Says on standard error why a command can't go on, and with --json on standard output as one object.
void report(const Host &host, const CommonOptions &common, const tokenward_error &error, int exit_code);

}  // namespace tokenward::cli
