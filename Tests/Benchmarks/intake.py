"""What an acknowledgement costs, with nothing registered."""

import time

from figures import Column, Goal, Scenario
from subjects import EVENT_BYTES, Baseline, Nginx, Relay, SyslogNG, free_port
from throughput import SECONDS_MAX, check


def take(machine, subject, events, arguments=(), warm_up=50_000):
    """Sends events until all are acknowledged."""
    command = [subject.events_socket, "-b", EVENT_BYTES, "-w", SECONDS_MAX, *arguments]
    machine.tool("load", *command, "-n", min(warm_up, events))
    if "-i" in command:
        command[command.index("-i") + 1] += warm_up
    # What the warm-up left for the background is done.
    time.sleep(0.5)
    before = subject.processor()
    sent = machine.tool("load", *command, "-n", events)
    check(sent, events, has_replies="-x" not in arguments)
    return {
        "rate": events / sent["seconds"],
        "cpu": (subject.processor() - before) / events * 1e6,
        "peak": subject.peak(),
        "load": sent["cpu"] / sent["seconds"],
    }


def relay(machine, events, *arguments, **more):
    subject = Relay(machine)
    subject.start()
    return take(machine, subject, events, arguments, **more)


def bare(machine, events, *arguments, **more):
    subject = Baseline(machine)
    subject.start()
    return take(machine, subject, events, arguments, **more)


def syslog(machine, events, delivers):
    # Where nobody listens all goes into the disk buffer, and taking it in is all there is to do.
    subject = SyslogNG(machine, Nginx(machine).url() if delivers else f"http://127.0.0.1:{free_port()}/")
    subject.start()
    return take(machine, subject, events, ["-x"], warm_up=5_000)


def one_sync_each(machine, events):
    result = machine.tool("baseline", "sync", machine.path("file"), events, EVENT_BYTES)
    return {"rate": result["count"] / result["seconds"]}


class Acknowledged(Scenario):
    name, letter = "acknowledged", "c"
    title = "Acknowledged events"
    description = (
        "Events that are acknowledged, none delivered. The bare program does nothing but read what is there,"
        " write it, `fdatasync` and reply. syslog-ng takes events into its disk buffer and syncs nothing,"
        " while it delivers and while its receiver is down. One at a time, the next event is written after the"
        " reply to the one before.")
    columns = [
        Column("rate", "events/s", with_spread=True),
        Column("cpu", "CPU, µs an event", "{:.2f}"),
        Column("peak", "peak memory, MiB"),
        Column("load", "load's share of a core", "{:.0%}"),
    ]
    rounds = 5
    compared_with = "bare, 1 connection"
    plots = [("rate", "events a second")]
    goals = [
        Goal("one connection, of the bare program", 0.6,
             lambda f: f.ratios("Hookline, 1 connection", "bare, 1 connection")),
        Goal("64 connections, of the bare program", 0.6,
             lambda f: f.ratios("Hookline, 64 connections", "bare, 64 connections")),
        # 500,000 where the bare program does 800,000.
        Goal("one connection, at 800,000/s of the bare program", 500_000,
             lambda f: [ratio * 800_000 for ratio in f.ratios("Hookline, 1 connection", "bare, 1 connection")],
             format="{:,.0f}", unit="/s"),
        Goal("times syslog-ng's unsynced intake while it delivers", 10,
             lambda f: f.ratios("Hookline, 1 connection", "syslog-ng, delivering"), format="{:.1f}"),
        Goal("with producers' ids, of that without", 0.8,
             lambda f: f.ratios("Hookline, 1 connection, ids", "Hookline, 1 connection")),
        Goal("one at a time, times a bare write and fdatasync", 1.3,
             lambda f: f.ratios("bare write and fdatasync", "Hookline, one at a time"), at_least=False),
        # The part of it that is the kernel's way from one process to another and back.
        Goal("one at a time, times the bare program behind its socket", 1.3,
             lambda f: f.ratios("bare program, one at a time", "Hookline, one at a time"), at_least=False),
    ]

    def subjects(self):
        machine, many, few = self.machine, self.scaled(3_000_000), self.scaled(10_000)
        return [
            ("bare, 1 connection", lambda: bare(machine, many)),
            ("Hookline, 1 connection", lambda: relay(machine, many)),
            ("Hookline, 1 connection, ids", lambda: relay(machine, many, "-i", 0)),
            ("bare, 64 connections", lambda: bare(machine, many, "-c", 64)),
            ("Hookline, 64 connections", lambda: relay(machine, many, "-c", 64)),
            ("syslog-ng, delivering", lambda: syslog(machine, self.scaled(150_000), delivers=True)),
            ("syslog-ng, receiver down", lambda: syslog(machine, self.scaled(300_000), delivers=False)),
            ("bare write and fdatasync", lambda: one_sync_each(machine, few)),
            ("bare program, one at a time", lambda: bare(machine, few, "-1", warm_up=100)),
            ("Hookline, one at a time", lambda: relay(machine, few, "-1", warm_up=100)),
        ]
