#ifndef HOOKLINE_CLINUXSHIMS_H
#define HOOKLINE_CLINUXSHIMS_H
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

/// The credentials that the kernel recorded for the peer of a Unix socket at connect(2): SO_PEERCRED, unix(7).
///
/// Glibc declares `struct ucred` only under _GNU_SOURCE, which Swift's module map does not set.
struct hookline_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

/// Fills `peer`; 0, or -1 with errno.
int hookline_peer_credentials(int fd, struct hookline_peer *peer);

/// The peer's supplementary groups (SO_PEERGROUPS): writes up to `capacity` of them into `groups`.
///
/// Returns how many the peer has, which may be more than `capacity`; -1 with errno.
ssize_t hookline_peer_groups(int fd, gid_t *groups, size_t capacity);

/// Names the calling thread, at most 15 characters: pthread_setname_np(3), which needs _GNU_SOURCE.
void hookline_name_thread(const char *name);

/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC; the connection's descriptor, or -1 with errno.
int hookline_accept(int fd);

/// Whether there is a socket at the path (lstat(2)): 1, or 0 for something else; -1 with errno.
///
/// `struct stat` is declared by several C modules, and which of them Swift takes it from depends on what else is imported.
int hookline_is_socket(const char *path);

/// What tells a file from any other while it is open: its file system and its number there.
struct hookline_file_identity {
    uint64_t device;
    uint64_t inode;
};

/// Fills `identity` for a descriptor, or, where it is -1, for a path whose last part is not followed: statx(2) that asks for
/// nothing else. 0, or -1 with errno.
///
/// stat(2) would ask for the times, too. Since Linux 6.13 a file whose times were asked for gets a finer one with its next
/// write, so that its inode is dirty again, where otherwise it is once in some milliseconds; and ext4 without a journal then
/// writes the inode with each fdatasync(2).
int hookline_identify_file(int fd, const char *path, struct hookline_file_identity *identity);

/// A clock of clock_gettime(2) in nanoseconds: CLOCK_MONOTONIC, CLOCK_REALTIME. Both are always there.
///
/// `struct timespec` is one of those that several C modules declare.
int64_t hookline_clock(int clock);

/// pthread_cond_timedwait(3) until a time of the condition's clock in nanoseconds; 0, or an error number such as ETIMEDOUT.
int hookline_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t due);

/// Reads the beginning of a regular file that root owns and nobody else may write; no symbolic link is followed, open(2)
/// O_NOFOLLOW. Owner and mode are those of the file that was opened.
///
/// Returns how many bytes it has put into the buffer; -1 if there is no such file, with errno.
ssize_t hookline_read_roots_file(const char *path, void *buffer, size_t capacity);

/// Gives memory that was freed back to the kernel: malloc_trim(3), which is an extension of glibc's.
void hookline_release_memory(void);

/// Lets go of the code that has been mapped into memory so far: what is needed again comes back from the page cache.
///
/// For the end of start-up, and for a quiet time: most of what has run does not run again soon, and file-backed pages that are
/// mapped count as the process's (proc(5), VmRSS). Only read-only, never written parts of the executable and its libraries are
/// touched.
void hookline_release_code(void);

#endif
