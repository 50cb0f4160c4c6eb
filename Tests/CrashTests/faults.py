"""Faults for the daemon: builds the preloaded library and writes its control file (lab.h has the same layout)."""

import ctypes
import mmap
import os
import subprocess

SOURCE = os.path.dirname(os.path.abspath(__file__))

KINDS = {name: 1 << number for number, name in enumerate(
    ["unknown", "foreign", "tcp", "segment", "index", "snapshot", "directory", "other"])}

OPERATIONS = ["fdatasync", "fsync", "write", "create", "rename", "unlink", "truncate", "allocate"]

# Kill points by number; "any-call" counts every call on a file of the state directory.
POINTS = [
    "nowhere", "any-call", "after-write", "after-sync", "segment-created", "segment-unlisted", "compaction-before",
    "compaction-after", "index-before", "index-after", "snapshot-before", "snapshot-after", "removal", "delivery",
]


class Fault(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ["error", "first", "last", "least", "files", "seen", "failed"]]


class Layout(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in [
        "bytes", "seed", "sync_delay_ms", "short_writes", "interruptions", "point", "point_number", "point_seen",
        "died_at", "power_cut", "lying", "syncs", "calls"]] + [("faults", Fault * len(OPERATIONS))]


def build(directory):
    """Compiles the library; returns its path."""
    library = os.path.join(directory, "faults.so")
    sources = [os.path.join(SOURCE, name) for name in ["interpose.c", "powercut.c"]]
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, *sources, "-ldl", "-lpthread"],
        check=True, timeout=60)
    return library


class Faults:
    """One control file, for one daemon after the other on the same state directory."""

    def __init__(self, library, path, state_directory):
        self.environment = {
            "LD_PRELOAD": library, "FAULTS_CONTROL": path, "FAULTS_DIRECTORY": os.path.realpath(state_directory)}
        with open(path, "w+b") as file:
            file.truncate(ctypes.sizeof(Layout))
            self.memory = mmap.mmap(file.fileno(), ctypes.sizeof(Layout))
        # Each member is one aligned store: the daemon reads while this writes.
        self.control = Layout.from_buffer(self.memory)
        self.control.bytes = ctypes.sizeof(Layout)

    def fail(self, operation, error, first=1, last=0, least=0, files=()):
        """Makes calls fail with an errno: from the `first` on to the `last` (0: for good), on some kinds of files,
        and writes of at least so many bytes."""
        fault = self.control.faults[OPERATIONS.index(operation)]
        fault.error = 0
        fault.first, fault.last, fault.seen, fault.failed = first, last, 0, 0
        fault.least = least
        fault.files = sum(KINDS[name] for name in files)
        fault.error = error

    def failures(self, operation):
        """How many calls were made to fail since the fault was set."""
        return self.control.faults[OPERATIONS.index(operation)].failed

    def stop(self, operation):
        self.control.faults[OPERATIONS.index(operation)].error = 0

    def die_at(self, point, number=1, power_cut=False):
        """Ends the daemon at the given visit of a point; with a power cut, it loses what was not synced."""
        self.control.point = 0
        self.control.power_cut = 1 if power_cut else 0
        self.control.point_number, self.control.point_seen, self.control.died_at = number, 0, 0
        self.control.point = POINTS.index(point)

    @property
    def died_at(self):
        return POINTS[self.control.died_at]

    def clear(self):
        for operation in OPERATIONS:
            self.stop(operation)
        self.die_at("nowhere")
        self.control.sync_delay_ms = self.control.short_writes = self.control.interruptions = 0
