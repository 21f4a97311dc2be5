#include "base/descriptor.hpp"

#include "support/in_child.hpp"

#include <cerrno>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace tokenward {
namespace {

/// What `body` returns in a child whose standard descriptors are closed.
template <class Body>
int without_standard_descriptors(Body body) {
    return support::in_child([&body] {
        for (const int standard : {0, 1, 2}) ::close(standard);
        return body();
    });
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}

}  // namespace

TEST(Descriptor, ALowOneIsMovedUp) {
    EXPECT_EQ(without_standard_descriptors([] {
                  const int fd = above_standard(::open("/dev/null", O_RDONLY | O_CLOEXEC));
                  if (fd < 3) return 1;
                  if (is_open(0) || is_open(1) || is_open(2)) return 2;
                  return ::fcntl(fd, F_GETFD) == FD_CLOEXEC ? 0 : 3;
              }),
              0);
}

TEST(Descriptor, AHighOneAndNoneStay) {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(above_standard(fd), fd);
    EXPECT_TRUE(is_open(fd));
    ::close(fd);
    errno = ENXIO;
    EXPECT_EQ(above_standard(-1), -1);
    EXPECT_EQ(errno, ENXIO);
}

TEST(Descriptor, WhereThereIsNoOtherNothingStaysOpen) {
    EXPECT_EQ(without_standard_descriptors([] {
                  const rlimit three{3, 3};
                  ::setrlimit(RLIMIT_NOFILE, &three);
                  if (above_standard(::open("/dev/null", O_RDONLY | O_CLOEXEC)) != -1) return 1;
                  return errno == 0 || is_open(0) ? 2 : 0;
              }),
              0);
}

TEST(Descriptor, WhileTheyAreTakenWhatIsOpenedIsHigher) {
    EXPECT_EQ(without_standard_descriptors([] {
                  {
                      const StandardDescriptorsTaken taken;
                      if (::open("/dev/null", O_RDONLY | O_CLOEXEC) < 3) return 1;
                  }
                  return is_open(0) || is_open(1) || is_open(2) ? 2 : 0;
              }),
              0);
}

}  // namespace tokenward
