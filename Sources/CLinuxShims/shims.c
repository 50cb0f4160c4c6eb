#define _GNU_SOURCE
#include "CLinuxShims.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

int hookline_peer_credentials(int fd, struct hookline_peer *peer) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
    peer->pid = credentials.pid;
    peer->uid = credentials.uid;
    peer->gid = credentials.gid;
    return 0;
}

ssize_t hookline_peer_groups(int fd, gid_t *groups, size_t capacity) {
    socklen_t length = (socklen_t)(capacity * sizeof(gid_t));
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) != 0) {
        // ERANGE: the kernel has written the needed length.
        if (errno != ERANGE) return -1;
    }
    return (ssize_t)(length / sizeof(gid_t));
}

void hookline_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

int hookline_accept(int fd) {
    return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
