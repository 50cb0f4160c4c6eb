"""From the socket to the receiver at full speed: one webhook, many, and with TLS."""

import time

from figures import Column, Goal, Scenario
from machine import Failed, processor_seconds
from subjects import EVENT_BYTES, Nginx, Relay, SyslogNG, wrk

COLUMNS = [
    Column("rate", "deliveries/s", with_spread=True),
    Column("cpu", "CPU, µs a delivery", "{:.1f}", with_spread=True),
    Column("receiver", "receiver's CPU, µs", "{:.1f}"),
    Column("peak", "peak memory, MiB"),
    Column("load", "load's share of a core", "{:.0%}"),
]
SECONDS_MAX = 120


def deliver(machine, subject, nginx, events, fan_out=1, arguments=(), warm_up=20_000):
    """Sends events at full speed until the last one is answered."""
    command = [subject.events_socket, "-b", EVENT_BYTES, "-w", SECONDS_MAX, *arguments]
    warm_up = min(warm_up, events // 4)
    known = nginx.answered()
    machine.tool("load", *command, "-n", warm_up, seconds=SECONDS_MAX)
    nginx.wait_for(known + warm_up * fan_out, SECONDS_MAX)
    if "-i" in arguments:
        arguments = list(arguments)
        # Those of the warm-up are taken.
        arguments[arguments.index("-i") + 1] += warm_up
        command = [subject.events_socket, "-b", EVENT_BYTES, "-w", SECONDS_MAX, *arguments]
    known = nginx.answered()
    before, receiver = subject.processor(), processor_seconds(*nginx.pids)
    begun = time.monotonic()
    load = machine.start_tool("load", *command, "-n", events)
    ended = nginx.wait_for(known + events * fan_out, SECONDS_MAX)
    sent = machine.result(load)
    check(sent, events, has_replies="-x" not in arguments)
    deliveries = events * fan_out
    return {
        "rate": deliveries / (ended - begun),
        "cpu": (subject.processor() - before) / deliveries * 1e6,
        "receiver": (processor_seconds(*nginx.pids) - receiver) / deliveries * 1e6,
        "peak": subject.peak(),
        "load": sent["cpu"] / (ended - begun),
    }


def check(sent, events, has_replies=True):
    if sent["written"] != events or has_replies and sent["replies"] != events or sent["refused"] or sent["duplicates"]:
        raise Failed(f"not all events were taken: {sent}")


def post_only(machine, seconds, **nginx_settings):
    """wrk, which has no events to take."""
    nginx = Nginx(machine, **nginx_settings)
    before = processor_seconds(*nginx.pids)
    answered = nginx.answered()
    rate, cpu = wrk(machine, nginx.url(), seconds)
    done = nginx.answered() - answered
    return {"rate": rate, "cpu": cpu / done * 1e6, "receiver": (processor_seconds(*nginx.pids) - before) / done * 1e6}


def relay(machine, events, with_ids=False, webhooks=1, producers=1, **nginx_settings):
    nginx = Nginx(machine, **nginx_settings)
    subject = Relay(machine, authority=f"{nginx.directory}/ca.pem" if nginx.tls else "")
    subject.start()
    for number in range(webhooks):
        subject.add(nginx.url(f"/{number}"))
    arguments = ["-c", producers] + (["-i", 0] if with_ids else [])
    return deliver(machine, subject, nginx, events, webhooks, arguments, 20_000 // webhooks)


def syslog(machine, events, signed, workers=1):
    nginx = Nginx(machine)
    subject = SyslogNG(machine, nginx.url(), signed=signed, workers=workers)
    subject.start()
    return deliver(machine, subject, nginx, events, arguments=["-x"], warm_up=5_000)


class EndToEnd(Scenario):
    name, letter = "end-to-end", "a"
    title = "End to end: one producer, one webhook"
    description = (
        "Events of 430 bytes from one connection to one webhook at nginx (one worker, `return 204`), one a"
        " POST, from the first byte written to the last answer. Hookline syncs before it acknowledges, and"
        " signs twice; syslog-ng (reliable disk buffer, `http()` with one worker, as it is by default, or two)"
        " syncs nothing, and signs in Python if asked; wrk only posts.")
    columns = COLUMNS
    rounds = 5
    compared_with = "wrk, posting only"
    plots = [("rate", "deliveries a second"), ("cpu", "processor time a delivery, µs")]
    goals = [
        Goal("of wrk's bare POST rate", 0.45, lambda f: f.ratios("Hookline", "wrk, posting only")),
        Goal("with producers' ids, of wrk's", 0.45,
             lambda f: f.ratios("Hookline, producers' ids", "wrk, posting only")),
        Goal("times syslog-ng", 3.5, lambda f: f.ratios("Hookline", "syslog-ng"), format="{:.1f}"),
        Goal("times syslog-ng that signs", 7, lambda f: f.ratios("Hookline", "syslog-ng, signed"), format="{:.1f}"),
        Goal("times syslog-ng with two workers", 3.5,
             lambda f: f.ratios("Hookline", "syslog-ng, 2 workers"), format="{:.1f}"),
        Goal("times syslog-ng with two workers that signs", 7,
             lambda f: f.ratios("Hookline", "syslog-ng, 2 workers, signed"), format="{:.1f}"),
        Goal("CPU a delivery", 22, lambda f: f.values("Hookline", "cpu"), at_least=False, format="{:.1f}", unit=" µs"),
    ]

    def subjects(self):
        machine, seconds = self.machine, 2 if self.bench.quick else 4
        return [
            ("wrk, posting only", lambda: post_only(machine, seconds)),
            ("Hookline", lambda: relay(machine, self.scaled(240_000))),
            ("Hookline, producers' ids", lambda: relay(machine, self.scaled(240_000), with_ids=True)),
            ("syslog-ng", lambda: syslog(machine, self.scaled(60_000), signed=False)),
            ("syslog-ng, signed", lambda: syslog(machine, self.scaled(40_000), signed=True)),
            ("syslog-ng, 2 workers", lambda: syslog(machine, self.scaled(80_000), signed=False, workers=2)),
            ("syslog-ng, 2 workers, signed", lambda: syslog(machine, self.scaled(40_000), signed=True, workers=2)),
        ]


class FanOut(Scenario):
    name, letter = "fan-out", "b"
    title = "Fan-out: eight producers, ten webhooks"
    description = "Each event of eight connections goes to ten webhooks, all at the same nginx."
    columns = COLUMNS
    rounds = 5
    compared_with = "wrk, posting only"
    plots = [("rate", "deliveries a second"), ("cpu", "processor time a delivery, µs")]
    goals = [Goal("deliveries/s, of wrk's rate", 0.5, lambda f: f.ratios("Hookline, fan-out 10", "wrk, posting only"))]

    def subjects(self):
        machine, seconds = self.machine, 2 if self.bench.quick else 4
        return [
            ("wrk, posting only", lambda: post_only(machine, seconds)),
            ("Hookline, fan-out 10", lambda: relay(machine, self.scaled(30_000), webhooks=10, producers=8)),
        ]


class HTTPS(Scenario):
    name, letter = "https", "g"
    title = "HTTPS"
    description = (
        "As end to end, over TLS 1.3 with a certificate of a private authority (`egress.ca-file`): over"
        " connections that are kept, and with a new one for each delivery.")
    columns = COLUMNS
    compared_with = "Hookline, HTTP"
    plots = [("rate", "deliveries a second"), ("cpu", "processor time a delivery, µs")]
    goals = [Goal("kept connections, of plain HTTP", 0.6, lambda f: f.ratios("Hookline, HTTPS", "Hookline, HTTP"))]

    def subjects(self):
        machine, seconds = self.machine, 2 if self.bench.quick else 4
        return [
            ("Hookline, HTTP", lambda: relay(machine, self.scaled(240_000))),
            ("Hookline, HTTPS", lambda: relay(machine, self.scaled(150_000), tls=True)),
            ("wrk, HTTPS, posting only", lambda: post_only(machine, seconds, tls=True)),
            ("Hookline, HTTPS, a connection each", lambda: relay(
                machine, self.scaled(10_000), tls=True, one_request_a_connection=True)),
        ]
