/* A bounded MQTT 3.1.1 client for broker.sh: raw sockets, loopback, one thread.
 *
 *     mqtt_load PORT BROKER_PID USER PASSWORD_FILE connects|publishes COUNT
 *
 * connects:  COUNT times: TCP connect, CONNECT, CONNACK, DISCONNECT, close.
 * publishes: one connection, COUNT messages of QoS 0, then PINGREQ; over when PINGRESP comes.
 * An empty USER: no credentials. Prints wall time and the broker's own CPU time, in microseconds per operation.
 */
#define _POSIX_C_SOURCE 200809L
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    exit(1);
}

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* CPU time of the broker's main thread: the first number of schedstat, in nanoseconds. */
static double broker_us(const char *pid) {
    char path[64];
    unsigned long long running = 0;
    FILE *file;
    snprintf(path, sizeof path, "/proc/%s/schedstat", pid);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%llu", &running) != 1) die(path);
    fclose(file);
    return (double)running / 1e3;
}

static void send_all(int socket, const unsigned char *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
        if (sent <= 0) die("send");
        data += sent;
        size -= (size_t)sent;
    }
}

static void expect(int socket, const unsigned char *wanted, size_t size) {
    unsigned char got[8];
    size_t have = 0;
    while (have < size) {
        ssize_t n = recv(socket, got + have, size - have, 0);
        if (n <= 0) die("recv");
        have += (size_t)n;
    }
    if (memcmp(got, wanted, size) != 0) {
        fprintf(stderr, "the broker answered %02x %02x %02x %02x\n", got[0], got[1], got[2], got[3]);
        exit(1);
    }
}

static size_t put_text(unsigned char *out, const char *text, size_t size) {
    out[0] = (unsigned char)(size >> 8);
    out[1] = (unsigned char)size;
    memcpy(out + 2, text, size);
    return size + 2;
}

/* Fixed header with the remaining length; the body follows. */
static size_t put_head(unsigned char *out, unsigned char type, size_t length) {
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

static unsigned char connect_packet[20000];
static size_t connect_size;

static void make_connect(const char *user, const char *password) {
    static unsigned char body[19000];
    size_t n = put_text(body, "MQTT", 4);
    body[n++] = 4;
    body[n++] = user[0] != '\0' ? 0xC2 : 0x02; /* clean session, and the credentials */
    body[n++] = 0;
    body[n++] = 60;
    n += put_text(body + n, "bench-client", 12);
    if (user[0] != '\0') {
        if (strlen(user) + strlen(password) > 18000) die("password");
        n += put_text(body + n, user, strlen(user));
        n += put_text(body + n, password, strlen(password));
    }
    connect_size = put_head(connect_packet, 0x10, n);
    memcpy(connect_packet + connect_size, body, n);
    connect_size += n;
}

static int open_client(uint16_t port) {
    static const unsigned char connack[] = {0x20, 2, 0, 0};
    struct sockaddr_in address;
    struct timeval limit = {10, 0};
    struct linger gone = {1, 0}; /* no TIME_WAIT: thousands of ports would stay taken */
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
    send_all(fd, connect_packet, connect_size);
    expect(fd, connack, sizeof connack);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof gone);
    return fd;
}

static void publish(int fd, long count) {
    static const unsigned char ping[] = {0xC0, 0};
    static const unsigned char pong[] = {0xD0, 0};
    static unsigned char batch[65536];
    unsigned char message[128];
    unsigned char body[100];
    size_t n = put_text(body, "sensors/room1/temperature", 25);
    size_t size;
    size_t filled = 0;
    long i;
    memcpy(body + n, "21.5 degrees", 12);
    n += 12;
    size = put_head(message, 0x30, n);
    memcpy(message + size, body, n);
    size += n;
    for (i = 0; i < count; ++i) {
        if (filled + size > sizeof batch) {
            send_all(fd, batch, filled);
            filled = 0;
        }
        memcpy(batch + filled, message, size);
        filled += size;
    }
    send_all(fd, batch, filled);
    send_all(fd, ping, sizeof ping);
    expect(fd, pong, sizeof pong);
}

int main(int argc, char **argv) {
    static const unsigned char disconnect[] = {0xE0, 0};
    char password[18001] = "";
    uint16_t port;
    long count, i;
    double wall, broker;
    if (argc != 7) {
        fprintf(stderr, "usage: mqtt_load PORT BROKER_PID USER PASSWORD_FILE connects|publishes COUNT\n");
        return 2;
    }
    port = (uint16_t)atoi(argv[1]);
    count = atol(argv[6]);
    if (argv[3][0] != '\0') {
        FILE *file = fopen(argv[4], "r");
        if (file == NULL || fgets(password, sizeof password, file) == NULL) die(argv[4]);
        password[strcspn(password, "\n")] = '\0';
        fclose(file);
    }
    make_connect(argv[3], password);
    if (strcmp(argv[5], "connects") == 0) {
        wall = now_us();
        broker = broker_us(argv[2]);
        for (i = 0; i < count; ++i) {
            int fd = open_client(port);
            send_all(fd, disconnect, sizeof disconnect);
            close(fd);
        }
    } else {
        int fd = open_client(port);
        wall = now_us();
        broker = broker_us(argv[2]);
        publish(fd, count);
        close(fd);
    }
    printf("%.2f %.2f\n", (now_us() - wall) / (double)count, (broker_us(argv[2]) - broker) / (double)count);
    return 0;
}
