// Loses what a power cut may lose. Killing a process loses nothing that it has written: the kernel keeps it. So this
// remembers what no sync has made durable yet, and takes a random part of it away before the process ends:
//
// - of each file, pages written since its last successful sync get their old contents back; a sync that failed makes
//   nothing durable, not even if a later one succeeds;
// - of a directory, the last few creations, renames and removals since its last fsync are undone, in reverse order,
//   as a file system with a log would.
#define _GNU_SOURCE
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, FILES = 128, CHANGES = 512 };

struct piece {
    struct piece *older;
    off_t offset;
    size_t count;
    uint64_t number;
    int is_forgotten;  // its sync failed
    char old[];
};

struct file {
    dev_t device;
    ino_t inode;
    int fd;  // of our own: the daemon may close its
    off_t synced_size;
    struct piece *pieces;  // newest first
};

struct change {
    enum { CREATED, RENAMED, REMOVED } what;
    char path[PATH_MAX / 8], to[PATH_MAX / 8];
    int kept;  // number of a link to what was there before; 0: none
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file files[FILES];
static struct change changes[CHANGES];
static int change_count, links;
static uint64_t pieces;

// Whether there is something to note; then the lock is held, and leave() is due.
static int enter(void) {
    if (!control || !control->power_cut || lab_inside) return 0;
    lab_inside = 1;
    pthread_mutex_lock(&lock);
    return 1;
}

static void leave(int saved) {
    pthread_mutex_unlock(&lock);
    lab_inside = 0;
    errno = saved;
}

// MARK: Contents

static struct file *file_of(int fd, int make) {
    struct stat status;
    if (fstat(fd, &status) != 0) return NULL;
    struct file *unused = NULL;
    for (int i = 0; i < FILES; i++) {
        struct file *file = &files[i];
        if (!file->pieces) {
            if (!unused) unused = file;
        } else if (file->inode == status.st_ino && file->device == status.st_dev) {
            return file;
        }
    }
    if (!make || !unused) return NULL;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (unused->fd > 0) close(unused->fd);
    *unused = (struct file){status.st_dev, status.st_ino, open(path, O_RDWR | O_CLOEXEC), status.st_size, NULL};
    return unused->fd > 0 ? unused : NULL;
}

void note_write(int fd, off_t offset, size_t count) {
    int saved = errno;
    if (!enter()) return;
    struct piece *piece = calloc(1, sizeof *piece + count);
    struct file *file = piece ? file_of(fd, 1) : NULL;
    if (file) {
        if (pread(file->fd, piece->old, count, offset) < 0) memset(piece->old, 0, count);
        // A page that is written to again is written out again.
        for (struct piece *other = file->pieces; other; other = other->older) {
            if (other->offset < offset + (off_t)count && offset < other->offset + (off_t)other->count) {
                other->is_forgotten = 0;
            }
        }
        piece->offset = offset;
        piece->count = count;
        piece->number = ++pieces;
        piece->older = file->pieces;
        file->pieces = piece;
    } else {
        free(piece);
    }
    leave(saved);
}

uint64_t note_sync_begins(void) {
    int saved = errno;
    if (!enter()) return 0;
    uint64_t number = pieces;
    leave(saved);
    return number;
}

void note_sync_ended(int fd, uint64_t begun, int succeeded) {
    int saved = errno;
    if (!enter()) return;
    struct file *file = file_of(fd, 0);
    struct stat status;
    if (file && succeeded && fstat(fd, &status) == 0) file->synced_size = status.st_size;
    for (struct piece **place = file ? &file->pieces : NULL; place && *place;) {
        struct piece *piece = *place;
        if (piece->number <= begun && !succeeded) piece->is_forgotten = 1;
        if (piece->number <= begun && !piece->is_forgotten) {
            *place = piece->older;
            free(piece);
        } else {
            place = &piece->older;
        }
    }
    leave(saved);
}

static void lose_contents(struct file *file) {
    struct stat status;
    if (fstat(file->fd, &status) != 0) return;
    // All of it, nothing, or some pages here and there.
    uint64_t choice = lab_random(), how = control->lying ? 0 : choice % 3;
    if (how == 1) return;
    for (struct piece *piece = file->pieces; piece; piece = piece->older) {
        off_t end = piece->offset + (off_t)piece->count;
        if (end > status.st_size) end = status.st_size;
        for (off_t at = piece->offset; at < end;) {
            off_t next = (at / PAGE + 1) * PAGE;
            if (next > end) next = end;
            // The same page has the same fate in every piece.
            uint64_t fate = (choice ^ (uint64_t)(at / PAGE)) * 0x9E3779B97F4A7C15u >> 63;
            if (how == 0 || fate) pwrite(file->fd, piece->old + (at - piece->offset), (size_t)(next - at), at);
            at = next;
        }
    }
    if (how == 0 && file->synced_size < status.st_size) ftruncate(file->fd, file->synced_size);
}

// MARK: Names

static const char *kept_name(int number, char *buffer, size_t size) {
    snprintf(buffer, size, "%s.%d.kept", getenv("FAULTS_CONTROL"), number);
    return buffer;
}

// Under the lock. A second name for what a change takes away.
static int keep(const char *path) {
    char name[PATH_MAX];
    int number = ++links;
    unlink(kept_name(number, name, sizeof name));
    return link(path, name) == 0 ? number : 0;
}

static void note_change(int what, const char *path, const char *to) {
    int saved = errno;
    if (strlen(path) >= PATH_MAX / 8 || strlen(to) >= PATH_MAX / 8 || !enter()) return;
    if (change_count < CHANGES) {
        struct change *change = &changes[change_count++];
        change->what = what;
        strcpy(change->path, path);
        strcpy(change->to, to);
        change->kept = what == CREATED ? 0 : keep(what == RENAMED ? to : path);
    }
    leave(saved);
}

void note_created(const char *path) { note_change(CREATED, path, ""); }
void note_rename_begins(const char *from, const char *to) { note_change(RENAMED, from, to); }
void note_unlink_begins(const char *path) { note_change(REMOVED, path, ""); }

static int is_in(const char *path, const char *directory, size_t length) {
    return strncmp(path, directory, length) == 0 && path[length] == '/' && !strchr(path + length + 1, '/');
}

void note_directory_synced(int fd) {
    int saved = errno;
    if (!enter()) return;
    char link[64], directory[PATH_MAX], name[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, directory, sizeof directory - 1);
    int left = 0;
    for (int i = 0; i < change_count && length > 0; i++) {
        if (is_in(changes[i].path, directory, (size_t)length)) {
            if (changes[i].kept) unlink(kept_name(changes[i].kept, name, sizeof name));
        } else {
            changes[left++] = changes[i];
        }
    }
    if (length > 0) change_count = left;
    leave(saved);
}

static void undo(const struct change *change) {
    char name[PATH_MAX];
    switch (change->what) {
    case CREATED:
        unlink(change->path);
        break;
    case RENAMED:
        rename(change->to, change->path);
        if (change->kept) rename(kept_name(change->kept, name, sizeof name), change->to);
        break;
    case REMOVED:
        if (change->kept && access(change->path, F_OK) != 0) {
            rename(kept_name(change->kept, name, sizeof name), change->path);
        }
    }
}

void power_cut_now(void) {
    // Never left: whoever writes or has synced from now on waits here for the end, so no reply follows from it.
    if (!enter()) return;
    for (int i = 0; i < FILES; i++) {
        if (files[i].pieces) lose_contents(&files[i]);
    }
    int lost = change_count > 0 ? (int)(lab_random() % (uint64_t)(change_count + 1)) : 0;
    for (int i = change_count - 1; i >= change_count - lost; i--) undo(&changes[i]);
}
