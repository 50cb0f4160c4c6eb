#!/usr/bin/env python3
"""Measures Hookline beside syslog-ng, wrk and programs that do the bare minimum, in one run, on the loopback interface.

    benchmark.py [--quick] [--rounds N] [--output DIRECTORY] [SCENARIO ...]

Without a name all scenarios run. Prints each one's table and how it does against the goals; writes them into
the output directory as Markdown (results.md), as plots (SVG) and as JSON (results.json). Exits 1 if something could not
be measured; a goal that is missed is told and changes nothing.
"""

import argparse
import os
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True

import report  # noqa: E402: no bytecode beside the sources
from figures import Figures  # noqa: E402
from footprint import Idle, Start  # noqa: E402
from intake import Acknowledged  # noqa: E402
from latency import Latency  # noqa: E402
from machine import Failed, Machine, describe, note  # noqa: E402
from throughput import HTTPS, EndToEnd, FanOut  # noqa: E402
from trouble import Drain, Hanging  # noqa: E402

SCENARIOS = [EndToEnd, FanOut, Acknowledged, Latency, Drain, Hanging, HTTPS, Idle, Start]


class Bench:
    """One run: what all scenarios share."""

    def __init__(self, machine, options):
        self.machine = machine
        self.quick = options.quick
        self.rounds = options.rounds
        self.package = options.package

    def progress(self, scenario, number, label, metrics):
        shown = ", ".join(
            f"{column.title} {column.format.format(metrics[column.metric])}"
            for column in scenario.columns if column.metric in metrics)
        note(f"  {scenario.name} {number + 1}: {label}: {shown}")

    def run(self, kind):
        scenario, figures = kind(self), Figures()
        rounds = 1 if scenario.rounds == 1 else self.rounds or (2 if self.quick else scenario.rounds)
        begun = time.monotonic()
        failure = None
        try:
            for number in range(rounds):
                scenario.measure(figures, number)
        except (Failed, OSError) as error:
            failure = f"{type(error).__name__}: {error}"
            note(f"  {scenario.name} failed: {failure}")
        finally:
            self.machine.clear()
        return report.Result(scenario, figures, rounds, time.monotonic() - begun, failure)


def main():
    names = [kind.name for kind in SCENARIOS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="*", help="what to measure; see --list")
    parser.add_argument("--list", action="store_true", help="names the scenarios")
    parser.add_argument("--quick", action="store_true", help="fewer events and two rounds: shows that it works")
    parser.add_argument("--rounds", type=int, help="how often each is measured, in turn")
    parser.add_argument("--executable", default=os.environ.get("HOOKLINE_EXECUTABLE"))
    parser.add_argument("--package", default=os.environ.get("HOOKLINE_PACKAGE"), help="the .deb, for its size")
    parser.add_argument("--output", help="where results go; without it they are only printed")
    parser.add_argument("--document", metavar="PAGE", help="a page of the documentation that gets the results")
    parser.add_argument("--directory", default="/var/tmp", help="where state is kept: the disk that is measured")
    options = parser.parse_args()
    if options.list:
        for kind in SCENARIOS:
            print(f"{kind.letter}  {kind.name:<14}{kind.title}")
        return 0
    for name in options.scenario:
        if name not in names:
            parser.error(f"no such scenario: {name}; there are {', '.join(names)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds takes 1 or more")
    if not options.executable or not os.access(options.executable, os.X_OK):
        parser.error("--executable or HOOKLINE_EXECUTABLE is needed; packaging/benchmark builds it")
    for tool in ("cc", "nginx", "wrk", "syslog-ng", "openssl"):
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            parser.error(f"{tool} is not installed; packaging/benchmark installs what is needed")
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda number, _: sys.exit(128 + number))

    machine = Machine(options.directory, os.path.abspath(options.executable))
    results = []
    begun = time.monotonic()
    try:
        machine.build_tools()
        bench = Bench(machine, options)
        for kind in SCENARIOS:
            if not options.scenario or kind.name in options.scenario:
                note(f"==> {kind.letter}) {kind.title}")
                result = bench.run(kind)
                results.append(result)
                print(report.text(result), flush=True)
    except KeyboardInterrupt:
        note("interrupted; what was measured so far is kept")
    finally:
        machine.close()
    about = {"machine": describe(), "quick": options.quick, "seconds": time.monotonic() - begun}
    if results:
        print(report.summary(results), flush=True)
        if options.output:
            report.write(options.output, results, about)
            note(f"results: {options.output}/results.md")
        if options.document:
            report.document(options.document, results, about)
    note(f"{about['machine']}; {about['seconds'] / 60:.1f} minutes")
    return 1 if not results or any(result.failure for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
