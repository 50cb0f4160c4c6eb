/* load SOCKET [-n EVENTS] [-c CONNECTIONS] [-b BYTES] [-i FIRST] [-r RATE] [-w SECONDS] [-T TENANT] [-1] [-x]
 *
 * Writes events of so many bytes (their LF counted) to a Unix socket, over all connections, and takes their replies:
 * as fast as they are taken, at a rate (-r, events a second), or one at a time (-1: the next after the reply). -i gives
 * them ids that count up from there; lines are as long without. Each says when it was written ("sent", CLOCK_MONOTONIC,
 * nanoseconds) if there is a rate. -x: nothing replies (syslog-ng), and all is done when all was read from the socket.
 * -w bounds the whole in seconds. Prints a line of JSON: seconds, events written, replies, refusals, duplicates, and
 * the processor time of this program in seconds. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LINES_A_WRITE = 256, BYTES_MAX = 4096, SEND_BUFFER = 1 << 20 };

struct connection {
    int descriptor;
    char *lines;          /* LINES_A_WRITE of them */
    size_t done, length;  /* of what is being written */
    long sent, wanted, replied;
    size_t column;        /* in the reply that is being read */
};

static long events = 1000, connections = 1, bytes = 430, first_id = -1, refused, duplicates, written;
static double rate, seconds_max = 60;
static int one_at_a_time, no_replies;
static const char *tenant = "acme";
static size_t id_at, number_at, sent_at;
static char template[BYTES_MAX];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void digits(char *at, int count, long value) {
    for (int place = count - 1; place >= 0; place--, value /= 10) at[place] = (char)('0' + value % 10);
}

static void make_template(void) {
    char id[40] = "";
    if (first_id >= 0) strcpy(id, "\"id\":\"n-0000000000\",");
    int head = sprintf(
        template, "{\"event\":\"job.closed\",\"tenantId\":\"%s\",%s\"data\":{\"sent\":0000000000000000000,"
        "\"number\":1000000000,\"text\":\"", tenant, id);
    if (bytes < head + 5 || bytes > BYTES_MAX) {
        fprintf(stderr, "an event has %d to %d bytes\n", head + 5, BYTES_MAX);
        exit(64);
    }
    memset(template + head, 'x', (size_t)(bytes - head - 4));
    memcpy(template + bytes - 4, "\"}}\n", 4);
    /* JSON has no numbers that begin with 0. */
    sent_at = (size_t)(strstr(template, "\"sent\":") - template) + 7;
    template[sent_at] = '1';
    number_at = (size_t)(strstr(template, "\"number\":1") - template) + 10;
    if (first_id >= 0) id_at = (size_t)(strstr(template, "\"n-") - template) + 3;
}

/* The next events of a connection, not more than so many. */
static void fill(struct connection *c, long count) {
    if (count > c->wanted - c->sent) count = c->wanted - c->sent;
    for (long n = 0; n < count; n++, written++) {
        char *line = c->lines + n * bytes;
        digits(line + number_at, 9, written);
        if (first_id >= 0) digits(line + id_at, 10, first_id + written);
        if (rate > 0) {
            struct timespec time;
            clock_gettime(CLOCK_MONOTONIC, &time);
            /* 19 digits, the first of them a 1 that is no part of the number. */
            digits(line + sent_at + 1, 18, time.tv_sec * 1000000000L + time.tv_nsec);
        }
    }
    c->sent += count;
    c->done = 0;
    c->length = (size_t)(count * bytes);
}

/* Whether all of it went. */
static int write_more(struct connection *c) {
    while (c->done < c->length) {
        ssize_t count = write(c->descriptor, c->lines + c->done, c->length - c->done);
        if (count < 0 && errno == EAGAIN) return 0;
        if (count < 0) fail("write");
        c->done += (size_t)count;
    }
    return 1;
}

static void read_replies(struct connection *c) {
    static char buffer[1 << 18];
    ssize_t count;
    while ((count = read(c->descriptor, buffer, sizeof buffer)) > 0) {
        char *at = buffer, *end = buffer + count, *stop;
        while (at < end) {
            /* {"ok":true or {"ok":false, and a duplicate ends with "duplicate":true}. */
            if (c->column <= 6 && c->column + (size_t)(end - at) > 6 && at[6 - c->column] == 'f') refused++;
            stop = memchr(at, '\n', (size_t)(end - at));
            if (!stop) {
                c->column += (size_t)(end - at);
                break;
            }
            if (stop - at > 16 && !memcmp(stop - 12, "icate\":true}", 12)) duplicates++;
            c->replied++;
            c->column = 0;
            at = stop + 1;
        }
        if (count < (ssize_t)sizeof buffer) break;
    }
    if (count == 0) {
        fprintf(stderr, "the other side closed after %ld replies\n", c->replied);
        exit(1);
    }
    if (count < 0 && errno != EAGAIN) fail("read");
}

static void open_connection(struct connection *c, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    c->descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    int size = SEND_BUFFER;
    setsockopt(c->descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (connect(c->descriptor, (struct sockaddr *)&address, sizeof address)) fail(path);
    fcntl(c->descriptor, F_SETFL, O_NONBLOCK);
    c->lines = malloc((size_t)bytes * LINES_A_WRITE);
    for (int n = 0; n < LINES_A_WRITE; n++) memcpy(c->lines + n * bytes, template, (size_t)bytes);
}

static long replies(struct connection *all) {
    long sum = 0;
    for (long n = 0; n < connections; n++) sum += all[n].replied;
    return sum;
}

/* Events at even distances; connections take turns. */
static void paced(struct connection *all, double end) {
    prctl(PR_SET_TIMERSLACK, 1);
    double begun = now();
    for (long n = 0; n < events && now() < end; n++) {
        double due = begun + (double)n / rate;
        struct timespec time = {(time_t)due, (long)((due - (double)(time_t)due) * 1e9)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {}
        struct connection *c = &all[n % connections];
        fill(c, 1);
        while (!write_more(c) && now() < end) read_replies(c);
        read_replies(c);
    }
    while (replies(all) < written && now() < end)
        for (long n = 0; n < connections; n++) {
            struct pollfd wait = {all[n].descriptor, POLLIN, 0};
            poll(&wait, 1, 10);
            read_replies(&all[n]);
        }
}

static void at_full_speed(struct connection *all, double end) {
    int poller = epoll_create1(0);
    for (long n = 0; n < connections; n++) {
        struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &all[n]}};
        epoll_ctl(poller, EPOLL_CTL_ADD, all[n].descriptor, &event);
    }
    while ((written < events || (!no_replies && replies(all) < events)) && now() < end) {
        struct epoll_event ready[64];
        int count = epoll_wait(poller, ready, 64, 100);
        for (int n = 0; n < count; n++) {
            struct connection *c = ready[n].data.ptr;
            if (!no_replies) read_replies(c);
            while (write_more(c) && c->sent < c->wanted) {
                if (one_at_a_time && c->replied < c->sent) break;
                fill(c, one_at_a_time ? 1 : LINES_A_WRITE);
            }
        }
    }
    /* What is in the sockets is not taken yet. */
    for (long n = 0; n < connections && no_replies; n++)
        for (int waiting = 1; waiting && now() < end; usleep(200))
            if (ioctl(all[n].descriptor, SIOCOUTQ, &waiting)) fail("SIOCOUTQ");
}

int main(int argc, char **argv) {
    if (argc < 2 || argv[1][0] == '-') return 64;
    const char *path = argv[1];
    for (int option; (option = getopt(argc - 1, argv + 1, "n:c:b:i:r:w:T:1x")) != -1;) switch (option) {
        case 'n': events = atol(optarg); break;
        case 'c': connections = atol(optarg); break;
        case 'b': bytes = atol(optarg); break;
        case 'i': first_id = atol(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'w': seconds_max = atof(optarg); break;
        case 'T': tenant = optarg; break;
        case '1': one_at_a_time = 1; break;
        case 'x': no_replies = 1; break;
        default: return 64;
        }
    make_template();
    struct connection *all = calloc((size_t)connections, sizeof *all);
    for (long n = 0; n < connections; n++) {
        all[n].wanted = events / connections + (n < events % connections);
        open_connection(&all[n], path);
    }
    double begun = now();
    (rate > 0 ? paced : at_full_speed)(all, begun + seconds_max);
    double took = now() - begun;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(
        "{\"seconds\": %.6f, \"written\": %ld, \"replies\": %ld, \"refused\": %ld, \"duplicates\": %ld,"
        " \"cpu\": %.6f}\n",
        took, written, replies(all), refused, duplicates,
        (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    return 0;
}
