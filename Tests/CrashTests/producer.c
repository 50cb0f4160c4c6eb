/* producer SOCKET COUNT [FIRST-ID [data]]: writes events as fast as they are taken, reads the replies beside it, and
 * prints "seconds refused duplicates". With FIRST-ID events have ids counted up from it, else none; with "data" the same
 * number stands in their data instead, which makes lines as long that need no deduplication. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LINES_A_WRITE = 512, LINE_MAX_BYTES = 640 };

static int connection;
static long wanted, refused, duplicates;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *read_replies(void *unused) {
    static char buffer[1 << 20];
    size_t kept = 0;
    for (long taken = 0; taken < wanted;) {
        ssize_t count = read(connection, buffer + kept, sizeof buffer - kept);
        if (count <= 0) break;
        char *line = buffer, *end = buffer + kept + count, *stop;
        while ((stop = memchr(line, '\n', (size_t)(end - line)))) {
            if (memmem(line, (size_t)(stop - line), "\"ok\":false", 10)) refused++;
            if (memmem(line, (size_t)(stop - line), "\"duplicate\":true", 16)) duplicates++;
            taken++;
            line = stop + 1;
        }
        kept = (size_t)(end - line);
        memmove(buffer, line, kept);
    }
    return unused;
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    wanted = atol(argv[2]);
    long id = argc > 3 ? atol(argv[3]) : -1;
    const char *format =
        argc > 4 ? "{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":{\"id\":\"n-%ld\",\"text\":\"%s\"}}\n"
                 : "{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"id\":\"n-%ld\",\"data\":{\"text\":\"%s\"}}\n";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
    connection = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address)) {
        perror(argv[1]);
        return 1;
    }
    char padding[331];
    memset(padding, 'x', 330);
    padding[330] = 0;
    pthread_t reader;
    double begun = now();
    pthread_create(&reader, NULL, read_replies, NULL);
    static char lines[LINES_A_WRITE * LINE_MAX_BYTES];
    for (long sent = 0; sent < wanted;) {
        size_t length = 0;
        for (int n = 0; n < LINES_A_WRITE && sent < wanted; n++, sent++) {
            if (id >= 0)
                length += (size_t)sprintf(lines + length, format, id++, padding);
            else
                length += (size_t)sprintf(
                    lines + length, "{\"event\":\"job.closed\",\"tenantId\":\"acme\",\"data\":{\"text\":\"%s\"}}\n",
                    padding);
        }
        for (size_t done = 0; done < length;) {
            ssize_t count = write(connection, lines + done, length - done);
            if (count <= 0) {
                perror("write");
                return 1;
            }
            done += (size_t)count;
        }
    }
    shutdown(connection, SHUT_WR);
    pthread_join(reader, NULL);
    printf("%.3f %ld %ld\n", now() - begun, refused, duplicates);
    return 0;
}
