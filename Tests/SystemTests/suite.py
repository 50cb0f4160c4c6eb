#!/usr/bin/python3
"""Runs the tests of the installed package on a booted Debian 12. Needs root.

    suite.py PACKAGE.deb [NAME...]     all tests, or those whose names are given
    suite.py --list
"""

import argparse
import os
import signal
import sys
import time
import traceback

import base
import registry
from machine import CommandFailed, Machine
from world import World

FOLDER = "/var/tmp/hookline-system-tests"
TEST_SECONDS_MAX = 180
# From then on no other test is begun.
SUITE_SECONDS_MAX = 900
JOURNAL_LINES = 25


class TooLong(Exception):
    """A test took longer than any may."""


def on_alarm(signal_number, frame):
    raise TooLong(f"no end within {TEST_SECONDS_MAX} s")


def on_end(signal_number, frame):
    # Ends as Ctrl-C does: what was started is ended on the way out.
    raise KeyboardInterrupt


class Report:
    def __init__(self):
        self.is_terminal = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.failed = []
        self.notes = []
        self.begun = time.monotonic()

    def colour(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.is_terminal else text

    def note(self, text):
        self.notes.append(text)

    def result(self, name, seconds, problem=None):
        word = self.colour("32", "ok  ") if problem is None else self.colour("31", "FAIL")
        print(f"    {word} {name:<28} {seconds:6.1f} s", flush=True)
        for text in self.notes:
            for line in text.splitlines():
                print(f"           {line}", flush=True)
        self.notes = []
        if problem is not None:
            self.failed.append(name)
            print("\n".join(f"         ! {line}" for line in problem.splitlines()), flush=True)


def run_test(test, world, report):
    begun = time.monotonic()
    since = world.cursor()
    problem = None
    signal.alarm(TEST_SECONDS_MAX)
    try:
        test.body(world)
    except KeyboardInterrupt:
        raise
    except Exception as error:  # whatever it is, the other tests go on
        signal.alarm(0)
        expected = isinstance(error, (registry.Failure, CommandFailed, TooLong))
        problem = str(error) if expected else traceback.format_exc()
        problem += "\n" + journal_tail(world, since)
        world.mend()
    finally:
        signal.alarm(0)
    report.result(test.name, time.monotonic() - begun, problem)


def journal_tail(world, since):
    try:
        lines = world.machine.output(
            "journalctl", "--no-pager", "-o", "short-precise", "-u", "hookline*", "--after-cursor", since).splitlines()
    except (CommandFailed, OSError) as error:
        return f"the journal can't be read: {error}"
    return "\n".join(["the journal's last lines since the test began:", *lines[-JOURNAL_LINES:]])


def run_on_a_machine(tests, root, package, report):
    machine = Machine(FOLDER, root)
    world = World(machine, package, report.note)
    try:
        begun = time.monotonic()
        machine.boot()
        report.result("(boot)", time.monotonic() - begun)
        for test in tests:
            if time.monotonic() - report.begun > SUITE_SECONDS_MAX:
                report.result(test.name, 0, f"not begun: all tests together have taken over {SUITE_SECONDS_MAX} s")
            else:
                run_test(test, world, report)
    finally:
        # A second Ctrl-C must not stop the removal of what the first one stopped.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        world.end_inbox()
        machine.power_off()
        listen_to_signals()


def listen_to_signals():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, on_end)
    signal.signal(signal.SIGHUP, on_end)
    signal.signal(signal.SIGALRM, on_alarm)


def main():
    parser = argparse.ArgumentParser(description="Tests the installed package on a booted Debian 12.")
    parser.add_argument("package", nargs="?", help="the .deb")
    parser.add_argument("names", nargs="*", metavar="name", help="a test to run; default: all")
    parser.add_argument("--list", action="store_true", help="print the tests' names and what they are about")
    arguments = parser.parse_args()
    tests = registry.load()
    if arguments.list:
        for test in tests:
            print(f"{test.name:<28} {test.about}")
        return 0
    if not arguments.package:
        parser.error("the .deb is missing")
    if unknown := set(arguments.names) - {test.name for test in tests}:
        parser.error(f"there is no test {', '.join(sorted(unknown))}; --list names them")
    if os.geteuid() != 0:
        raise SystemExit("The system tests boot a machine in a container: run them as root.")
    chosen = [test for test in tests if not arguments.names or test.name in arguments.names]
    package = os.path.abspath(arguments.package)
    listen_to_signals()
    report = Report()
    try:
        root = base.provide(FOLDER, base.dependencies(package))
        report.result("(base root)", time.monotonic() - report.begun)
        for machine in registry.MACHINES:
            if there := [test for test in chosen if test.machine == machine]:
                run_on_a_machine(there, root, package, report)
    except KeyboardInterrupt:
        print("    stopped", file=sys.stderr)
        return 130
    print(f"    {len(chosen) - len(report.failed)} of {len(chosen)} passed in {time.monotonic() - report.begun:.0f} s")
    if report.failed:
        print(f"    failed: {', '.join(report.failed)}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
