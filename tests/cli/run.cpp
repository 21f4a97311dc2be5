#include "run.hpp"

#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace tokenward::cli {
namespace {

/// A file in memory: no pipe can fill up, and no thread has to read.
class MemoryFile {
  public:
    MemoryFile() : descriptor_(memfd_create("stream", MFD_CLOEXEC)) {
        if (descriptor_ < 0) throw std::runtime_error("memfd_create");
    }
    ~MemoryFile() { close(descriptor_); }
    MemoryFile(const MemoryFile &) = delete;
    MemoryFile &operator=(const MemoryFile &) = delete;

    int descriptor() const { return descriptor_; }

    void fill(const std::string &text) const {
        if (write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            throw std::runtime_error("write");
        lseek(descriptor_, 0, SEEK_SET);
    }
    std::string content() const {
        std::string text(static_cast<std::size_t>(lseek(descriptor_, 0, SEEK_END)), '\0');
        if (pread(descriptor_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
            throw std::runtime_error("pread");
        return text;
    }

  private:
    int descriptor_;
};

}  // namespace

Outcome run(const std::vector<std::string> &argv, const std::string &input) {
    const MemoryFile in;
    const MemoryFile out;
    const MemoryFile err;
    in.fill(input);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.descriptor(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out.descriptor(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err.descriptor(), STDERR_FILENO);
    std::vector<char *> arguments;
    arguments.reserve(argv.size() + 1);
    for (const std::string &argument : argv) arguments.push_back(const_cast<char *>(argument.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    const int error = posix_spawn(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("can't start " + argv[0]);
    int status = 0;
    if (waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid");
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out.content(), err.content()};
}

}  // namespace tokenward::cli
