// Each case runs in a child process, which has a standard error of its own.
#include "base/standard_error.hpp"

#include "support/in_child.hpp"

#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tokenward {
namespace {

using support::in_child;

void fill(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    const std::string chunk(4096, 'x');
    while (::write(fd, chunk.data(), chunk.size()) > 0) {
    }
    while (::write(fd, "x", 1) > 0) {
    }
    ::fcntl(fd, F_SETFL, 0);
}

std::string drain(int fd) {
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    std::string all;
    char chunk[65536];
    for (ssize_t count = 0; (count = ::read(fd, chunk, sizeof chunk)) > 0;)
        all.append(chunk, static_cast<std::size_t>(count));
    return all;
}

}  // namespace

TEST(StandardError, AFullPipeCostsTheLineAndTheNextOneTellsIt) {
    EXPECT_EQ(in_child([] {
                  int ends[2];
                  if (::pipe(ends) != 0 || ::dup2(ends[1], 2) != 2) return 1;
                  fill(2);
                  StandardError error;
                  error.write("info", "first");
                  error.write("info", "second");
                  if (::fcntl(2, F_GETFL) & O_NONBLOCK) return 2;  // the flags are the host's
                  drain(ends[0]);
                  error.write("info", "third");
                  const std::string seen = drain(ends[0]);
                  return seen == "tokenward warning: 2 log lines were left out: standard error took none\n"
                                 "tokenward info: third\n"
                             ? 0
                             : 3;
              }),
              0);
}

TEST(StandardError, APipeThatNobodyReadsDoesntKill) {
    EXPECT_EQ(in_child([] {
                  ::signal(SIGPIPE, SIG_DFL);
                  int ends[2];
                  if (::pipe(ends) != 0 || ::dup2(ends[1], 2) != 2) return 1;
                  ::close(ends[0]);
                  ::close(ends[1]);
                  if (write_to_standard_error("a line\n")) return 2;
                  struct sigaction now {};
                  ::sigaction(SIGPIPE, nullptr, &now);
                  if (now.sa_handler != SIG_DFL) return 3;
                  sigset_t mask;
                  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
                  return ::sigismember(&mask, SIGPIPE) == 0 ? 0 : 4;
              }),
              0);
}

TEST(StandardError, ASigpipeThatWaitedBeforeStillWaits) {
    EXPECT_EQ(in_child([] {
                  sigset_t sigpipe;
                  ::sigemptyset(&sigpipe);
                  ::sigaddset(&sigpipe, SIGPIPE);
                  ::pthread_sigmask(SIG_BLOCK, &sigpipe, nullptr);
                  ::raise(SIGPIPE);
                  int ends[2];
                  if (::pipe(ends) != 0 || ::dup2(ends[1], 2) != 2) return 1;
                  if (!write_to_standard_error("a line\n")) return 2;
                  sigset_t pending;
                  ::sigpending(&pending);
                  return ::sigismember(&pending, SIGPIPE) == 1 ? 0 : 3;
              }),
              0);
}

TEST(StandardError, ASocketThatIsFullOrGoneNeitherBlocksNorKills) {
    EXPECT_EQ(in_child([] {
                  ::signal(SIGPIPE, SIG_DFL);
                  int ends[2];
                  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || ::dup2(ends[1], 2) != 2) return 1;
                  if (!write_to_standard_error("a line\n") || drain(ends[0]) != "a line\n") return 2;
                  fill(2);
                  if (write_to_standard_error("a line\n")) return 3;
                  ::close(ends[0]);
                  return write_to_standard_error("a line\n") ? 4 : 0;
              }),
              0);
}

TEST(StandardError, AFileIsWrittenWhereTheHostStands) {
    char path[] = "/tmp/tokenward-stderr-XXXXXX";
    const int file = ::mkstemp(path);
    ASSERT_GE(file, 0);
    EXPECT_EQ(in_child([file] {
                  if (::dup2(file, 2) != 2 || ::write(2, "host\n", 5) != 5) return 1;
                  if (!write_to_standard_error("ours\n")) return 2;
                  return ::write(2, "host\n", 5) == 5 ? 0 : 3;
              }),
              0);
    ::lseek(file, 0, SEEK_SET);
    EXPECT_EQ(drain(file), "host\nours\nhost\n");
    ::close(file);
    ::unlink(path);
}

TEST(StandardError, ATerminalThatIsStoppedDoesntBlock) {
    EXPECT_EQ(in_child([] {
                  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
                  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return 1;
                  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
                  const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
                  if (terminal < 0 || ::dup2(terminal, 2) != 2) return 2;
                  // Nobody reads, and the kernel moves bytes on when it likes.
                  for (int line = 0; line < 1'000'000; ++line) {
                      if (!write_to_standard_error("a line\n")) return 0;
                  }
                  return 3;
              }),
              0);
}

TEST(StandardError, ADescriptorThatIsClosedIsNoMatter) {
    EXPECT_EQ(in_child([] {
                  ::close(2);
                  return write_to_standard_error("a line\n") ? 1 : 0;
              }),
              0);
}

}  // namespace tokenward
