#!/usr/bin/env python3
"""Measures what must not grow: memory with a backlog, the time of a start with a backlog and with a long history.

    bounds.py --executable hookline [--undelivered N ...] [--history BYTES] [--ids]

Everything is in a temporary directory, which needs about 500 bytes an event. Prints a table; exits 1 if a goal is missed.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

GOALS = {"memory": {1_000_000: 32, 10_000_000: 96}, "start": {1_000_000: 2.0}, "history": 1.0}


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class Daemon:
    def __init__(self, executable, directory, configuration):
        self.executable, self.directory = executable, directory
        self.run = os.path.join(directory, "run")
        os.makedirs(self.run, mode=0o700, exist_ok=True)
        with open(os.path.join(directory, "hookline.toml"), "w") as file:
            file.write(configuration)
        self.process = None

    def start(self):
        """Seconds until /readyz says 200."""
        begun = time.monotonic()
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.executable, "serve", "--config", os.path.join(self.directory, "hookline.toml"), "--state-dir",
                 os.path.join(self.directory, "state"), "--runtime-dir", self.run], stderr=log)
        while time.monotonic() < begun + 120:
            try:
                if self.call("GET", "/readyz")[0] == 200:
                    return time.monotonic() - begun
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit(f"the daemon has ended: {open(os.path.join(self.directory, 'log')).read()[-2000:]}")
            time.sleep(0.005)
        raise SystemExit("the daemon does not get ready")

    def call(self, method, path, body=None):
        connection = Unix(os.path.join(self.run, "api.sock"))
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def memory(self):
        """MiB resident, and of these anonymous."""
        fields = {}
        for line in open(f"/proc/{self.process.pid}/status"):
            name, _, value = line.partition(":")
            if name in ("VmRSS", "RssAnon"):
                fields[name] = int(value.split()[0]) / 1024
        return fields["VmRSS"], fields["RssAnon"]

    def stop(self, sign=signal.SIGTERM):
        self.process.send_signal(sign)
        self.process.wait(60)


def send(daemon, count, with_ids, first=0, event="job.closed"):
    """Sends events and takes every reply; seconds it took."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.path.join(daemon.run, "events.sock"))
    padding = "x" * 330
    refused = taken = sent = 0
    begun = time.monotonic()
    while sent < count:
        part = min(2_000, count - sent)
        if with_ids:
            lines = "".join(
                '{"event":"%s","tenantId":"acme","id":"n-%d","data":{"text":"%s"}}\n' % (event, first + sent + n, padding)
                for n in range(part))
        else:
            lines = ('{"event":"%s","tenantId":"acme","data":{"text":"%s"}}\n' % (event, padding)) * part
        connection.sendall(lines.encode())
        sent += part
        while taken < sent:
            replies = connection.recv(1 << 20)
            if not replies:
                raise SystemExit("the daemon closed the connection")
            taken += replies.count(b"\n")
            refused += replies.count(b'"ok":false')
    connection.close()
    if refused:
        raise SystemExit(f"{refused} events were refused")
    return time.monotonic() - begun


def deduplication(executable, pairs, count=1_000_000):
    """What remembering ids costs: seconds for events with ids, for lines as long whose number is no id, and for shorter
    lines without a number; medians of pairs, each in a daemon of its own."""
    producer = os.path.join(tempfile.gettempdir(), f"hookline-producer-{os.getpid()}")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "producer.c")
    subprocess.run(["gcc", "-O2", "-o", producer, source, "-lpthread"], check=True)
    seconds = {"ids": [], "data": [], "none": []}
    try:
        for turn in range(pairs):
            directory = tempfile.mkdtemp(prefix="hookline-bounds-")
            daemon = Daemon(executable, directory, '[journal]\nmax-bytes = "64GiB"\n')
            try:
                daemon.start()
                path = os.path.join(daemon.run, "events.sock")
                subprocess.run([producer, path, "200000", "1"], check=True, stdout=subprocess.DEVNULL)
                for kind in sorted(seconds, reverse=turn % 2 == 1):
                    time.sleep(0.7)
                    first = {"ids": ["1000000"], "data": ["1000000", "data"], "none": []}[kind]
                    printed = subprocess.run([producer, path, str(count), *first], check=True, stdout=subprocess.PIPE)
                    took, refused, duplicates = printed.stdout.split()
                    if int(refused) or int(duplicates):
                        raise SystemExit(f"{int(refused)} events were refused, {int(duplicates)} taken for duplicates")
                    seconds[kind].append(float(took))
                daemon.stop()
            finally:
                if daemon.process.poll() is None:
                    daemon.process.kill()
                shutil.rmtree(directory)
    finally:
        os.unlink(producer)
    for kind, what in (("data", "of lines as long without ids"), ("none", "of lines without ids or numbers")):
        ratios = sorted(a / b for a, b in zip(seconds[kind], seconds["ids"]))
        print(f"rate with ids, {what:<32} {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print("seconds for", count, {kind: statistics.median(figures) for kind, figures in seconds.items()}, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executable", default=os.environ.get("HOOKLINE_EXECUTABLE"), required=False)
    parser.add_argument("--undelivered", type=int, nargs="*", default=[1_000_000])
    parser.add_argument("--history", type=int, default=0, help="bytes of settled events")
    parser.add_argument("--ids", action="store_true", help="events have ids of their producer")
    parser.add_argument("--deduplication", type=int, default=0, metavar="PAIRS", help="times events with and without ids")
    arguments = parser.parse_args()
    missed = False
    if arguments.deduplication:
        deduplication(arguments.executable, arguments.deduplication)
        return

    def show(what, figure, unit, goal):
        nonlocal missed
        isMissed = goal is not None and figure > goal
        missed |= isMissed
        print(f"{what:<58} {figure:>10.2f} {unit:<4} {'' if goal is None else f'goal {goal}'}{'  MISSED' if isMissed else ''}", flush=True)

    for count in arguments.undelivered:
        directory = tempfile.mkdtemp(prefix="hookline-bounds-")
        daemon = Daemon(arguments.executable, directory, '[journal]\nmax-bytes = "64GiB"\nwebhook-backlog-max-bytes = "64GiB"\n')
        try:
            show("empty start", daemon.start(), "s", None)
            daemon.call("POST", "/api/v1/webhooks", {
                "url": "https://receiver.invalid/", "events": ["*"], "isActive": False, "tenantId": "acme"})
            time.sleep(1)
            idle = daemon.memory()
            took = send(daemon, count, arguments.ids)
            print(f"{count} events taken in {took:.1f} s, {count / took:.0f} a second")
            time.sleep(3)
            with_backlog = daemon.memory()
            show("resident when idle", idle[0], "MiB", None)
            show(f"more resident with {count} undelivered", with_backlog[0] - idle[0], "MiB", GOALS["memory"].get(count))
            show("  of which anonymous", with_backlog[1] - idle[1], "MiB", None)
            daemon.stop(signal.SIGKILL)
            show(f"start after SIGKILL with {count} undelivered", daemon.start(), "s", GOALS["start"].get(count))
            time.sleep(3)
            show("  more resident then", daemon.memory()[0] - idle[0], "MiB", GOALS["memory"].get(count))
            pending = json.loads(daemon.call("GET", "/api/v1/status")[1])["deliveries"]["pending"]
            if pending != count:
                print(f"pending: {pending}, not {count}")
                missed = True
            daemon.stop()
            show("start after a clean stop", daemon.start(), "s", GOALS["start"].get(count))
            daemon.stop()
        finally:
            if daemon.process and daemon.process.poll() is None:
                daemon.process.kill()
            shutil.rmtree(directory)

    if arguments.history:
        directory = tempfile.mkdtemp(prefix="hookline-bounds-")
        daemon = Daemon(arguments.executable, directory, '[journal]\nmax-bytes = "64GiB"\n')
        try:
            daemon.start()
            idle = daemon.memory()
            count = total = 0
            begun = time.monotonic()
            while total < arguments.history:
                send(daemon, 200_000, arguments.ids, first=count)
                count += 200_000
                total = sum(entry.stat().st_size for entry in os.scandir(os.path.join(directory, "state", "journal"))
                            if entry.name.endswith(".seg"))
            took = time.monotonic() - begun
            print(f"{count} events of history, {total >> 20} MiB, {count / took:.0f} a second")
            time.sleep(5)
            show("more resident with the history", daemon.memory()[0] - idle[0], "MiB", None)
            daemon.stop(signal.SIGKILL)
            show("start after SIGKILL", daemon.start(), "s", GOALS["history"])
            time.sleep(10)
            show("  more resident then", daemon.memory()[0] - idle[0], "MiB", None)
            daemon.stop()
            show("start after a clean stop", daemon.start(), "s", GOALS["history"])
            daemon.stop()
        finally:
            if daemon.process and daemon.process.poll() is None:
                daemon.process.kill()
            shutil.rmtree(directory)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
