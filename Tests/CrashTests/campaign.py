#!/usr/bin/env python3
"""Kills the daemon again and again while events come and go, and proves that nothing that was acknowledged is lost.

Some kills come from outside at a random moment; others come at a named place in the daemon, such as between a write and
its sync. Half of those lose what was not synced, as a power cut does.
"""

import argparse
import collections
import errno
import http.client
import os
import random
import shutil
import statistics
import sys
import tempfile
import time

import faults
from daemon import Daemon, Unmet, clean_up_when_terminated, eventually
from ledger import LOST_SUCCESS_SECONDS, LOST_SUCCESS_SECONDS_AFTER_FAULTS, Ledger
from receiver import Receiver
from traffic import Administrator, ProducerThread

CONFIGURATION = """
[ingest]
dedupe-window = "3s"
[journal]
max-bytes = "4MiB"
retention = "1s"
[delivery]
max-in-flight-per-webhook = 8
timeout = "5s"
retry-schedule = ["100ms", "200ms", "500ms", {more}]
drain-timeout = "200ms"
[egress]
allow = ["127.0.0.1/32"]
[log]
level = "notice"
""".format(more=", ".join(['"1s"'] * 61))

# Kills and how far their points are let pass: the highest number of the visit at which the daemon dies.
KILLS = {
    "random": 0, "starting": 0, "stopping": 0, "any-call": 150, "after-write": 40, "after-sync": 40,
    "segment-created": 2, "segment-unlisted": 3, "removal": 2, "snapshot-before": 2, "snapshot-after": 2,
    "compaction-before": 1, "compaction-after": 1, "index-before": 1, "index-after": 1, "delivery": 60,
    "failed-sync": 30, "failed-write": 30,
}

# Kills that come soon after a call has failed, always with a power cut: what failed must not have counted, and what
# came after it must.
AFTER_FAULTS = {"failed-sync": ("fdatasync", errno.EIO), "failed-write": ("write", errno.ENOSPC)}

# What only comes once segments have grown old with something pending in them.
SLOW = ["compaction-before", "compaction-after"]

# So long receivers are dead or hang, and so long they are well, in turn.
TROUBLE_SECONDS = 7


class Campaign:
    def __init__(self, options, directory):
        self.options = options
        self.random = random.Random(options.seed)
        self.ledger = Ledger()
        library = faults.build(directory)
        state = os.path.join(directory, "state")
        os.mkdir(state, 0o700)
        self.faults = faults.Faults(library, os.path.join(directory, "control"), state)
        self.faults.control.seed = options.seed
        self.faults.control.lying = int(options.lying_disk)
        self.daemon = Daemon(options.executable, directory, CONFIGURATION, self.faults)
        self.receiver, self.dying = Receiver(), Receiver()
        for receiver in [self.receiver, self.dying]:
            receiver.check_body = self.ledger.check_body
        self.administrator = Administrator(self.daemon, self.ledger, self.receiver, options.seed)
        self.producers = [
            ProducerThread(number, self.daemon, self.ledger, options.seed, number < 3, 0.15) for number in range(4)]
        self.kills = collections.Counter()
        self.power_cuts = collections.Counter()
        self.missed = collections.Counter()
        self.ready_times = []
        self.begun = time.monotonic()

    # The run

    def run(self):
        self.ready_times.append(self.daemon.start())
        register = self.administrator.register
        register("/healthy", "t1", ["*"], self.receiver)
        register("/applications", "t2", ["application.*"], self.receiver)
        register("/flaky", "t1", ["job.*"], self.receiver)
        register("/hanging", "t2", ["job.created"], self.receiver, timeoutMs=400)
        register("/dead", "t1", ["application.rejected"], self.dying)
        self.receiver.inboxes["/flaky"].behaviour = "flaky"
        for thread in [self.administrator, *self.producers]:
            thread.start()
        names = []
        while sum(self.kills.values()) < self.options.kills:
            if time.monotonic() - self.begun > self.options.seconds_max:
                self.ledger.problem(f"the time was over after {sum(self.kills.values())} kills")
                break
            if not names:
                names = list(KILLS)
                self.random.shuffle(names)
            name = names.pop()
            self.make_trouble(name)
            self.round(name)
        self.drain()

    def make_trouble(self, name):
        # Old segments are written anew for the sake of what still waits in them.
        is_troubled = name in SLOW or int((time.monotonic() - self.begun) / TROUBLE_SECONDS) % 2 == 0
        self.receiver.inboxes["/hanging"].behaviour = "hanging" if is_troubled else "healthy"
        if is_troubled:
            self.dying.close()
        else:
            self.dying.open()

    def round(self, name):
        """Lets the daemon live until it is killed in the named way, and starts it again."""
        # The first one that comes, the first time: so each point has its turn in a short campaign too.
        number = self.random.randint(1, KILLS[name] or 1) if self.kills[name] else 1
        point = "after-sync" if name in AFTER_FAULTS else name
        if name in AFTER_FAULTS:
            is_from_start, power_cut = False, True
        elif point in faults.POINTS:
            # Without this every other round could only ever be one of the daemon's start.
            is_from_start = self.random.random() < 0.4
            power_cut = self.random.random() < 0.5
        else:
            is_from_start, power_cut = True, False
        if self.daemon.is_running:
            self.kill("random")
        self.faults.clear()
        self.faults.control.power_cut = int(power_cut)  # From the start on: what is not synced has to be known.
        if point in faults.POINTS and is_from_start:
            self.faults.die_at(point, number, power_cut)
        begun = time.monotonic()
        self.daemon.launch()
        if name == "starting":
            time.sleep(self.random.uniform(0, statistics.median(self.ready_times)))
            return self.kill(name)
        try:
            self.daemon.wait_until_ready()
            self.ready_times.append(time.monotonic() - begun)
            self.administrator.compare()
        except (Unmet, OSError, http.client.HTTPException):
            # It may have been killed before it was ready, or in the middle of the list.
            if self.daemon.process.poll() is None and not self.is_dying(0.5):
                raise
        if point in faults.POINTS:
            if name in AFTER_FAULTS:
                operation, error = AFTER_FAULTS[name]
                self.faults.fail(operation, error, first=number, last=number + 1, files=["segment"])
                number += self.random.randrange(10)
            if not is_from_start and self.daemon.is_running:
                self.faults.die_at(point, number, power_cut)
            # A point that was never reached may need segments to grow old first.
            if self.is_dying(2 if self.kills[name] and name not in SLOW else 8):
                return self.note_own_death(name, point, power_cut)
            self.missed[name] += 1
            return self.kill("random")
        if name == "stopping":
            self.is_dying(self.random.uniform(0, 0.4))
            self.daemon.process.terminate()
            if self.is_dying(self.random.uniform(0, 0.4)):
                if self.daemon.process.returncode != 0:
                    raise Unmet(f"asked to stop, the daemon ended with {self.daemon.process.returncode}")
                self.note_death(name)
                return None
            return self.kill(name)
        self.is_dying(self.random.uniform(0.05, 0.9))
        return self.kill(name)

    def is_dying(self, seconds):
        """Whether it ends by itself in that time."""
        deadline = time.monotonic() + seconds
        while self.daemon.process.poll() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def kill(self, name):
        if self.daemon.process.poll() is not None:
            return self.note_own_death(name, name, False)
        self.daemon.kill()
        self.note_death(name)

    def note_own_death(self, name, point, power_cut):
        status = self.daemon.process.returncode
        if status != -9 or self.faults.died_at != point:
            raise Unmet(f"the daemon ended by itself with {status}, at {name}: {self.daemon.last_words()}")
        self.note_death(name)
        self.power_cuts[name] += power_cut

    def note_death(self, name):
        self.kills[name] += 1
        seconds = LOST_SUCCESS_SECONDS_AFTER_FAULTS if name in AFTER_FAULTS else LOST_SUCCESS_SECONDS
        self.ledger.deaths.append((time.monotonic(), seconds))

    def drain(self):
        """Receivers are well again, nothing new comes: everything must arrive."""
        if self.daemon.is_running:
            self.kill("random")
        self.faults.clear()
        self.end_threads()
        self.dying.open()
        for inbox in self.receiver.inboxes.values():
            inbox.behaviour = "healthy"
        self.ready_times.append(self.daemon.start())
        self.administrator.compare()
        for thread in self.producers:
            thread.join(timeout=20)
            if thread.is_alive():
                raise Unmet(f"{thread.prefix} can't get its last events acknowledged")
            if thread.failure:
                raise Unmet(thread.failure)
        self.administrator.join(timeout=20)
        try:
            eventually("everything is delivered", 30, lambda: self.daemon.status()["deliveries"]["pending"] == 0, 0.1)
        except Unmet as error:
            self.ledger.problem(f"{error}: {self.daemon.status()['deliveries']}")

    def end_threads(self):
        for thread in [self.administrator, *self.producers]:
            thread.ending.set()

    # The result

    def report(self):
        """Prints the table; returns whether all is well."""
        inboxes = {**self.receiver.inboxes, **self.dying.inboxes}
        lost = self.ledger.lost(inboxes)
        repeated, late = self.ledger.judge(inboxes)
        given_up = 0
        if self.daemon.is_running:
            given_up = sum(webhook["health"]["givenUp"] for webhook in self.daemon.webhooks().values())
        problems = self.ledger.problems + self.receiver.problems + self.dying.problems
        acknowledged = sum(event.acknowledged is not None for event in self.ledger.events.values())
        delivered = sum(sum(inbox.counts.values()) for inbox in inboxes.values())
        print(f"{'killed':<20}{'times':>7}{'power cut':>11}{'not reached':>13}")
        for name in KILLS:
            print(f"{name:<20}{self.kills[name]:>7}{self.power_cuts[name]:>11}{self.missed[name]:>13}")
        print(f"{'all':<20}{self.kills.total():>7}{self.power_cuts.total():>11}{self.missed.total():>13}\n")
        rows = [
            ("events acknowledged", acknowledged), ("deliveries", delivered), ("lost", len(lost)),
            ("delivered twice", repeated), ("of them too late", late), ("given up", given_up),
            ("refused and sent again", sum(thread.refused for thread in self.producers)),
            ("without own id, uncertain", sum(thread.uncertain for thread in self.producers)),
            ("known as duplicates", sum(thread.repeats_checked for thread in self.producers)),
            ("webhooks made or deleted", self.administrator.changes),
            ("ready after, median", f"{statistics.median(self.ready_times) * 1000:.0f} ms"),
            ("ready after, at most", f"{max(self.ready_times) * 1000:.0f} ms"),
            ("seconds", f"{time.monotonic() - self.begun:.0f}"),
        ]
        for name, value in rows:
            print(f"{name:<27}{value:>9}")
        if given_up:
            problems.append(f"{given_up} deliveries were given up, and nothing here allows that")
        if self.options.kills >= 2 * len(KILLS):
            problems += [f"never killed at {name}: it was not reached" for name in KILLS if not self.kills[name]]
        if acknowledged < 10 * self.options.kills:
            problems.append("so few events were acknowledged that this proves nothing")
        for webhook, event in lost[:20]:
            print(f"LOST: {event.id} for {webhook.path}, acknowledged {event.acknowledged - self.begun:.3f} s in")
        for problem in problems[:20]:
            print(f"WRONG: {problem}")
        if len(problems) > 20:
            print(f"WRONG: and {len(problems) - 20} more")
        return not lost and not problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--executable", default=os.environ.get("HOOKLINE_EXECUTABLE"))
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--seconds-max", type=int, default=180, help="the run ends as failed after so long")
    parser.add_argument("--lying-disk", action="store_true", help="syncs do nothing: the campaign must find losses")
    parser.add_argument("--keep", action="store_true", help="leaves the state directory and the log")
    options = parser.parse_args()
    if not options.executable:
        parser.error("--executable or HOOKLINE_EXECUTABLE is needed")
    clean_up_when_terminated()
    directory = os.path.realpath(tempfile.mkdtemp(prefix="hookline-campaign-"))
    campaign, is_well = None, False
    print(f"seed {options.seed}")
    try:
        campaign = Campaign(options, directory)
        try:
            campaign.run()
        except Unmet as error:
            campaign.ledger.problem(str(error))
            campaign.end_threads()
        is_well = campaign.report()
    finally:
        if campaign:
            campaign.daemon.kill()
        if not is_well:
            print(f"FAILED; once more with: --seed {options.seed} --kills {options.kills}")
        if options.keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
