#!/usr/bin/env python3
"""A disk that is really full: a small ext4 file system with the state directory and a foreign file on it."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

from daemon import eventually
from lab import check_refusal, ids, main, require, started

MEBIBYTE = 1 << 20
DISK_BYTES = 64 * MEBIBYTE
FREE_BYTES = 28 * MEBIBYTE
# Large, so that a disk is full soon, and never the same number of them to a block.
EVENT_BYTES = 15_000


@contextlib.contextmanager
def small_disk(directory):
    """A file system in a file, mounted for this process and its children; gone in any case when they are."""
    image, mounted = os.path.join(directory, "disk.img"), os.path.join(directory, "disk")
    os.mkdir(mounted)
    with open(image, "wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True, timeout=30)
    subprocess.run(["mount", "-o", "loop", image, mounted], check=True, timeout=30)
    try:
        yield mounted
    finally:
        # A daemon that was just killed may still be on its way out.
        for _ in range(50):
            if subprocess.run(["umount", mounted], stderr=subprocess.DEVNULL, timeout=30).returncode == 0:
                break
            time.sleep(0.1)
        else:
            subprocess.run(["umount", "--lazy", mounted], timeout=30)


@contextlib.contextmanager
def lab_on_small_disk(executable, directory, library, **more):
    """With a foreign file from the beginning: the daemon takes space beforehand, of what it finds free then."""
    with small_disk(directory) as mounted:
        take_space(mounted, leave=FREE_BYTES)
        state = os.path.join(mounted, "state")
        # A bound that is never met: only the disk's own is.
        with started(executable, directory, library, max_bytes="1GiB", state_directory=state, **more) as lab:
            yield lab, mounted


def free_bytes(mounted):
    status = os.statvfs(mounted)
    return status.f_bavail * status.f_frsize


def take_space(mounted, leave):
    """A foreign file that leaves so many bytes to the daemon."""
    with open(os.path.join(mounted, "foreign"), "wb") as file:
        # What the file system needs for itself depends on the size: towards the end it is tried.
        size = free_bytes(mounted) - leave
        while size > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
                return
            except OSError:
                size -= MEBIBYTE // 4


def fill(lab, prefix, seconds=60):
    """Sends events until 30 in a row are refused; returns those that were accepted."""
    accepted, in_a_row = [], 0
    deadline = time.monotonic() + seconds
    number = 0
    while in_a_row < 30:
        require(time.monotonic() < deadline, f"the disk is not full after {seconds} s and {len(accepted)} events")
        for name, reply in lab.send(ids(f"{prefix}-{number}", 10), EVENT_BYTES).items():
            if reply["ok"]:
                accepted.append(name)
                in_a_row = 0
            else:
                check_refusal(reply)
                in_a_row += 1
        number += 1
        if in_a_row:
            time.sleep(0.05)
    return accepted


def restart_on_full_disk(lab):
    lab.daemon.kill()
    lab.daemon.launch()
    lab.daemon.wait_until_alive()


def full_of_foreign_data(executable, directory, library):
    """Events are refused, what is on disk goes out; killed and started while full; then space comes back."""
    with lab_on_small_disk(executable, directory, library) as (lab, mounted):
        paused = lab.webhook("/paused", ["job.created"], isActive=False)
        healthy = lab.webhook("/healthy", ["job.closed"])
        healthy.behaviour = "broken"
        first, second = ids("first", 40), ids("second", 40)
        lab.accept(first, event="job.closed")
        accepted = fill(lab, "fill")
        segments = len(lab.daemon.segments())
        lab.expect(segments < 24, f"{segments} segments in {FREE_BYTES // MEBIBYTE} MiB")
        lab.tells_of_trouble(EVENT_BYTES, may_accept=True)

        healthy.behaviour = "healthy"
        lab.delivered(healthy, first)
        eventually("outcomes are taken note of", 5, lambda: not lab.daemon.webhook(healthy.id)["backlog"]["pending"])
        # More than the 100 ms that a crash may repeat.
        time.sleep(1)
        restart_on_full_disk(lab)
        time.sleep(1)
        repeated = [name for name in first if healthy.counts[name] > 1]
        lab.expect(not repeated, f"{len(repeated)} of {len(first)} are delivered again after a restart on a full disk")
        for reply in lab.send(ids("still", 30), EVENT_BYTES).values():
            if not reply["ok"]:
                check_refusal(reply)

        os.unlink(os.path.join(mounted, "foreign"))
        lab.accepts_again("after")
        lab.is_ready()
        lab.accept(second, event="job.closed")
        lab.delivered(healthy, second)
        lab.restart()
        lost = set(accepted) - lab.known(accepted)
        require(not lost, f"{len(lost)} of {len(accepted)} that were acknowledged are gone")
        status, answer = lab.daemon.call("PATCH", f"/api/v1/webhooks/{paused.id}", {"isActive": True})
        require(status == 200, f"the webhook can't be resumed: {status} {answer}")
        lab.delivered(paused, accepted, seconds=30)


def start_with_a_backlog(executable, directory, library):
    """Killed while a broken receiver's events wait and the disk is full: the next start delivers them, still full."""
    with lab_on_small_disk(executable, directory, library) as (lab, _):
        inbox = lab.webhook("/broken", ["job.*"])
        inbox.behaviour = "broken"
        waiting = ids("waiting", 40)
        lab.accept(waiting)
        accepted = fill(lab, "fill")
        restart_on_full_disk(lab)
        restart_on_full_disk(lab)
        inbox.behaviour = "healthy"
        lab.delivered(inbox, waiting + accepted, seconds=30)
        segments = len(lab.daemon.segments())
        lab.expect(segments < 24, f"{segments} segments in {FREE_BYTES // MEBIBYTE} MiB")


def full_of_its_own(executable, directory, library):
    """Full of what waits for a paused webhook alone: once that is delivered and past its retention, there is space."""
    with lab_on_small_disk(
            executable, directory, library, ingest='[ingest]\ndedupe-window = "1s"',
            journal='retention = "1s"') as (lab, mounted):
        paused = lab.webhook("/paused", ["job.*"], isActive=False)
        accepted = fill(lab, "fill")
        require(free_bytes(mounted) < FREE_BYTES // 4, "events are refused, and the disk is not full")
        lab.tells_of_trouble(EVENT_BYTES, may_accept=True)
        status, answer = lab.daemon.call("PATCH", f"/api/v1/webhooks/{paused.id}", {"isActive": True})
        require(status == 200, f"a webhook can't be resumed on a full disk: {status} {answer}")
        lab.delivered(paused, accepted, seconds=30)
        eventually("nothing is pending", 10, lambda: lab.daemon.status()["deliveries"]["pending"] == 0)
        lab.accepts_again("after", seconds=30)
        lab.is_ready(seconds=30)
        lab.accept(ids("then", 50), EVENT_BYTES)
        lab.delivered(paused, ids("then", 50))


def can_mount():
    """Whether a loop device and a mount are to be had here."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        return False
    directory = tempfile.mkdtemp(prefix="hookline-disk-")
    try:
        with small_disk(directory):
            return True
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    if os.environ.get("FULL_DISK_NAMESPACE") != "1":
        # In a mount namespace of its own the disk goes with the last process, however that ends.
        program = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
        trial = ["unshare", "--mount", "true"]
        if os.geteuid() == 0 and subprocess.run(trial, stderr=subprocess.DEVNULL, timeout=30).returncode == 0:
            os.environ["FULL_DISK_NAMESPACE"] = "1"
            os.execvp(program[0], program)
    os.environ.pop("FULL_DISK_NAMESPACE", None)
    if not can_mount():
        print("skipped: a file system can't be mounted from a file here (root, loop devices and mkfs.ext4 are needed)")
        sys.exit(0)
    main(__doc__, [full_of_foreign_data, start_with_a_backlog, full_of_its_own])
