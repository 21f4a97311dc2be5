/* What the programs that are MQTT clients over raw sockets share: packets and sockets of loopback. */
#ifndef TOKENWARD_BENCH_MQTT_PACKETS_H
#define TOKENWARD_BENCH_MQTT_PACKETS_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static inline void die(const char *what) {
    perror(what);
    exit(1);
}

static inline double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static inline size_t put_text(unsigned char *out, const char *text, size_t size) {
    out[0] = (unsigned char)(size >> 8);
    out[1] = (unsigned char)size;
    memcpy(out + 2, text, size);
    return size + 2;
}

/* Fixed header with the remaining length; the body follows. */
static inline size_t put_head(unsigned char *out, unsigned char type, size_t length) {
    size_t n = 0;
    out[n++] = type;
    do {
        out[n] = length % 128;
        length /= 128;
        if (length > 0) out[n] |= 128;
        ++n;
    } while (length > 0);
    return n;
}

static inline int connect_loopback(int fd, uint16_t port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

#endif
