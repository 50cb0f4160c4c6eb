// Preloaded into the daemon: makes calls on files of its state directory fail, wait or stop half-way, and ends the
// process at named places. FAULTS_CONTROL names the control file (see lab.h), FAULTS_DIRECTORY the state directory.
// Without them every call goes straight through.
#define _GNU_SOURCE
#include "lab.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control *control;
__thread int lab_inside;
static const char *directory;
static size_t directory_length;

#define REAL(name) \
    ({ static void *found; \
       if (!found) found = dlsym(RTLD_NEXT, #name); \
       (__typeof__(&name))found; })

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL");
    directory = getenv("FAULTS_DIRECTORY");
    if (!path || !directory) return;
    directory_length = strlen(directory);
    // No daemon outlives the test that started it, however that ends.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
    void *memory = fd < 0 ? MAP_FAILED
                          : mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED || ((struct control *)memory)->bytes != sizeof(struct control)) {
        fprintf(stderr, "faults: %s is no control file of this layout\n", path);
        abort();
    }
    REAL(close)(fd);
    control = memory;
}

uint64_t lab_random(void) {
    static uint64_t count;
    uint64_t x = (uint64_t)control->seed + 0x9E3779B97F4A7C15u * (1 + __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED));
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static int happens(int64_t in_a_thousand) {
    return in_a_thousand > 0 && (int64_t)(lab_random() % 1000) < in_a_thousand;
}

// MARK: What a file is

static int ends(const char *text, const char *with) {
    size_t a = strlen(text), b = strlen(with);
    return a >= b && strcmp(text + a - b, with) == 0;
}

static enum kind kind_of_path(const char *path) {
    if (!control || lab_inside) return FOREIGN;
    if (strncmp(path, directory, directory_length) != 0) return FOREIGN;
    if (path[directory_length] == 0 || ends(path, "/journal")) return DIRECTORY;
    if (path[directory_length] != '/') return FOREIGN;
    if (ends(path, ".seg")) return SEGMENT;
    if (ends(path, ".idx")) return INDEX;
    if (strstr(path, "/registrations.json")) return SNAPSHOT;
    return OTHER;
}

// By descriptor, so that each is looked at once; close() and rename() forget.
static unsigned char kinds[65536];

static enum kind kind_of(int fd) {
    if (!control || lab_inside || fd < 0 || fd >= (int)sizeof kinds) return FOREIGN;
    enum kind kind = __atomic_load_n(&kinds[fd], __ATOMIC_RELAXED);
    if (kind != UNKNOWN) return kind;
    int saved = errno, domain;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0) {
        kind = domain == AF_INET || domain == AF_INET6 ? TCP : FOREIGN;
    } else {
        char link[64], path[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t count = readlink(link, path, sizeof path - 1);
        path[count < 0 ? 0 : count] = 0;
        kind = kind_of_path(path);
    }
    __atomic_store_n(&kinds[fd], kind, __ATOMIC_RELAXED);
    errno = saved;
    return kind;
}

int close(int fd) {
    if (control && fd >= 0 && fd < (int)sizeof kinds) __atomic_store_n(&kinds[fd], UNKNOWN, __ATOMIC_RELAXED);
    return REAL(close)(fd);
}

// MARK: Ends and failures

static void reach(enum point point) {
    if (__atomic_load_n(&control->point, __ATOMIC_ACQUIRE) != point) return;
    if (__atomic_add_fetch(&control->point_seen, 1, __ATOMIC_ACQ_REL) != control->point_number) return;
    control->died_at = point;
    power_cut_now();
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// Counts a call on a file of the state directory.
static void count_call(void) {
    __atomic_add_fetch(&control->calls, 1, __ATOMIC_RELAXED);
    reach(ANY_CALL);
}

// The errno that this call must fail with; 0: none.
static int sized_fault(enum operation operation, enum kind kind, size_t bytes) {
    struct fault *fault = &control->faults[operation];
    int64_t error = __atomic_load_n(&fault->error, __ATOMIC_ACQUIRE);
    if (error == 0 || (fault->files && !(fault->files >> kind & 1))) return 0;
    if ((int64_t)bytes < fault->least) return 0;
    int64_t seen = __atomic_add_fetch(&fault->seen, 1, __ATOMIC_ACQ_REL);
    if (seen < fault->first || (fault->last && seen > fault->last)) return 0;
    __atomic_add_fetch(&fault->failed, 1, __ATOMIC_RELAXED);
    return (int)error;
}

static int fault(enum operation operation, enum kind kind) { return sized_fault(operation, kind, SIZE_MAX >> 1); }

static int is_ours(enum kind kind) { return kind >= SEGMENT; }

// MARK: Syncing

static int synced(int fd, int (*real)(int), enum operation operation) {
    enum kind kind = kind_of(fd);
    if (!is_ours(kind)) return real(fd);
    count_call();
    if (kind == DIRECTORY) reach(SEGMENT_UNLISTED);
    int64_t delay = control->sync_delay_ms;
    if (delay > 0 && kind != DIRECTORY) {
        struct timespec time = {delay / 1000, delay % 1000 * 1000000};
        while (nanosleep(&time, &time) != 0 && errno == EINTR) {}
    }
    uint64_t begun = note_sync_begins();
    int error = fault(operation, kind);
    // As on Linux: what could not be written is forgotten, and the next call may succeed.
    int result = error ? -1 : real(fd);
    if (!error) error = errno;
    if (kind == DIRECTORY) {
        if (result == 0) note_directory_synced(fd);
    } else if (!control->lying || kind != SEGMENT) {
        note_sync_ended(fd, begun, result == 0);
    }
    if (result == 0 && kind == SEGMENT) {
        __atomic_add_fetch(&control->syncs, 1, __ATOMIC_ACQ_REL);
        reach(AFTER_SYNC);
    }
    errno = error;
    return result;
}

int fdatasync(int fd) { return synced(fd, REAL(fdatasync), OP_FDATASYNC); }
int fsync(int fd) { return synced(fd, REAL(fsync), OP_FSYNC); }

// MARK: Writing

// Whether a write may go on, and how much of it: fewer bytes than asked for is a short write.
static int may_write(int fd, enum kind kind, off_t offset, size_t *count) {
    count_call();
    if (happens(control->interruptions)) {
        errno = EINTR;
        return 0;
    }
    int error = sized_fault(OP_WRITE, kind, *count);
    if (error) {
        errno = error;
        return 0;
    }
    if (*count > 1 && happens(control->short_writes)) *count = 1 + lab_random() % (*count - 1);
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
    note_write(fd, offset, *count);
    return 1;
}

static ssize_t written(enum kind kind, ssize_t result) {
    if (result > 0 && kind == SEGMENT) reach(AFTER_WRITE);
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    enum kind kind = kind_of(fd);
    if (!is_ours(kind)) return REAL(pwrite)(fd, bytes, count, offset);
    if (!may_write(fd, kind, offset, &count)) return -1;
    return written(kind, REAL(pwrite)(fd, bytes, count, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) { return pwrite(fd, bytes, count, offset); }

ssize_t pwritev(int fd, const struct iovec *parts, int number, off_t offset) {
    enum kind kind = kind_of(fd);
    if (!is_ours(kind)) return REAL(pwritev)(fd, parts, number, offset);
    if (number < 0 || number > IOV_MAX) {
        errno = EINVAL;
        return -1;
    }
    size_t total = 0, count;
    for (int i = 0; i < number; i++) total += parts[i].iov_len;
    count = total;
    if (!may_write(fd, kind, offset, &count)) return -1;
    struct iovec some[number > 0 ? number : 1];
    int used = 0;
    for (; used < number && count > 0; used++) {
        some[used] = parts[used];
        if (some[used].iov_len > count) some[used].iov_len = count;
        count -= some[used].iov_len;
    }
    return written(kind, REAL(pwritev)(fd, some, used, offset));
}

ssize_t pwritev64(int fd, const struct iovec *parts, int number, off_t offset) {
    return pwritev(fd, parts, number, offset);
}

// A request that goes out to a receiver.
static void sent(int fd, const void *bytes, size_t count, ssize_t result) {
    if (result >= 5 && count >= 5 && control && control->point == DELIVERY && kind_of(fd) == TCP &&
        memcmp(bytes, "POST ", 5) == 0) {
        reach(DELIVERY);
    }
}

ssize_t write(int fd, const void *bytes, size_t count) {
    enum kind kind = kind_of(fd);
    if (is_ours(kind)) {
        if (!may_write(fd, kind, -1, &count)) return -1;
        return written(kind, REAL(write)(fd, bytes, count));
    }
    ssize_t result = REAL(write)(fd, bytes, count);
    sent(fd, bytes, count, result);
    return result;
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
    ssize_t result = REAL(writev)(fd, parts, number);
    if (number > 0) sent(fd, parts[0].iov_base, parts[0].iov_len, result);
    return result;
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    ssize_t result = REAL(send)(fd, bytes, count, flags);
    sent(fd, bytes, count, result);
    return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    ssize_t result = REAL(sendmsg)(fd, message, flags);
    if (message->msg_iovlen > 0) sent(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, result);
    return result;
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
    if (is_ours(kind_of(fd))) {
        if (happens(control->interruptions)) {
            errno = EINTR;
            return -1;
        }
        if (count > 1 && happens(control->short_writes)) count = 1 + lab_random() % (count - 1);
    }
    return REAL(pread)(fd, bytes, count, offset);
}

ssize_t pread64(int fd, void *bytes, size_t count, off_t offset) { return pread(fd, bytes, count, offset); }

// MARK: Space

int ftruncate(int fd, off_t length) {
    enum kind kind = kind_of(fd);
    if (is_ours(kind)) {
        count_call();
        int error = fault(OP_TRUNCATE, kind);
        if (error) {
            errno = error;
            return -1;
        }
    }
    return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

int posix_fallocate(int fd, off_t offset, off_t length) {
    enum kind kind = kind_of(fd);
    if (is_ours(kind)) {
        count_call();
        if (happens(control->interruptions)) return EINTR;
        int error = fault(OP_ALLOCATE, kind);
        if (error) return error;
    }
    return REAL(posix_fallocate)(fd, offset, length);
}

int posix_fallocate64(int fd, off_t offset, off_t length) { return posix_fallocate(fd, offset, length); }

int fallocate(int fd, int mode, off_t offset, off_t length) {
    enum kind kind = kind_of(fd);
    if (is_ours(kind)) {
        count_call();
        int error = fault(OP_ALLOCATE, kind);
        if (error) {
            errno = error;
            return -1;
        }
    }
    return REAL(fallocate)(fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off_t offset, off_t length) { return fallocate(fd, mode, offset, length); }

// MARK: Names

// The errno for an open that creates; notes what it makes.
static int may_create(const char *path, int flags, int *is_new) {
    *is_new = 0;
    if (!(flags & O_CREAT)) return 0;
    enum kind kind = kind_of_path(path);
    if (!is_ours(kind)) return 0;
    count_call();
    int saved = errno;
    *is_new = access(path, F_OK) != 0;
    errno = saved;
    return fault(OP_CREATE, kind);
}

static int created(const char *path, int fd, int is_new) {
    if (is_new && fd >= 0) {
        note_created(path);
        if (kind_of_path(path) == SEGMENT) reach(SEGMENT_CREATED);
    }
    return fd;
}

#define MODE(flags) \
    ({ mode_t mode = 0; \
       if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
           va_list list; \
           va_start(list, flags); \
           mode = va_arg(list, mode_t); \
           va_end(list); \
       } \
       mode; })

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        mode_t mode = MODE(flags); \
        int is_new, error = may_create(path, flags, &is_new); \
        if (error) { \
            errno = error; \
            return -1; \
        } \
        return created(path, REAL(name)(path, flags, mode), is_new); \
    }

#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        mode_t mode = MODE(flags); \
        int is_new, error = may_create(path, flags, &is_new); \
        if (error) { \
            errno = error; \
            return -1; \
        } \
        return created(path, REAL(name)(at, path, flags, mode), is_new); \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int rename(const char *from, const char *to) {
    enum kind kind = kind_of_path(to);
    if (!is_ours(kind)) return REAL(rename)(from, to);
    count_call();
    if (kind == SEGMENT) reach(COMPACTION_BEFORE);
    if (kind == INDEX) reach(INDEX_BEFORE);
    if (kind == SNAPSHOT) reach(SNAPSHOT_BEFORE);
    int error = fault(OP_RENAME, kind);
    if (error) {
        errno = error;
        return -1;
    }
    note_rename_begins(from, to);
    int result = REAL(rename)(from, to);
    if (result == 0) {
        // An open descriptor may have a name of another kind now.
        for (size_t fd = 0; fd < sizeof kinds; fd++) __atomic_store_n(&kinds[fd], UNKNOWN, __ATOMIC_RELAXED);
        if (kind == SEGMENT) reach(COMPACTION_AFTER);
        if (kind == INDEX) reach(INDEX_AFTER);
        if (kind == SNAPSHOT) reach(SNAPSHOT_AFTER);
    }
    return result;
}

int unlink(const char *path) {
    enum kind kind = kind_of_path(path);
    if (!is_ours(kind)) return REAL(unlink)(path);
    count_call();
    int error = fault(OP_UNLINK, kind);
    if (error) {
        errno = error;
        return -1;
    }
    note_unlink_begins(path);
    int result = REAL(unlink)(path);
    if (result == 0 && kind == SEGMENT) reach(REMOVAL);
    return result;
}
