/* What the work costs at the least: the same calls to the kernel, and nothing else.
 *
 *   baseline server SOCKET FILE       takes lines: reads what is there, writes it, fdatasync, one reply a line; until
 *                                     it is killed
 *   baseline sync FILE COUNT BYTES    so many times write and fdatasync, one after the other
 *   baseline floor FILE PORT COUNT RATE BYTES
 *                                     at a rate: write, fdatasync, and a POST to 127.0.0.1, kept alive; each body says
 *                                     when it began ("sent", CLOCK_MONOTONIC, nanoseconds)
 *
 * The last two print a line of JSON: seconds, and how many were done. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 4 << 20, CONNECTIONS_MAX = 256 };

static const char reply[] = "{\"ok\":true,\"id\":\"evt_00000000000000000000000000\",\"webhooks\":0}\n";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_file(const char *path) {
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0) fail(path);
    return file;
}

static void write_all(int descriptor, const char *bytes, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t count = write(descriptor, bytes + done, length - done);
        if (count < 0) fail("write");
        done += (size_t)count;
    }
}

static void serve(const char *path, const char *file_path) {
    static char batch[BATCH], replies[BATCH];
    int file = open_file(file_path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) fail(path);
    int poller = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.fd = listener}};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event ready[CONNECTIONS_MAX];
        int count = epoll_wait(poller, ready, CONNECTIONS_MAX, -1), answered = 0;
        struct { int descriptor; size_t lines; } due[CONNECTIONS_MAX];
        size_t length = 0;
        for (int n = 0; n < count; n++) {
            if (ready[n].data.fd == listener) {
                struct epoll_event added = {EPOLLIN, {.fd = accept(listener, NULL, NULL)}};
                if (added.data.fd < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, added.data.fd, &added)) fail("accept");
                continue;
            }
            size_t begun = length, lines = 0, share = (BATCH - length) / (size_t)(count - n);
            ssize_t got = 1;
            while (length - begun < share
                   && (got = recv(ready[n].data.fd, batch + length, share - (length - begun), MSG_DONTWAIT)) > 0)
                length += (size_t)got;
            for (char *at = batch + begun, *end = batch + length; (at = memchr(at, '\n', (size_t)(end - at))); at++)
                lines++;
            if (got == 0) close(ready[n].data.fd);
            else if (lines) {
                due[answered].descriptor = ready[n].data.fd;
                due[answered++].lines = lines;
            }
        }
        if (!length) continue;
        write_all(file, batch, length);
        if (fdatasync(file)) fail("fdatasync");
        for (int n = 0; n < answered; n++) {
            size_t bytes = 0;
            for (size_t line = 0; line < due[n].lines; line++, bytes += sizeof reply - 1)
                memcpy(replies + bytes, reply, sizeof reply - 1);
            write_all(due[n].descriptor, replies, bytes);
        }
    }
}

static void finish(double begun, long count) { printf("{\"seconds\": %.6f, \"count\": %ld}\n", now() - begun, count); }

static void sync_each(const char *path, long count, size_t bytes) {
    int file = open_file(path);
    char *record = malloc(bytes);
    memset(record, 'x', bytes);
    double begun = now();
    for (long n = 0; n < count; n++) {
        write_all(file, record, bytes);
        if (fdatasync(file)) fail("fdatasync");
    }
    finish(begun, count);
}

static void post_each(const char *path, int port, long count, double rate, int bytes) {
    int file = open_file(path), receiver = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(receiver, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(receiver, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    char *request = malloc((size_t)bytes + 512), *padding = malloc((size_t)bytes + 1), answer[4096];
    memset(padding, 'x', (size_t)bytes);
    padding[bytes] = 0;
    prctl(PR_SET_TIMERSLACK, 1);
    double begun = now();
    for (long n = 0; n < count; n++) {
        double due = begun + (double)n / rate;
        struct timespec time = {(time_t)due, (long)((due - (double)(time_t)due) * 1e9)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR) {}
        clock_gettime(CLOCK_MONOTONIC, &time);
        int length = sprintf(
            request, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            "Content-Length: %d\r\n\r\n", bytes);
        int head = sprintf(
            request + length, "{\"sent\":1%018ld,\"text\":\"", time.tv_sec * 1000000000L + time.tv_nsec);
        sprintf(request + length + head, "%.*s\"}", bytes - head - 2, padding);
        write_all(file, request, (size_t)(length + bytes));
        if (fdatasync(file)) fail("fdatasync");
        write_all(receiver, request, (size_t)(length + bytes));
        if (read(receiver, answer, sizeof answer) <= 0) fail("answer");
    }
    finish(begun, count);
}

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "server")) serve(argv[2], argv[3]);
    else if (argc == 5 && !strcmp(argv[1], "sync")) sync_each(argv[2], atol(argv[3]), (size_t)atol(argv[4]));
    else if (argc == 7 && !strcmp(argv[1], "floor"))
        post_each(argv[2], atoi(argv[3]), atol(argv[4]), atof(argv[5]), atoi(argv[6]));
    else return 64;
    return 0;
}
