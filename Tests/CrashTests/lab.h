// What the parts of the preloaded library share, and what a test tells them. faults.py has the same layout.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// What a file descriptor is; a fault names the ones that it hits by bits.
enum kind { UNKNOWN, FOREIGN, TCP, SEGMENT, INDEX, SNAPSHOT, DIRECTORY, OTHER };

enum operation {
    OP_FDATASYNC, OP_FSYNC, OP_WRITE, OP_CREATE, OP_RENAME, OP_UNLINK, OP_TRUNCATE, OP_ALLOCATE, OPERATIONS
};

enum point {
    NOWHERE, ANY_CALL, AFTER_WRITE, AFTER_SYNC, SEGMENT_CREATED, SEGMENT_UNLISTED, COMPACTION_BEFORE, COMPACTION_AFTER,
    INDEX_BEFORE, INDEX_AFTER, SNAPSHOT_BEFORE, SNAPSHOT_AFTER, REMOVAL, DELIVERY
};

struct fault {
    int64_t error;        // errno; 0: no fault
    int64_t first, last;  // the calls that fail, counted from 1; last 0: all that follow
    int64_t least;        // of a write's bytes: smaller ones go through, as on a disk that is nearly full
    int64_t files;        // bits by kind; 0: every file of the state directory
    int64_t seen;         // calls counted so far
    int64_t failed;       // calls that were made to fail
};

// Shared memory: the test changes it while the daemon runs.
struct control {
    int64_t bytes;  // of this structure: both sides must mean the same
    int64_t seed;
    int64_t sync_delay_ms;
    int64_t short_writes, interruptions;  // in a thousand
    int64_t point, point_number, point_seen;
    int64_t died_at;
    int64_t power_cut;  // dying loses what was not synced
    int64_t lying;      // syncs of segments make nothing durable: what a campaign must find out
    int64_t syncs;      // fdatasync calls on segments that have returned 0
    int64_t calls;      // on files of the state directory
    struct fault faults[OPERATIONS];
};

extern struct control *control;

// Set while the library works for itself: its own calls go straight through.
extern __thread int lab_inside;

uint64_t lab_random(void);

// What a power cut would lose: every call below is a note, and power_cut_now() acts on them. All do nothing unless
// power cuts are on.
void note_write(int fd, off_t offset, size_t count);
uint64_t note_sync_begins(void);
void note_sync_ended(int fd, uint64_t begun, int succeeded);
void note_created(const char *path);
void note_rename_begins(const char *from, const char *to);
void note_unlink_begins(const char *path);
void note_directory_synced(int fd);
void power_cut_now(void);
