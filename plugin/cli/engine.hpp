// The library as the commands use it: found, loaded, and a backend made from the command line's options.
#pragma once

#include "backend.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tokenward::cli {

/// Options that every command has.
struct CommonOptions {
    std::string library;                    ///< --library; empty: next to this program, else by soname
    std::vector<std::string> config_files;  ///< --config
    unsigned wait_seconds = 10;             ///< --wait: for the first keys, and for a key that is being fetched
    bool json = false;
    bool verbose = false;
};

/// The library and, if asked for, a backend. A problem is told to standard error.
class Engine {
  public:
    explicit Engine(const CommonOptions &options) : options_(options) {}

    /// False: the library can't be loaded.
    [[nodiscard]] bool load();

    /// False: create does not wait for keys, for commands that need none.
    void wait_for_keys(bool wait) { wait_for_keys_ = wait; }

    /// Creates the backend, waiting for the first keys; false and error otherwise. config_json wins
    /// over the files.
    [[nodiscard]] bool create(std::string_view config_json);

    /// Reads the configuration without starting anything: its settings as JSON, or false and error().
    [[nodiscard]] bool check_config(std::string &json);

    [[nodiscard]] const host::Library &library() const { return library_; }
    [[nodiscard]] tokenward_backend *backend() const { return backend_.get(); }
    [[nodiscard]] const tokenward_error &error() const { return error_; }

    /// Log lines of level warning and worse go to standard error until told otherwise; with --verbose all do.
    void mute(bool muted) { muted_ = muted; }

  private:
    [[nodiscard]] tokenward_options library_options(std::string_view config_json);
    static void receive_log(void *user, std::int32_t level, const char *message, std::size_t size);

    const CommonOptions &options_;
    host::Library library_;
    std::vector<tokenward_string> paths_;
    tokenward_error error_ = host::sized<tokenward_error>();
    bool muted_ = false;
    bool wait_for_keys_ = true;
    host::Backend backend_;  // the last member: it ends first, and may log while it does
};

/// Tells why a command can't go on: to standard error, and with --json as one object to standard output too.
void report(const Engine &engine, const CommonOptions &common, const tokenward_error &error, int exit_code);

}  // namespace tokenward::cli
