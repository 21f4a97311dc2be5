/* Preloaded into a broker: its wall clock is so many seconds off as a file says (8 bytes, a signed number). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t offset(void) {
    static const volatile int64_t *mapped;
    const char *path = getenv("TOKENWARD_TEST_CLOCK");
    if (mapped == NULL && path != NULL) {
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *mapped, PROT_READ, MAP_SHARED, fd, 0);
        if (fd >= 0) (void)close(fd);
        if (page != MAP_FAILED) mapped = page;
    }
    return mapped == NULL ? 0 : *mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*original)(clockid_t, struct timespec *);
    int result;
    if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, "clock_gettime");
    result = original(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*original)(struct timeval *, void *);
    int result;
    if (original == NULL) *(void **)&original = dlsym(RTLD_NEXT, "gettimeofday");
    result = original(now, zone);
    if (result == 0) now->tv_sec += offset();
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}
