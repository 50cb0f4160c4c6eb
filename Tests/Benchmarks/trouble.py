"""After an outage, and beside receivers that hang."""

import concurrent.futures

from figures import Column, Goal, Scenario
from latency import Sink, at_rate
from machine import Failed
from subjects import EVENT_BYTES, Nginx, Relay, free_port
import throughput

LIVE_RATE = 1_000


class Drain(Scenario):
    name, letter = "drain", "e"
    title = "After an outage"
    description = (
        "Nothing listened at one webhook's receiver while events came in for it, 1,000,000 in a full run."
        f" From the first request that is answered again until the last one, while {LIVE_RATE:,} events a"
        " second go to another tenant's receiver: their latency before, and meanwhile.")
    columns = [
        Column("rate", "deliveries/s", with_spread=True),
        Column("cpu", "CPU, µs a delivery", "{:.1f}"),
        Column("peak", "peak memory, MiB"),
        Column("p50", "live p50, µs", with_spread=True),
        Column("p99", "live p99, µs", with_spread=True),
    ]
    plots = [("rate", "deliveries a second"), ("p50", "latency of live events, p50, µs"), ("p99", "p99, µs")]
    goals = [
        Goal("drain, of the rate end to end", 1, lambda f: f.ratios("Hookline, drain", "Hookline, end to end")),
        # What a million waiting deliveries may take, as packaging/test has it, beside what takes part in any delivery.
        Goal("peak memory, beyond that end to end", 32,
             lambda f: [a - b for a, b in zip(
                 f.values("Hookline, drain", "peak"), f.values("Hookline, end to end", "peak"))],
             at_least=False, format="{:.0f}", unit=" MiB"),
        Goal("live events' p50, times that before", 2,
             lambda f: f.ratios("Hookline, drain", "Hookline, no backlog", "p50"), at_least=False),
        Goal("live events' p99, times that before", 2,
             lambda f: f.ratios("Hookline, drain", "Hookline, no backlog", "p99"), at_least=False),
    ]

    def subjects(self):
        return [("Hookline, end to end", None), ("Hookline, no backlog", None), ("Hookline, drain", None)]

    def measure(self, figures, number):
        machine = self.machine
        end_to_end = throughput.relay(machine, self.scaled(240_000))
        machine.clear()
        figures.add("Hookline, end to end", **end_to_end)
        self.bench.progress(self, number, "Hookline, end to end", end_to_end)

        backlog, live = self.scaled(1_000_000), self.scaled(10_000)
        # Beside a relay and a receiver that take all processors, whoever takes the time must not wait for one himself.
        quiet = Sink(machine, "latency", live, 100, takes_time=True)
        busy = Sink(machine, "latency", live, 300, takes_time=True)
        port = free_port()
        relay = Relay(machine, delivery='retry-schedule = [%s]' % ", ".join(['"1s"'] * 60))
        relay.start()
        relay.add(f"http://127.0.0.1:{port}/")
        relay.add(quiet.url(), tenant="quiet")
        relay.add(busy.url(), tenant="busy")
        for tenant in ("quiet", "busy"):
            machine.tool("load", relay.events_socket, "-b", EVENT_BYTES, "-n", 200, "-T", tenant)
        before = at_rate(machine, relay, quiet, LIVE_RATE, live, ["-T", "quiet"], takes_time=True)
        figures.add("Hookline, no backlog", **before)
        self.bench.progress(self, number, "Hookline, no backlog", before)

        sent = machine.tool("load", relay.events_socket, "-b", EVENT_BYTES, "-n", backlog, "-w", 120)
        throughput.check(sent, backlog)
        if relay.pending() < backlog:
            raise Failed(f"only {relay.pending()} of {backlog} deliveries are pending")
        # The outage lasts until the disk is at rest: not what writing the backlog does to live events is asked here.
        machine.calm()
        load = machine.start_tool(
            "load", relay.events_socket, "-b", EVENT_BYTES, "-n", live, "-r", LIVE_RATE, "-T", "busy", "-w", 200,
            takes_time=True)
        nginx = Nginx(machine, port=port)
        begun = nginx.wait_for(1, 30)
        first, processor = nginx.answered(), relay.processor()
        ended = nginx.wait_for(backlog, 240)
        drained = {
            "rate": (backlog - first) / (ended - begun),
            "cpu": (relay.processor() - processor) / (backlog - first) * 1e6,
            "peak": relay.peak(),
        }
        if machine.result(load)["written"] != live:
            raise Failed("not all live events were taken")
        drained.update(busy.result(live))
        machine.clear()
        figures.add("Hookline, drain", **drained)
        self.bench.progress(self, number, "Hookline, drain", drained)


class Hanging(Scenario):
    name, letter = "hanging", "f"
    title = "Receivers that hang"
    description = (
        "Each event goes to a hundred healthy webhooks, then to these and nine hundred more whose receivers"
        " take the request and never answer (in another process; attempts time out after 2 s). Deliveries to"
        " the healthy ones.")
    columns = throughput.COLUMNS
    compared_with = "Hookline, 100 healthy"
    plots = [("rate", "deliveries a second to the healthy")]
    goals = [
        Goal("rate of the healthy, of that without the sick", 0.9,
             lambda f: f.ratios("Hookline, 100 healthy, 900 hanging", "Hookline, 100 healthy")),
    ]

    def subjects(self):
        return [
            ("Hookline, 100 healthy", lambda: self.crowd(100, 0)),
            ("Hookline, 100 healthy, 900 hanging", lambda: self.crowd(100, 900)),
        ]

    def crowd(self, healthy, sick):
        machine = self.machine
        nginx, sink = Nginx(machine), Sink(machine, "hang")
        relay = Relay(machine, delivery='timeout = "2s"')
        relay.start()
        urls = [nginx.url(f"/{number}") for number in range(healthy)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(relay.add, urls + [sink.url(f"/{number}") for number in range(sick)]))
        # The sick ones' first attempts hang from here on.
        return throughput.deliver(machine, relay, nginx, self.scaled(2_500), healthy, warm_up=50)
