// The commands of the program. Each returns its exit code.
#pragma once

#include "exit_code.hpp"
#include "host.hpp"
#include "question.hpp"

#include <string>
#include <vector>

namespace tokenward::cli {

struct CheckOptions {
    std::string token_file;
    std::vector<Question> questions;
    bool mqtt = false;      ///< answer as the Mosquitto plugin does
    std::string client_id;  ///< of the client, bound; empty: none
    std::string certificate;  ///< PEM file of the client's TLS certificate; empty: none
};

/// Is this token accepted, and may it do this?
ExitCode check(const CommonOptions &common, const CheckOptions &options);

/// What stands in this token? Verifies nothing. With a configuration (also the default file, if it is there and good)
/// it shows the rights that the token would give, else every scope as a right.
ExitCode inspect(const CommonOptions &common, const std::string &token_file);

/// Which keys does the provider give? With health: exit_no_keys if an issuer has none, or only stale ones.
ExitCode keys(const CommonOptions &common, bool health);

/// Is this configuration good, and what is in force?
ExitCode config(const CommonOptions &common);

struct DenyOptions {
    std::string file;                ///< empty: denied_file of the configuration
    std::string section;             ///< "oauth" or NAME; empty: all sections
    std::vector<std::string> words;  ///< as a line of the file
};

/// Adds a line to denied_file. There already: exit_yes.
ExitCode deny(const CommonOptions &common, const DenyOptions &options);

/// Takes a line away. Not there: exit_no.
ExitCode allow(const CommonOptions &common, const DenyOptions &options);

/// What does this reason mean? Empty: all of them.
ExitCode explain_reason(const CommonOptions &common, const std::string &reason);

/// The versions of this program's interface and of the library.
ExitCode version(const CommonOptions &common);

}  // namespace tokenward::cli
