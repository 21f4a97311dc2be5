// Runs a part of a test in a forked child: what it does to its process is gone with it.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tokenward::support {

/// How a child ended: its exit code, or 200 + N if signal N ended it.
inline int wait_for_child(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

/// What `body` returns in a child, 0 to 199. A child that hangs is ended by SIGALRM.
template <class Body>
int in_child(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        ::_exit(body());
    }
    return wait_for_child(child);
}

}  // namespace tokenward::support
