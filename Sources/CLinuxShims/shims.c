#define _GNU_SOURCE
#include "CLinuxShims.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

int hookline_is_socket(const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0) return -1;
    return S_ISSOCK(status.st_mode) ? 1 : 0;
}

int hookline_identify_file(int fd, const char *path, struct hookline_file_identity *identity) {
    struct statx status;
    int done = fd >= 0 ? statx(fd, "", AT_EMPTY_PATH, STATX_INO, &status)
                       : statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &status);
    if (done != 0) return -1;
    identity->device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
    identity->inode = status.stx_ino;
    return 0;
}

void hookline_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}

int hookline_accept(int fd) {
    return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int64_t hookline_clock(int clock) {
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int hookline_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t due) {
    struct timespec time = {due / 1000000000, due % 1000000000};
    return pthread_cond_timedwait(condition, lock, &time);
}

ssize_t hookline_read_roots_file(const char *path, void *buffer, size_t capacity) {
    // Not blocking: a FIFO would wait for its writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return -1;
    struct stat status;
    ssize_t count = -1;
    if (fstat(fd, &status) == 0) {
        if (S_ISREG(status.st_mode) && status.st_uid == 0 && !(status.st_mode & (S_IWGRP | S_IWOTH))) {
            count = read(fd, buffer, capacity);
        } else {
            errno = EPERM;
        }
    }
    int code = errno;
    close(fd);
    errno = code;
    return count;
}

static int release_object(struct dl_phdr_info *object, size_t size, void *page_bytes) {
    (void)size;
    uintptr_t page = *(const uintptr_t *)page_bytes;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        // Code is mapped privately and never written, not even by the dynamic linker.
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) || (segment->p_flags & PF_W)) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
        // A refusal (the vDSO) leaves things as they are.
        if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void hookline_release_memory(void) { malloc_trim(0); }

void hookline_release_code(void) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    dl_iterate_phdr(release_object, &page);
}
