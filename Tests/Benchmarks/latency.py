"""How long an event is on its way."""

import os

from figures import Column, Goal, Scenario
from machine import Failed
from subjects import EVENT_BYTES, Relay, SyslogNG, eventually


class Sink:
    """A receiver that takes the time of arrival; see sink.c."""

    def __init__(self, machine, *arguments, takes_time=False):
        self.machine = machine
        port_file = f"{machine.part('sink')}/port"
        self.process = machine.start_tool("sink", port_file, *arguments, takes_time=takes_time)
        eventually("the sink listens", 10, lambda: os.path.exists(port_file) and os.path.getsize(port_file) > 1)
        with open(port_file, encoding="utf-8") as file:
            self.port = int(file.read())

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def result(self, expected, seconds=60):
        found = self.machine.result(self.process, seconds)
        if found["arrived"] != expected:
            raise Failed(f"{found['arrived']} of {expected} events arrived")
        return {metric: found[metric] for metric in ("p50", "p99", "p99.9", "max")}


def at_rate(machine, subject, sink, rate, count, more=(), **priority):
    load = machine.tool("load", subject.events_socket, "-b", EVENT_BYTES, "-n", count, "-r", rate, *more, **priority)
    return {**sink.result(count), "load": load["cpu"] / load["seconds"]}


def relay(machine, rate, count):
    sink = Sink(machine, "latency", count, 60)
    subject = Relay(machine)
    subject.start()
    webhook = subject.add(sink.url())
    # The first connection is made, and the window has grown a little; without "sent" these are not counted.
    machine.tool("load", subject.events_socket, "-b", EVENT_BYTES, "-n", 200)
    eventually("the warm-up is delivered", 10, lambda: subject.pending() == 0 and webhook)
    before = subject.processor()
    return {**at_rate(machine, subject, sink, rate, count), "cpu": (subject.processor() - before) / count * 1e6}


def syslog(machine, rate, count):
    sink = Sink(machine, "latency", count, 60)
    subject = SyslogNG(machine, sink.url())
    subject.start()
    before = subject.processor()
    found = at_rate(machine, subject, sink, rate, count, ["-x"])
    return {**found, "cpu": (subject.processor() - before) / count * 1e6}


def floor(machine, rate, count):
    sink = Sink(machine, "latency", count, 60)
    machine.tool("baseline", "floor", machine.path("file"), sink.port, count, rate, EVENT_BYTES)
    return sink.result(count)


class Latency(Scenario):
    name, letter = "latency", "d"
    title = "Latency from the socket to the receiver"
    description = (
        "From the write to the socket to the arrival at a receiver in C, at a steady rate, one producer and"
        " one webhook. The floor is one `fdatasync` and one bare POST after the other, in one program."
        " Microseconds.")
    columns = [
        Column("p50", "p50, µs", with_spread=True),
        Column("p99", "p99, µs", with_spread=True),
        Column("p99.9", "p99.9, µs", with_spread=True),
        Column("max", "longest, µs"),
        Column("cpu", "CPU, µs an event", "{:.1f}"),
        Column("load", "load's share of a core", "{:.0%}"),
    ]
    compared_with = None
    plots = [("p50", "p50, µs"), ("p99", "p99, µs")]
    goals = [
        Goal("p50 at 1,000/s, times the floor", 2, lambda f: f.ratios("Hookline, 1,000/s", "floor, 1,000/s", "p50"),
             at_least=False),
        Goal("p99 at 1,000/s", 5, lambda f: [v / 1e3 for v in f.values("Hookline, 1,000/s", "p99")], at_least=False,
             unit=" ms"),
        Goal("p99 at 10,000/s", 20, lambda f: [v / 1e3 for v in f.values("Hookline, 10,000/s", "p99")], at_least=False,
             unit=" ms"),
    ]

    def subjects(self):
        machine, quick = self.machine, self.bench.quick
        thousand = 2_000 if quick else 6_000
        return [
            ("floor, 100/s", lambda: floor(machine, 100, 200 if quick else 1_000)),
            ("Hookline, 100/s", lambda: relay(machine, 100, 200 if quick else 1_000)),
            ("floor, 1,000/s", lambda: floor(machine, 1_000, thousand)),
            ("Hookline, 1,000/s", lambda: relay(machine, 1_000, thousand)),
            ("syslog-ng, 1,000/s, unsynced", lambda: syslog(machine, 1_000, thousand)),
            ("Hookline, 10,000/s", lambda: relay(machine, 10_000, 20_000 if quick else 60_000)),
        ]
