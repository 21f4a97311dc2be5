/* A bounded MQTT 3.1.1 client for broker.sh: raw sockets, loopback, one thread.
 *
 *     mqtt_load PORT BROKER_PID USER PASSWORD_FILE WHAT COUNT
 *
 * connects:   COUNT times: TCP connect, CONNECT, CONNACK, DISCONNECT, close.
 * publishes:  one connection, COUNT messages of QoS 0 to one topic, then PINGREQ; over when PINGRESP comes.
 * deliveries: the same to 1000 topics in turn, with a second connection that subscribes to sensors/#, and gets all.
 * new_topics: the same, each message to a topic of its own.
 * An empty USER: no credentials. Prints wall time and the broker's own CPU time, in microseconds per operation.
 */
#define _POSIX_C_SOURCE 200809L
#include "mqtt_packets.h"

#include <sys/time.h>
#include <unistd.h>

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

static unsigned char connect_packet[20000];
static size_t connect_size;
static size_t connect_name; /* where the last byte of the client identifier is */

static void make_connect(const char *user, const char *password) {
    static unsigned char body[19000];
    size_t n = put_text(body, "MQTT", 4);
    size_t name;
    body[n++] = 4;
    body[n++] = user[0] != '\0' ? 0xC2 : 0x02; /* clean session, and the credentials */
    body[n++] = 0;
    body[n++] = 60;
    n += put_text(body + n, "bench-client", 12);
    name = n - 1;
    if (user[0] != '\0') {
        if (strlen(user) + strlen(password) > 18000) die("password");
        n += put_text(body + n, user, strlen(user));
        n += put_text(body + n, password, strlen(password));
    }
    connect_size = put_head(connect_packet, 0x10, n);
    connect_name = connect_size + name;
    memcpy(connect_packet + connect_size, body, n);
    connect_size += n;
}

static int open_client(uint16_t port, char last_of_name) {
    static const unsigned char connack[] = {0x20, 2, 0, 0};
    struct timeval limit = {10, 0};
    struct linger gone = {1, 0}; /* no TIME_WAIT: thousands of ports would stay taken */
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect_loopback(fd, port) != 0) die("connect");
    connect_packet[connect_name] = (unsigned char)last_of_name;
    send_all(fd, connect_packet, connect_size);
    expect(fd, connack, sizeof connack);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof gone);
    return fd;
}

static int open_subscriber(uint16_t port) {
    static const unsigned char subscribe[] = {0x82, 14, 0, 1, 0, 9, 's', 'e', 'n', 's', 'o', 'r', 's', '/', '#', 0};
    static const unsigned char suback[] = {0x90, 3, 0, 1, 0};
    int fd = open_client(port, '2');
    send_all(fd, subscribe, sizeof subscribe);
    expect(fd, suback, sizeof suback);
    return fd;
}

static void receive(int fd, size_t size) {
    static unsigned char buffer[65536];
    while (size > 0) {
        ssize_t n = recv(fd, buffer, size < sizeof buffer ? size : sizeof buffer, 0);
        if (n <= 0) die("a message did not arrive");
        size -= (size_t)n;
    }
}

/* subscriber: -1: none. topics: how many there are. All names and messages have one length. */
static void publish(int fd, int subscriber, long count, long topics) {
    static const unsigned char ping[] = {0xC0, 0};
    static const unsigned char pong[] = {0xD0, 0};
    static unsigned char batch[65536];
    char topic[48];
    unsigned char body[100];
    size_t filled = 0;
    long i;
    for (i = 0; i < count; ++i) {
        size_t n;
        snprintf(topic, sizeof topic, "sensors/%08ld/heat/temp", i % topics);
        n = put_text(body, topic, strlen(topic));
        memcpy(body + n, "21.5 degrees", 12);
        n += 12;
        if (filled + n + 5 > sizeof batch) {
            send_all(fd, batch, filled);
            if (subscriber >= 0) receive(subscriber, filled);
            filled = 0;
        }
        filled += put_head(batch + filled, 0x30, n);
        memcpy(batch + filled, body, n);
        filled += n;
    }
    send_all(fd, batch, filled);
    if (subscriber >= 0) receive(subscriber, filled);
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
        fprintf(stderr,
                "usage: mqtt_load PORT BROKER_PID USER PASSWORD_FILE connects|publishes|deliveries|new_topics COUNT\n");
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
            int fd = open_client(port, '1');
            send_all(fd, disconnect, sizeof disconnect);
            close(fd);
        }
    } else {
        const int alone = strcmp(argv[5], "publishes") == 0;
        const long topics = alone ? 1 : strcmp(argv[5], "deliveries") == 0 ? 1000 : count;
        int fd = open_client(port, '1');
        int subscriber = alone ? -1 : open_subscriber(port);
        wall = now_us();
        broker = broker_us(argv[2]);
        publish(fd, subscriber, count, topics);
        if (subscriber >= 0) close(subscriber);
        close(fd);
    }
    printf("%.2f %.2f\n", (now_us() - wall) / (double)count, (broker_us(argv[2]) - broker) / (double)count);
    return 0;
}
