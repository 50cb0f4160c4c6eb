/* sink PORT-FILE latency COUNT SECONDS    answers every POST with 204 and takes the time from "sent" in its body (see
 *                                         load.c) to its arrival; after COUNT of them or so many seconds it prints
 *                                         JSON: arrived, and p50, p99, p99.9 and the longest in microseconds
 * sink PORT-FILE hang                     takes connections and requests, and never answers
 *
 * Listens on a port of 127.0.0.1 that the kernel chooses, and writes its number into the file. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MAX = 16384, DESCRIPTORS_MAX = 16384 };

struct request {
    size_t length;
    char bytes[REQUEST_MAX];
};

static struct request *requests[DESCRIPTORS_MAX];
static long *latencies, arrived, wanted;
static int hangs;

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int compare(const void *a, const void *b) {
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

static void print(void) {
    qsort(latencies, (size_t)arrived, sizeof *latencies, compare);
    double parts[] = {0.5, 0.99, 0.999, 1}, micros[4] = {0};
    for (int n = 0; n < 4 && arrived; n++) {
        long index = (long)(parts[n] * (double)arrived);
        micros[n] = (double)latencies[index < arrived ? index : arrived - 1] / 1e3;
    }
    printf("{\"arrived\": %ld, \"p50\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f}\n",
           arrived, micros[0], micros[1], micros[2], micros[3]);
}

/* Length of the first request if all of it is there, else 0; it begins with its head in any case. */
static size_t complete(struct request *r) {
    char *end = memmem(r->bytes, r->length, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0;
    char *field = strcasestr(r->bytes, "\r\ncontent-length:");
    size_t total = (size_t)(end + 4 - r->bytes) + (field ? (size_t)atol(field + 17) : 0);
    *end = '\r';
    if (total > REQUEST_MAX) exit(1);
    return r->length >= total ? total : 0;
}

static void take(int descriptor) {
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    struct request *r = requests[descriptor];
    ssize_t count = read(descriptor, r->bytes + r->length, REQUEST_MAX - r->length);
    long at = now();
    if (count <= 0) {
        if (count < 0 && errno == EAGAIN) return;
        close(descriptor);
        free(r);
        requests[descriptor] = NULL;
        return;
    }
    if (hangs) return;
    r->length += (size_t)count;
    for (size_t total; (total = complete(r)); r->length -= total, memmove(r->bytes, r->bytes + total, r->length)) {
        char *sent = memmem(r->bytes, total, "\"sent\":1", 8);
        /* 0: an event of a warm-up. */
        long stamp = sent ? strtol(sent + 8, NULL, 10) : 0;
        if (stamp && arrived < wanted) latencies[arrived++] = at - stamp;
        if (write(descriptor, answer, sizeof answer - 1) < 0 && errno != EPIPE && errno != ECONNRESET) fail("write");
    }
}

static void take_connections(int listener, int poller) {
    int descriptor, yes = 1;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (descriptor >= DESCRIPTORS_MAX) exit(1);
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        requests[descriptor] = calloc(1, sizeof(struct request));
        struct epoll_event event = {EPOLLIN, {.fd = descriptor}};
        epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
    }
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    hangs = !strcmp(argv[2], "hang");
    if (!hangs && argc < 5) return 64;
    wanted = hangs ? 0 : atol(argv[3]);
    latencies = malloc(sizeof *latencies * (size_t)(wanted + 1));
    struct rlimit limit = {DESCRIPTORS_MAX, DESCRIPTORS_MAX};
    setrlimit(RLIMIT_NOFILE, &limit);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    FILE *file = fopen(argv[1], "w");
    if (!file) fail(argv[1]);
    fprintf(file, "%d\n", ntohs(address.sin_port));
    fclose(file);
    int poller = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.fd = listener}};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    long end = now() + (hangs ? 3600 : atol(argv[4])) * 1000000000L;
    while ((hangs || arrived < wanted) && now() < end) {
        struct epoll_event ready[256];
        int count = epoll_wait(poller, ready, 256, 100);
        for (int n = 0; n < count; n++) {
            if (ready[n].data.fd == listener) take_connections(listener, poller);
            else take(ready[n].data.fd);
        }
    }
    if (!hangs) print();
    return 0;
}
