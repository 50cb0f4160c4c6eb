#!/usr/bin/env python3
"""Measures what 10,000 webhooks of 1,000 tenants cost: each change of them, the daemon's memory, an event's way past them.

    many_webhooks.py --executable hookline [--webhooks N] [--tenants N]

Every change is on disk before it is answered: what a bare write and fdatasync take beside them is shown, and whatever the disk or
other programs take there is not held against a call. Prints a table; exits 1 if a goal is missed.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from bounds import Unix  # noqa: E402
from daemon import Daemon, Producer, Unmet, clean_up_when_terminated, eventually  # noqa: E402

# Milliseconds that a call may take, MiB above what an empty daemon needs, and how much longer an event may take: looking at
# a thousandth of the webhooks too many would show, and other programs that take the caches away do not.
CALL, MEMORY, MATCHING = 20, 32, 2
EVENTS, ROUNDS = 50_000, 5


class API:
    """Calls over one connection, each with the time that it takes."""

    def __init__(self, daemon):
        self.connection = Unix(daemon.api_socket)

    def call(self, method, path, body=None, expected=200):
        begun = time.monotonic()
        self.connection.request(
            method, "/api/v1" + path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        took = (time.monotonic() - begun) * 1000
        if answer.status != expected:
            raise Unmet(f"{method} {path}: {answer.status} {text.decode(errors='replace')[:300]}")
        return took, json.loads(text) if text else None


def memory(daemon):
    """MiB resident."""
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmRSS")).split()[1]) / 1024


def draft(number, tenants):
    return {"tenantId": f"tenant_{number % tenants}", "url": f"https://hooks{number}.example/in/{number}",
            "events": ["application.*", "job.created"], "description": f"the one numbered {number}"}


def processor_time(daemon):
    """Seconds that all of its threads have run."""
    path = f"/proc/{daemon.process.pid}/task"
    total = 0
    for thread in os.listdir(path):
        with open(f"{path}/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


class Floor:
    """What one durable write takes just now."""

    def __init__(self, directory):
        self.file = os.open(os.path.join(directory, "floor"), os.O_RDWR | os.O_CREAT, 0o600)
        os.write(self.file, bytes(1 << 20))
        os.fsync(self.file)
        self.times = []

    def measure(self):
        begun = time.monotonic()
        os.pwrite(self.file, b"x" * 700, 700 * (len(self.times) % 1000))
        os.fdatasync(self.file)
        self.times.append((time.monotonic() - begun) * 1000)

    def take(self):
        """The times since the last call of this."""
        times, self.times = sorted(self.times), []
        return times


def intake(daemon, tenants):
    """Microseconds of processor time for an event that no webhook wants, of all tenants in turn."""
    lines = "".join(
        '{"event":"job.closed","tenantId":"tenant_%d","data":{"text":"%s"}}\n' % (number % tenants, "x" * 300)
        for number in range(EVENTS)).encode()
    with Producer(daemon, 60) as producer:
        begun = processor_time(daemon)
        taken = sent = 0
        while taken < EVENTS:
            # As much as the replies to it, which are kept for a producer that is not reading.
            if sent < len(lines) and taken * len(lines) // EVENTS + (1 << 19) > sent:
                sent += producer.socket.send(lines[sent:sent + (1 << 18)])
                continue
            replies = producer.socket.recv(1 << 20)
            if not replies or b'"ok":false' in replies:
                raise Unmet(f"not taken: {replies[:300]}")
            taken += replies.count(b"\n")
        return (processor_time(daemon) - begun) / EVENTS * 1e6


def calls(what, floor, items, call):
    """A row of the table: one call after the other, every tenth of them beside a bare write."""
    times = []
    for index, item in enumerate(items):
        if index % 10 == 0:
            floor.measure()
        times.append(call(item))
    bare = floor.take()
    allowed = CALL + 2 * bare[-1]
    times.sort()
    p99 = times[int(len(times) * 0.99)]
    is_met = statistics.median(times) <= CALL and p99 <= allowed
    print(f"    {what:30} {statistics.median(times):8.2f} {p99:8.2f} {times[-1]:8.2f} {statistics.median(bare):10.2f} {bare[-1]:8.2f}"
          f"{'' if is_met else '   MISSED'}", flush=True)
    return is_met


def measure(daemon, arguments):
    tenants, count = arguments.tenants, arguments.webhooks
    api = API(daemon)
    warm_up(api, tenants)
    before = [intake(daemon, tenants) for _ in range(ROUNDS)]
    empty = memory(daemon)
    floor = Floor(os.path.dirname(daemon.state_directory))
    print(f"    {'milliseconds':30} {'median':>8} {'p99':>8} {'longest':>8} {'bare write':>10} {'longest':>8}")
    webhooks = []

    def create(number):
        took, webhook = api.call("POST", "/webhooks", draft(number, tenants), 201)
        webhooks.append(webhook)
        return took

    tenth = count // 10
    met = [calls("create, the first tenth", floor, range(tenth), create)]
    for number in range(tenth, count - tenth):
        create(number)
    met.append(calls("create, the last tenth", floor, range(count - tenth, count), create))
    some = random.Random(1).sample(webhooks, min(1000, count))
    met += [
        calls("show", floor, some, lambda webhook: api.call("GET", f"/webhooks/{webhook['id']}")[0]),
        calls("list a tenant's", floor, some,
              lambda webhook: api.call("GET", f"/webhooks?tenantId={webhook['tenantId']}")[0]),
        calls("list 200 of all", floor, pages(api),
              lambda cursor: api.call("GET", f"/webhooks?limit=200&cursor={cursor}")[0]),
        calls("change", floor, some, lambda webhook: api.call(
            "PATCH", f"/webhooks/{webhook['id']}", {"description": "another text"})[0]),
    ]
    eventually("the table is saved", 60, lambda: os.path.getsize(
        os.path.join(daemon.state_directory, "registrations.json")) > 100 * count)
    grown = memory(daemon) - empty
    after = [intake(daemon, tenants) for _ in range(ROUNDS)]
    met.append(calls("delete", floor, some,
                     lambda webhook: api.call("DELETE", f"/webhooks/{webhook['id']}", expected=204)[0]))
    ratio = min(after) / min(before)
    print(f"    {count} webhooks: {grown:.1f} MiB more resident (at most {MEMORY})")
    print(f"    an event past them: {min(after):.2f} µs of processor time, {min(before):.2f} without any: "
          f"ratio {ratio:.2f} (at most {MATCHING})")
    daemon.kill()
    seconds = daemon.start()
    left = len(daemon.webhooks())
    print(f"    started anew after SIGKILL in {seconds:.2f} s with {left} webhooks")
    if left != count - len(some):
        raise Unmet(f"{left} webhooks instead of {count - len(some)}")
    return all(met) and grown <= MEMORY and ratio <= MATCHING


def warm_up(api, tenants):
    """Each call a few times: what a first one brings into memory is the program's, not the webhooks'."""
    for number in range(10):
        identifier = api.call("POST", "/webhooks", draft(number, tenants), 201)[1]["id"]
        api.call("GET", f"/webhooks/{identifier}")
        api.call("GET", "/webhooks")
        api.call("PATCH", f"/webhooks/{identifier}", {"description": "another text"})
        api.call("DELETE", f"/webhooks/{identifier}", expected=204)


def pages(api):
    cursors, answer = [], api.call("GET", "/webhooks?limit=200")[1]
    while answer["nextCursor"]:
        cursors.append(answer["nextCursor"])
        answer = api.call("GET", f"/webhooks?limit=200&cursor={cursors[-1]}")[1]
    return cursors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--webhooks", type=int, default=10_000)
    parser.add_argument("--tenants", type=int, default=1_000)
    arguments = parser.parse_args()
    clean_up_when_terminated()
    directory = tempfile.mkdtemp(prefix="hookline-many-")
    daemon = Daemon(arguments.executable, directory, "")
    try:
        daemon.start()
        is_met = measure(daemon, arguments)
    except (Unmet, OSError, http.client.HTTPException) as error:
        sys.exit(f"{error}\n{daemon.last_words()}")
    finally:
        daemon.kill()
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
