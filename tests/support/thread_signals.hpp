// The blocked signals of this process's threads, as /proc tells them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace tokenward::support {

/// One mask for each thread of that name. The C library blocks all signals for the moment in which a thread
/// begins.
inline std::vector<std::uint64_t> blocked_signals_of(const std::string &thread_name) {
    std::vector<std::uint64_t> masks;
    for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream status(task.path() / "status");
        std::string line;
        std::string name;
        while (std::getline(status, line)) {
            if (line.starts_with("Name:\t")) name = line.substr(6);
            if (line.starts_with("SigBlk:\t") && name == thread_name)
                masks.push_back(std::stoull(line.substr(8), nullptr, 16));
        }
    }
    return masks;
}

inline bool is_blocked(std::uint64_t mask, int signal) {
    return (mask >> (signal - 1) & 1U) != 0;
}

}  // namespace tokenward::support
