"""What it takes while there is nothing to do, and how long it takes to be there again."""

import os
import signal
import socket
import time

from figures import Column, Goal, Scenario
from machine import Failed, memory, note, wakeups
from subjects import EVENT_BYTES, Nginx, Relay


class Idle(Scenario):
    name, letter = "idle", "h"
    title = "Idle"
    description = (
        "After a thousand deliveries, with one webhook: processor time and wake-ups of all threads over a"
        " minute, once as systemd runs it (`WatchdogSec=30`) and once without a watchdog.")
    columns = [
        Column("cpu", "CPU, %", "{:.4f}"),
        Column("wakeups", "wake-ups a minute", "{:.1f}"),
        Column("resident", "resident, MiB", "{:.1f}"),
        Column("megabytes", "size, MB", "{:.2f}"),
    ]
    rounds = 1
    plots = []
    goals = [
        Goal("CPU", 0.05,
             lambda f: f.values("under systemd's watchdog", "cpu"), at_least=False, format="{:.4f}", unit=" %"),
        Goal("wake-ups without a watchdog", 0, lambda f: f.values("without a watchdog", "wakeups"), at_least=False,
             format="{:.1f}", unit=" a minute"),
        Goal("resident", 24,
             lambda f: f.values("under systemd's watchdog", "resident"), at_least=False, format="{:.1f}",
             unit=" MiB"),
        Goal("executable", 34,
             lambda f: f.values("executable", "megabytes"), at_least=False, format="{:.1f}", unit=" MB"),
        Goal("Debian package", 10, lambda f: f.values("Debian package", "megabytes"), at_least=False, format="{:.1f}",
             unit=" MB"),
    ]

    def subjects(self):
        return [(label, None) for label in
                ("under systemd's watchdog", "without a watchdog", "executable", "Debian package")]

    def measure(self, figures, number):
        figures.add("executable", megabytes=os.path.getsize(self.machine.executable) / 1e6)
        if self.bench.package:
            figures.add("Debian package", megabytes=os.path.getsize(self.bench.package) / 1e6)
        nginx = Nginx(self.machine)
        # Taken, and never read: what does not fit is dropped.
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = self.machine.path("notify")
        manager.bind(address)
        try:
            watched = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"}
            relays = {
                "under systemd's watchdog": self.begin(nginx, watched),
                "without a watchdog": self.begin(nginx, {}),
            }
            seconds = 10 if self.bench.quick else 60
            time.sleep(3 if self.bench.quick else 40)
            before = {label: wakeups(relay.process.pid) for label, relay in relays.items()}
            begun, end = time.monotonic(), time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(min(0.5, max(0, end - time.monotonic())))
                drain(manager)
            passed = time.monotonic() - begun
            after = {label: wakeups(relay.process.pid) for label, relay in relays.items()}
            for label, relay in relays.items():
                figures.add(label, **self.compare(label, before[label], after[label], passed),
                            resident=memory(relay.process.pid, "VmRSS"))
        finally:
            manager.close()
            os.unlink(address)

    def begin(self, nginx, environment):
        relay = Relay(self.machine)
        relay.launch(**environment)
        relay.wait_until_ready()
        relay.add(nginx.url())
        known = nginx.answered()
        self.machine.tool("load", relay.events_socket, "-b", EVENT_BYTES, "-n", 1_000)
        nginx.wait_for(known + 1_000, 20)
        return relay

    def compare(self, label, before, after, seconds):
        woken = {}
        for thread, (name, count, _) in after.items():
            more = count - before.get(thread, (name, 0, 0))[1]
            if more:
                woken[name] = woken.get(name, 0) + more
        # A thread that has ended meanwhile did so without being counted.
        ran = sum(ns - before.get(thread, (name, 0, 0))[2] for thread, (name, _, ns) in after.items())
        told = ", ".join(f"{name} {count}" for name, count in sorted(woken.items())) or "none"
        note(f"  idle: {label}: wake-ups in {seconds:.0f} s by thread: {told}")
        return {"cpu": ran / 1e9 / seconds * 100, "wakeups": sum(woken.values()) / seconds * 60}


def drain(manager):
    try:
        while True:
            manager.recv(4096, socket.MSG_DONTWAIT)
    except BlockingIOError:
        pass


class Start(Scenario):
    name, letter = "start", "i"
    title = "Start"
    description = (
        "From the start of the process until it accepts events, after a clean stop and after SIGKILL, on an"
        " empty state directory, with events that wait for a webhook, and with a journal of settled events."
        " Its files are in the kernel's memory.")
    columns = [
        Column("seconds", "seconds", "{:.3f}", with_spread=True),
        Column("resident", "resident then, MiB", "{:.1f}"),
        Column("journal", "journal, MiB"),
    ]
    rounds = 1
    plots = [("seconds", "seconds")]

    def __init__(self, bench):
        super().__init__(bench)
        self.waiting = 200_000 if bench.quick else 1_000_000
        self.settled = (1 << 30) if bench.quick else (10 << 30)
        self.unsettled_label = f"Hookline, {self.waiting:,} unsettled"
        self.settled_label = f"Hookline, {self.settled >> 30} GiB settled"
        self.goals = [
            Goal("empty", 0.1,
                 lambda f: f.values("Hookline, empty", "seconds"), at_least=False, format="{:.3f}", unit=" s")]
        for label, limit in ((self.unsettled_label, 2), (self.settled_label, 1)):
            for how in ("stopped", "killed"):
                self.goals.append(Goal(
                    f"{label.removeprefix('Hookline, ')}, {how} before", limit,
                    lambda f, label=f"{label}, {how}": f.values(label, "seconds"), at_least=False, format="{:.3f}",
                    unit=" s"))

    def subjects(self):
        return [(label, None) for label in [
            "Hookline, empty", *[f"{label}, {how}" for label in (self.unsettled_label, self.settled_label)
                                 for how in ("stopped", "killed")]]]

    def measure(self, figures, number):
        for _ in range(5):
            relay = Relay(self.machine)
            took = relay.start()
            figures.add("Hookline, empty", seconds=took, resident=memory(relay.process.pid, "VmRSS"))
            self.machine.clear()
        self.again(figures, self.unsettled_label, self.with_unsettled())
        self.again(figures, self.settled_label, self.with_settled())

    def again(self, figures, label, relay):
        journal = sum(relay.segments().values()) / (1 << 20)
        for how, sign in (("killed", signal.SIGKILL), ("stopped", signal.SIGTERM)) * 3:
            relay.process.send_signal(sign)
            relay.process.wait(60)
            took = relay.start()
            time.sleep(1)
            metrics = {"seconds": took, "resident": memory(relay.process.pid, "VmRSS"), "journal": journal}
            figures.add(f"{label}, {how}", **metrics)
            self.bench.progress(self, 0, f"{label}, {how}", metrics)
        self.machine.clear()

    def with_unsettled(self):
        relay = Relay(self.machine)
        relay.start()
        relay.add("https://receiver.invalid/", isActive=False)
        self.fill(relay, self.waiting)
        if relay.pending() != self.waiting:
            raise Failed(f"{relay.pending()} deliveries are pending, not {self.waiting}")
        return relay

    def with_settled(self):
        """No webhook wants them: they are settled as soon as they are accepted."""
        relay = Relay(self.machine)
        relay.start()
        while sum(relay.segments().values()) < self.settled:
            self.fill(relay, 500_000)
        # Its indices are made in the background.
        time.sleep(5)
        return relay

    def fill(self, relay, count):
        sent = self.machine.tool("load", relay.events_socket, "-b", EVENT_BYTES, "-n", count, "-w", 120, seconds=130)
        if sent["replies"] != count or sent["refused"]:
            raise Failed(f"not all events were taken: {sent}")
