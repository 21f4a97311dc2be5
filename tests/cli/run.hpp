// Runs a program to its end and keeps what it said.
#pragma once

#include <string>
#include <vector>

namespace tokenward::cli {

struct Outcome {
    int exit_code = -1;  ///< -1: it didn't exit by itself
    std::string out;
    std::string err;
};

/// argv[0] is the path. `input` becomes its standard input.
Outcome run(const std::vector<std::string> &argv, const std::string &input = {});

}  // namespace tokenward::cli
