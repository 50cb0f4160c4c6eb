#!/usr/bin/python3
"""Applications that write events until their standard input ends: some over a connection for each event, some over one
that they keep. They send again by id what was not acknowledged, and tell at last what they have seen.

    producers.py SOCKET TENANT SHORT LONG

SHORT and LONG say how many there are of each kind. The first line of output says that all of them have had a reply; the
last one is the report.
"""

import collections
import errno
import json
import socket
import struct
import sys
import threading
import time

SECONDS_MAX = 60
LINES_AT_ONCE = 5


class Tally:
    """What a kind of producers has seen."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = []
        self.connections = 0
        # Connections that connect(2) refused, by the error's name: there must not be any.
        self.refused = collections.Counter()
        # Connections that ended before the reply was there: their events are sent again.
        self.cut = 0
        # Replies that ask to send again later, and any others that are not ok.
        self.put_off = collections.Counter()
        self.failures = []
        # Seconds from the wish to send an event to its acknowledgement.
        self.longest_wait = 0.0
        # Seconds from the end of a connection to the first acknowledgement over the next one.
        self.breaks = []

    def report(self):
        return dict(vars(self), lock=None)


class Producer(threading.Thread):
    """Writes events with ids of its own."""

    def __init__(self, path, tenant, name, tally, ending, started):
        super().__init__(daemon=True)
        self.path, self.tenant, self.prefix, self.tally = path, tenant, name, tally
        self.ending, self.started = ending, started
        self.made = 0

    def make(self):
        self.made += 1
        return f"{self.prefix}-{self.made}"

    def line(self, identifier):
        return json.dumps({
            "event": "job.created", "tenantId": self.tenant, "id": identifier, "data": {"key": identifier}}) + "\n"

    def connect(self):
        """A connection; None if it is refused. Waits where the queue of the socket is full, as connect(2) does."""
        connection = socket.socket(socket.AF_UNIX)
        limit = struct.pack("ll", SECONDS_MAX, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        with self.tally.lock:
            self.tally.connections += 1
        try:
            connection.connect(self.path)
        except OSError as error:
            connection.close()
            with self.tally.lock:
                self.tally.refused[errno.errorcode.get(error.errno, str(error))] += 1
            time.sleep(0.02)
            return None
        return connection

    def take(self, identifier, reply, since):
        """Whether the reply acknowledges the event."""
        reply = json.loads(reply)
        if reply["ok"] and reply["id"] == identifier:
            with self.tally.lock:
                self.tally.acknowledged.append(identifier)
                self.tally.longest_wait = max(self.tally.longest_wait, time.monotonic() - since)
            self.started.set()
            return True
        with self.tally.lock:
            if "retryAfterMs" in reply:
                self.tally.put_off[reply["error"]] += 1
            else:
                self.tally.failures.append(f"{identifier}: {reply}")
                return True
        time.sleep(reply["retryAfterMs"] / 1000)
        return False

    def count_cut(self):
        with self.tally.lock:
            self.tally.cut += 1


class ShortProducer(Producer):
    def run(self):
        while not self.ending.is_set():
            identifier, since = self.make(), time.monotonic()
            while not self.send(identifier, since):
                if time.monotonic() - since > SECONDS_MAX:
                    with self.tally.lock:
                        self.tally.failures.append(f"{identifier}: not acknowledged within {SECONDS_MAX} s")
                    break
            time.sleep(0.004)

    def send(self, identifier, since):
        connection = self.connect()
        if connection is None:
            return False
        with connection:
            try:
                connection.sendall(self.line(identifier).encode())
                reply = connection.makefile("rb").readline()
            except OSError:
                reply = b""
            if not reply.endswith(b"\n"):
                self.count_cut()
                return False
            return self.take(identifier, reply, since)


class LongProducer(Producer):
    def run(self):
        self.waiting, self.broken = {}, None
        end = None
        while self.waiting or not self.ending.is_set():
            if self.ending.is_set():
                end = end or time.monotonic() + SECONDS_MAX
                if time.monotonic() > end:
                    with self.tally.lock:
                        self.tally.failures += [f"{key}: not acknowledged" for key in self.waiting]
                    return
            connection = self.connect()
            if connection is None:
                continue
            with connection:
                try:
                    self.converse(connection, connection.makefile("rb"))
                except OSError:
                    self.count_cut()
                    self.broken = time.monotonic()

    def converse(self, connection, replies):
        while self.waiting or not self.ending.is_set():
            while len(self.waiting) < LINES_AT_ONCE and not self.ending.is_set():
                self.waiting[self.make()] = time.monotonic()
            keys = list(self.waiting)
            connection.sendall("".join(map(self.line, keys)).encode())
            for key in keys:
                reply = replies.readline()
                if not reply.endswith(b"\n"):
                    raise OSError("the connection has ended")
                if self.take(key, reply, self.waiting[key]):
                    del self.waiting[key]
                if self.broken is not None:
                    with self.tally.lock:
                        self.tally.breaks.append(time.monotonic() - self.broken)
                    self.broken = None
            time.sleep(0.01)


def main():
    path, tenant, short, long = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    ending, tallies, producers = threading.Event(), [Tally(), Tally()], []
    for kind, letter, count, tally in [(ShortProducer, "s", short, tallies[0]), (LongProducer, "l", long, tallies[1])]:
        for number in range(count):
            name = f"{tenant}-{letter}{number}"
            producers.append(kind(path, tenant, name, tally, ending, threading.Event()))
    for producer in producers:
        producer.start()
    for producer in producers:
        if not producer.started.wait(SECONDS_MAX):
            raise SystemExit(f"{producer.prefix} got no reply within {SECONDS_MAX} s")
    print("started", flush=True)
    sys.stdin.read()
    ending.set()
    for producer in producers:
        producer.join(2 * SECONDS_MAX)
    print(json.dumps({"short": tallies[0].report(), "long": tallies[1].report()}))


if __name__ == "__main__":
    main()
