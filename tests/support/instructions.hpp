// How many instructions a piece of code takes: the same on every machine, however busy it is.
#pragma once

#include <csignal>
#include <cstddef>
#include <functional>
#include <optional>

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tokenward::support {

/// Runs `body` in a child process, one instruction after the other (a few microseconds each), and gives up behind
/// `limit` of them. Empty if the system doesn't let a process trace its child. Throwing counts as never ending.
inline std::optional<std::size_t> count_instructions(const std::function<void()> &body, std::size_t limit) {
    const pid_t child = ::fork();
    if (child < 0) return std::nullopt;
    if (child == 0) {
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
        ::raise(SIGSTOP);
        try {
            body();
        } catch (...) {
            for (;;) ::pause();
        }
        ::raise(SIGSTOP);
        ::_exit(0);
    }
    int status = 0;
    std::optional<std::size_t> count;
    if (::waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
        count = 0;
        while (*count < limit && ::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) == 0 &&
               ::waitpid(child, &status, 0) == child && WIFSTOPPED(status) && WSTOPSIG(status) != SIGSTOP) {
            ++*count;
        }
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    return count;
}

}  // namespace tokenward::support
