/* A reconnect storm for storm.sh: many MQTT 3.1.1 clients that connect at once, on loopback, in one thread.
 *
 *     mqtt_storm PORT CREDENTIALS COUNT OTHER LIMIT_S
 *
 * CREDENTIALS: a file with a username, a space and a password in each line, one for each client. OTHER: such a file with one line, of
 * a client that is there before: it sends a message of QoS 1 each 10 ms, and waits for its PUBACK; "-": none.
 * All come as fast as the broker's listen queue takes them (100 without an answer at a time: Mosquitto's queue; the kernel makes
 * whoever finds it full wait a second, which would hide what the broker does). A client that is accepted stays. One that the broker refuses by CONNACK is done. One whose connection closes without a CONNACK, or
 * can't be made, comes again after 0.5 to 1.5 s. Prints JSON: how many were accepted, refused, tried in vain until LIMIT_S; the
 * seconds until the last answer; from the storm's beginning to each client's answer, and the other client's round trips.
 */
#define _GNU_SOURCE
#include "mqtt_packets.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { largest_packet = 70000, tick_ms = 5, ping_ms = 10, retry_ms = 500, retry_spread_ms = 1000, most_unanswered = 100 };

enum state { waiting, connecting, asked, in, turned_away };

struct client {
    int fd;
    enum state state;
    double again_at; /* ms, while waiting */
    double answered; /* ms after the beginning */
    unsigned attempts;
    unsigned char head[4]; /* of the CONNACK, as far as it came */
    unsigned have;
    char *username, *password;
};

static struct client *clients;
static long count;
static uint16_t port;
static int poller;
static double began;
static long open_answers; /* clients without one */
static long unanswered;   /* of them, those that wait for the broker */

static double now_ms(void) {
    return now_us() / 1e3;
}

/* A whole packet: fixed header, then the body. */
static size_t packet(unsigned char *out, unsigned char type, const unsigned char *body, size_t size) {
    size_t n = put_head(out, type, size);
    memcpy(out + n, body, size);
    return n + size;
}

static size_t connect_packet(unsigned char *out, long number, const struct client *client) {
    static unsigned char body[largest_packet];
    char name[32];
    size_t n = put_text(body, "MQTT", strlen("MQTT"));
    body[n++] = 4;
    body[n++] = 0xC2; /* clean session, username and password */
    body[n++] = 0;
    body[n++] = 0; /* no keep alive */
    snprintf(name, sizeof name, "storm-%ld", number);
    n += put_text(body + n, name, strlen(name));
    if (strlen(client->username) + strlen(client->password) > 60000) die("password");
    n += put_text(body + n, client->username, strlen(client->username));
    n += put_text(body + n, client->password, strlen(client->password));
    return packet(out, 0x10, body, n);
}

static int new_socket(int flags) {
    int one = 1;
    struct linger gone = {1, 0}; /* no TIME_WAIT: thousands of ports would stay taken */
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof gone);
    return fd;
}

static void come_again(struct client *client) {
    --unanswered;
    close(client->fd);
    client->fd = -1;
    client->have = 0;
    client->state = waiting;
    client->again_at = now_ms() + retry_ms + rand() % retry_spread_ms;
}

static void start(struct client *client) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = client};
    client->fd = new_socket(SOCK_NONBLOCK);
    client->state = connecting;
    ++client->attempts;
    ++unanswered;
    if (connect_loopback(client->fd, port) != 0 && errno != EINPROGRESS) {
        come_again(client);
        return;
    }
    if (epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event) != 0) die("epoll_ctl");
}

static void answered(struct client *client, enum state state) {
    client->state = state;
    client->answered = now_ms() - began;
    --open_answers;
    --unanswered;
    if (state != in) {
        close(client->fd);
        client->fd = -1;
    }
}

static void on_event(struct client *client, uint32_t events) {
    static unsigned char out[largest_packet];
    if (client->state == connecting && (events & EPOLLOUT) != 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        size_t size = connect_packet(out, client - clients, client);
        /* A new connection's buffer takes a packet of some kilobytes whole. */
        if (send(client->fd, out, size, MSG_NOSIGNAL) != (ssize_t)size) {
            come_again(client);
            return;
        }
        client->state = asked;
        epoll_ctl(poller, EPOLL_CTL_MOD, client->fd, &event);
        return;
    }
    if (client->state == asked) {
        ssize_t got = recv(client->fd, client->head + client->have, sizeof client->head - client->have, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            come_again(client);
            return;
        }
        client->have += (unsigned)got;
        if (client->have < sizeof client->head) return;
        answered(client, client->head[3] == 0 ? in : turned_away);
        return;
    }
    if (client->state == connecting) {
        come_again(client);
        return;
    }
    if (client->state == in) { /* the broker closed: it isn't to be told again and again */
        epoll_ctl(poller, EPOLL_CTL_DEL, client->fd, NULL);
    }
}

/* ---- the other client ---------------------------------------------------------------------------------- */

static int other = -1;
static double other_sent, other_next;
static double *round_trips;
static size_t round_trip_count, round_trip_room;

static void start_other(const char *path) {
    static unsigned char out[largest_packet];
    unsigned char connack[4];
    char *line = NULL, *space;
    size_t room = 0;
    struct client who;
    FILE *file = fopen(path, "r");
    memset(&who, 0, sizeof who);
    if (file == NULL || getline(&line, &room, file) <= 0 || (space = strchr(line, ' ')) == NULL) die(path);
    line[strcspn(line, "\n")] = '\0';
    *space = '\0';
    who.username = line;
    who.password = space + 1;
    other = new_socket(0);
    if (connect_loopback(other, port) != 0) die("connect");
    if (send(other, out, connect_packet(out, -1, &who), MSG_NOSIGNAL) <= 0) die("send");
    if (recv(other, connack, sizeof connack, MSG_WAITALL) != sizeof connack || connack[3] != 0) {
        fprintf(stderr, "the other client isn't let in\n");
        exit(1);
    }
    fcntl(other, F_SETFL, O_NONBLOCK);
    fclose(file);
}

/* Its descriptor is among those that wake the loop. */
static void drive_other(void) {
    static const unsigned char message[] = {0x32, 17, 0, 11, 's', 't', 'o', 'r', 'm', '/', 'o', 't', 'h', 'e', 'r', 0, 1, 'm', 'm'};
    unsigned char puback[4];
    double now = now_ms();
    if (other < 0) return;
    if (other_sent == 0 && now >= other_next) {
        if (send(other, message, sizeof message, MSG_NOSIGNAL) != (ssize_t)sizeof message) die("the other client");
        other_sent = now;
        return;
    }
    if (other_sent != 0 && recv(other, puback, sizeof puback, 0) == (ssize_t)sizeof puback) {
        if (round_trip_count == round_trip_room) {
            round_trip_room = round_trip_room * 2 + 1024;
            round_trips = realloc(round_trips, round_trip_room * sizeof *round_trips);
            if (round_trips == NULL) die("realloc");
        }
        round_trips[round_trip_count++] = now_ms() - other_sent;
        other_sent = 0;
        other_next = now + ping_ms;
    }
}

/* ---- numbers --------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void print_times(const char *name, double *times, size_t size) {
    qsort(times, size, sizeof *times, by_size);
    if (size == 0) {
        printf(", \"%s\": null", name);
        return;
    }
    printf(", \"%s\": {\"count\": %zu, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}", name, size, times[size / 2],
           times[size * 99 / 100], times[size - 1]);
}

static void read_clients(const char *path) {
    FILE *file = fopen(path, "r");
    long i;
    if (file == NULL) die(path);
    clients = calloc((size_t)count, sizeof *clients);
    if (clients == NULL) die("calloc");
    for (i = 0; i < count; ++i) {
        char *line = NULL, *space;
        size_t room = 0;
        if (getline(&line, &room, file) <= 0) {
            fprintf(stderr, "%s has less than %ld lines\n", path, count);
            exit(1);
        }
        line[strcspn(line, "\n")] = '\0';
        space = strchr(line, ' ');
        if (space == NULL) die(path);
        *space = '\0';
        clients[i].username = line;
        clients[i].password = space + 1;
        clients[i].fd = -1;
    }
    fclose(file);
}

int main(int argc, char **argv) {
    struct epoll_event events[64];
    struct rlimit files = {0, 0};
    double *times, end, last = 0;
    long i, accepted = 0, refused = 0;
    unsigned long attempts = 0;
    size_t answers = 0;
    if (argc != 6) {
        fprintf(stderr, "usage: mqtt_storm PORT CREDENTIALS COUNT OTHER LIMIT_S\n");
        return 2;
    }
    port = (uint16_t)atoi(argv[1]);
    count = atol(argv[3]);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    read_clients(argv[2]);
    poller = epoll_create1(0);
    if (poller < 0) die("epoll_create1");
    if (strcmp(argv[4], "-") != 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
        start_other(argv[4]);
        if (epoll_ctl(poller, EPOLL_CTL_ADD, other, &event) != 0) die("epoll_ctl");
    }
    began = now_ms();
    end = began + 1e3 * atof(argv[5]);
    open_answers = count;
    while (open_answers > 0 && now_ms() < end) {
        static double next_look;
        static long next; /* the first that hasn't come yet */
        int ready = epoll_wait(poller, events, 64, tick_ms);
        int at;
        for (at = 0; at < ready; ++at) {
            if (events[at].data.ptr == NULL) {
                drive_other();
            } else {
                on_event(events[at].data.ptr, events[at].events);
            }
        }
        drive_other();
        for (; next < count && unanswered < most_unanswered; ++next) start(&clients[next]);
        if (next < count || now_ms() < next_look) continue;
        next_look = now_ms() + tick_ms;
        for (i = 0; i < count && unanswered < most_unanswered; ++i) {
            if (clients[i].state == waiting && clients[i].again_at <= next_look) start(&clients[i]);
        }
    }
    times = malloc((size_t)count * sizeof *times);
    if (times == NULL) die("malloc");
    for (i = 0; i < count; ++i) {
        attempts += clients[i].attempts;
        if (clients[i].state != in && clients[i].state != turned_away) continue;
        accepted += clients[i].state == in;
        refused += clients[i].state == turned_away;
        times[answers++] = clients[i].answered;
        if (clients[i].answered > last) last = clients[i].answered;
    }
    printf("{\"clients\": %ld, \"accepted\": %ld, \"refused\": %ld, \"in_vain\": %ld, \"attempts\": %lu, \"seconds\": %.3f", count,
           accepted, refused, count - accepted - refused, attempts, last / 1e3);
    print_times("answer_ms", times, answers);
    print_times("other_ms", round_trips, round_trip_count);
    printf("}\n");
    return 0;
}
