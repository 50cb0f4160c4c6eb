#!/usr/bin/env python3
"""Acknowledged means synced: what the daemon says and does while its disk is slow, full, broken or gone."""

import errno
import functools
import itertools
import os
import shutil
import time

from daemon import Producer, eventually
from lab import check_refusal, ids, main, require, started


# MARK: Syncs

def no_ok_before_the_sync(executable, directory, library):
    """With slow syncs every reply waits for one that began after its line was there, and so does every delivery."""
    with started(executable, directory, library) as lab:
        inbox = lab.webhook()
        lab.accept(["warm"])
        lab.delivered(inbox, ["warm"])
        lab.faults.control.sync_delay_ms = 300
        with Producer(lab.daemon) as first, Producer(lab.daemon) as second:
            for round_number in range(4):
                # Whatever a sync of before still has to do is not of interest.
                time.sleep(0.4)
                names = [f"slow-{round_number}-{which}" for which in "ab"]
                before, begun = lab.faults.control.syncs, time.monotonic()
                first.write([lab.line(names[0])])
                second.write([lab.line(names[1])])
                time.sleep(0.25)
                require(not set(names) & set(list(inbox.counts)), "delivered before the sync has returned")
                for connection in [first, second]:
                    reply = connection.read()
                    took = time.monotonic() - begun
                    require(reply["ok"], f"refused: {reply}")
                    require(took >= 0.3, f"ok after {took * 1000:.0f} ms, and a sync takes 300 ms")
                    require(lab.faults.control.syncs > before, "ok before any sync has returned")
                lab.delivered(inbox, names)


def no_ok_when_the_sync_fails(executable, directory, library):
    """Failing syncs: refusals only; nothing of it is delivered or known afterwards; then it goes on, unrestarted."""
    with started(executable, directory, library) as lab:
        inbox = lab.webhook()
        lab.accept(["before"])
        lab.delivered(inbox, ["before"])
        lab.faults.fail("fdatasync", errno.EIO)
        lab.refuse(ids("lost", 20), errors=["storage_error"])
        require(lab.faults.failures("fdatasync") > 0, "no sync was tried")
        lab.tells_of_trouble()
        status, _ = lab.daemon.call(
            "POST", "/api/v1/webhooks", {"url": lab.receiver.url("/lost"), "events": ["*"], "tenantId": "acme"})
        require(status >= 500, f"a webhook that can't be stored is answered with {status}")
        lab.not_delivered(inbox, ids("lost", 20))
        lab.faults.stop("fdatasync")
        lab.accepts_again("after")
        lab.is_ready()
        lab.accept(ids("lost", 5))
        lab.delivered(inbox, ids("lost", 5))
        lab.restart()
        require(len(lab.daemon.webhooks()) == 1, "a webhook that was refused is there after a restart")
        lab.not_delivered(inbox, ids("lost", 20)[5:])


def refused_means_forgotten(executable, directory, library):
    """Killed while syncs fail: after the restart nothing that was refused is delivered or known."""
    with started(executable, directory, library) as lab:
        inbox = lab.webhook()
        lab.accept(["before"])
        lab.faults.fail("fdatasync", errno.EIO)
        lab.refuse(ids("lost", 20), errors=["storage_error"])
        lab.restart()
        lab.not_delivered(inbox, ids("lost", 20))
        lab.accept(ids("lost", 20))
        lab.delivered(inbox, ids("lost", 20) + ["before"])


def one_failed_sync(executable, directory, library):
    """Syncs fail once or twice and files can't be cut: what comes next counts, what was refused does not."""
    with started(executable, directory, library) as lab:
        inbox = lab.webhook()
        inbox.behaviour = "broken"
        accepted, refused = [], []
        for number in range(5):
            lab.faults.fail("truncate", errno.EIO)
            # Outcomes of deliveries are synced too: one of them may meet the failure instead of an event.
            lab.faults.fail("fdatasync", errno.EIO, last=2, files=["segment"])
            deadline = time.monotonic() + 10
            for attempt in itertools.count():
                name = f"once-{number}-{attempt}"
                reply = lab.send([name])[name]
                if reply["ok"]:
                    accepted.append(name)
                    break
                check_refusal(reply)
                refused.append(name)
                require(time.monotonic() < deadline, "no event is accepted within 10 s of two failed syncs")
                time.sleep(0.1)
        require(refused, "no event has met a failing sync")
        lab.restart()
        inbox.behaviour = "healthy"
        lab.delivered(inbox, accepted)
        lab.not_delivered(inbox, refused)
        lab.accept(refused)


# MARK: Writes

def short_writes_and_interruptions(executable, directory, library):
    """Writes and reads that do a part, and calls that a signal interrupts, change nothing."""
    with started(executable, directory, library, max_bytes="2MiB") as lab:
        inbox = lab.webhook()
        lab.faults.control.seed = 7
        lab.faults.control.short_writes, lab.faults.control.interruptions = 500, 300
        lab.accept(ids("piece", 600), size=900)
        lab.delivered(inbox, ids("piece", 600))
        lab.daemon.kill()
        lab.daemon.start()
        require(lab.daemon.status()["journal"]["damagedRecords"] == 0, "the journal is damaged")
        for name, reply in lab.send(ids("piece", 600)[-200:], size=900).items():
            require(reply.get("duplicate"), f"{name} is not known any more: {reply}")


def no_space(error, least, executable, directory, library):
    """Writes and reservations fail. Events wait with their producers, deliveries go on, no heap of files is left."""
    with started(executable, directory, library) as lab:
        inbox = lab.webhook()
        inbox.behaviour = "broken"
        lab.accept(ids("waiting", 30))
        before = lab.daemon.segments()
        lab.faults.fail("write", error, least=least, files=["segment", "other"])
        lab.faults.fail("allocate", error)
        for number in range(40):
            lab.refuse(ids(f"full-{number}", 3), size=600)
            time.sleep(0.02)
        require(lab.faults.failures("write") > 0, "no write has failed")
        lab.tells_of_trouble(size=600)
        inbox.behaviour = "healthy"
        lab.delivered(inbox, ids("waiting", 30))
        heap = len(lab.daemon.segments()) - len(before)
        lab.expect(heap <= 2, f"{heap} more segments than before 40 failed writes")
        lab.faults.clear()
        lab.accepts_again("after")
        lab.is_ready()
        lab.accept(ids("then", 50))
        lab.delivered(inbox, ids("then", 50))
        heap = len(lab.daemon.segments()) - len(before)
        lab.expect(heap <= 3, f"{heap} more segments than before, once there is space again")
        refused = [name for name in lab.sent if name.startswith("full-")]
        lab.not_delivered(inbox, refused, seconds=0.2)
        lab.restart()
        lab.not_delivered(inbox, refused)


def no_space_at_all(*arguments):
    no_space(errno.ENOSPC, 0, *arguments)


def no_space_for_events(*arguments):
    # The few bytes of a file's head still fit, as they do on a disk that has just become full.
    no_space(errno.ENOSPC, 400, *arguments)


def failing_writes(*arguments):
    no_space(errno.EIO, 0, *arguments)


# MARK: Files

def no_new_files(error, executable, directory, library):
    """Files can't be made: nothing is acknowledged that is not stored, and it goes on by itself afterwards."""
    with started(executable, directory, library, max_bytes="1MiB") as lab:
        inbox = lab.webhook()
        lab.faults.fail("create", error)
        accepted, deadline = set(), time.monotonic() + 20
        refusals = 0
        for number in range(400):
            # More than a segment holds, so that a new one is due; then a few more.
            replies = lab.send(ids(f"none-{number}", 5), size=2000)
            for name, reply in replies.items():
                if reply["ok"]:
                    accepted.add(name)
                else:
                    check_refusal(reply)
                    refusals += 1
            if lab.faults.failures("create") and refusals > 20 or time.monotonic() > deadline:
                break
        require(lab.faults.failures("create") > 0, "no file was to be made")
        if refusals:
            lab.tells_of_trouble(size=2000, may_accept=True)
        lab.delivered(inbox, accepted)
        lab.faults.clear()
        lab.accepts_again("after")
        lab.is_ready()
        lab.accept(ids("then", 100), size=2000)
        lab.restart()
        lab.delivered(inbox, ids("then", 100))
        lost = accepted - lab.known(accepted)
        require(not lost, f"{len(lost)} that were acknowledged are not known any more")


def read_only(*arguments):
    no_new_files(errno.EROFS, *arguments)


def no_descriptors(*arguments):
    no_new_files(errno.EMFILE, *arguments)


def directory_sync_fails(executable, directory, library):
    """A new segment whose name is not durable holds nothing that was acknowledged."""
    with started(executable, directory, library, max_bytes="1MiB") as lab:
        inbox = lab.webhook()
        lab.faults.fail("fsync", errno.EIO, files=["directory"])
        for number in range(60):
            for reply in lab.send(ids(f"dir-{number}", 5), size=2000).values():
                if not reply["ok"]:
                    check_refusal(reply)
            if lab.faults.failures("fsync") > 3:
                break
        require(lab.faults.failures("fsync") > 0, "no directory was synced")
        lab.tells_of_trouble(size=2000, may_accept=True)
        require(len(lab.daemon.segments()) < 12, f"a heap of {len(lab.daemon.segments())} segments")
        lab.faults.clear()
        lab.accepts_again("after")
        lab.accept(ids("then", 20))
        lab.restart()
        lab.delivered(inbox, ids("then", 20))


def snapshot_can_not_be_written(executable, directory, library):
    """registrations.json can't be replaced: webhooks are safe in the journal, and the file follows."""
    with started(executable, directory, library) as lab:
        lab.webhook()
        for operation in ["rename", "create"]:
            lab.faults.clear()
            lab.faults.fail(operation, errno.EIO, files=["snapshot"])
            inbox = lab.webhook(f"/{operation}")
            eventually("the snapshot is tried", 5, lambda: lab.faults.failures(operation) > 0)
            lab.restart()
            lab.accept([f"{operation}-1"])
            lab.delivered(inbox, [f"{operation}-1"])


# MARK: A journal that is taken away

def taken_away(take, executable, directory, library):
    """Nobody may be told that an event is stored in files that no start will find."""
    with started(executable, directory, library) as lab:
        inbox = lab.webhook()
        lab.accept(["before"])
        lab.delivered(inbox, ["before"])
        inbox.behaviour = "broken"
        # Its outcome and the snapshot of the webhook have reached the disk.
        time.sleep(0.5)
        journal = os.path.join(lab.daemon.state_directory, "journal")
        take(journal, directory)
        accepted = set()
        for number in range(40):
            for name, reply in lab.send(ids(f"gone-{number}", 3)).items():
                if reply["ok"]:
                    accepted.add(name)
                else:
                    check_refusal(reply)
            time.sleep(0.02)
        has_refused = len(accepted) < 120
        if has_refused and not os.path.isdir(journal):
            lab.tells_of_trouble()
        if not os.path.isdir(journal):
            os.mkdir(journal, 0o700)
        lab.accepts_again("back")
        lab.is_ready()
        lab.accept(ids("then", 20))
        lab.restart()
        inbox.behaviour = "healthy"
        lab.delivered(inbox, ids("then", 20), seconds=5)
        lost = accepted - lab.known(accepted)
        require(not lost, f"{len(lost)} of {len(accepted)} events that were acknowledged after it are gone")


def remove_journal(journal, _):
    shutil.rmtree(journal)


def remove_segments(journal, _):
    for name in os.listdir(journal):
        os.unlink(os.path.join(journal, name))


def move_journal(journal, directory):
    os.rename(journal, os.path.join(directory, "moved"))


def exchange_journal(journal, directory):
    os.rename(journal, os.path.join(directory, "moved"))
    os.mkdir(journal, 0o700)


def named(name, function, *arguments):
    check = functools.partial(function, *arguments)
    check.__name__ = name
    return check


if __name__ == "__main__":
    main(__doc__, [
        no_ok_before_the_sync, no_ok_when_the_sync_fails, refused_means_forgotten, one_failed_sync,
        short_writes_and_interruptions, no_space_at_all, no_space_for_events, failing_writes, read_only, no_descriptors,
        directory_sync_fails, snapshot_can_not_be_written,
        named("journal_removed", taken_away, remove_journal),
        named("segments_removed", taken_away, remove_segments),
        named("journal_moved_away", taken_away, move_journal),
        named("journal_exchanged", taken_away, exchange_journal),
    ])
