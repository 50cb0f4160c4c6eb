"""A daemon with one receiver in a temporary directory, and the running of checks on it."""

import argparse
import contextlib
import itertools
import os
import shutil
import sys
import tempfile
import time

import events
import faults
from daemon import Daemon, Producer, Unmet, clean_up_when_terminated, eventually
from receiver import Receiver, body_problem

CONFIGURATION = """
{ingest}
[journal]
max-bytes = "{max_bytes}"
{journal}
[delivery]
retry-schedule = ["100ms", "200ms", {more}]
drain-timeout = "200ms"
[egress]
allow = ["127.0.0.1/32"]
[log]
level = "notice"
""".format(more=", ".join(['"500ms"'] * 62), max_bytes="{max_bytes}", journal="{journal}", ingest="{ingest}")


def require(condition, text):
    if not condition:
        raise Unmet(text)


def ids(prefix, count):
    return [f"{prefix}-{number}" for number in range(count)]


class Lab:
    """Faults are set on `faults`; `state_directory` may be elsewhere, such as on another file system."""

    def __init__(self, executable, directory, library, max_bytes="64MiB", journal="", ingest="", state_directory=None):
        state = state_directory or os.path.join(directory, "state")
        os.makedirs(state, mode=0o700, exist_ok=True)
        self.faults = faults.Faults(library, os.path.join(directory, "control"), state)
        self.daemon = Daemon(
            executable, directory, CONFIGURATION.format(max_bytes=max_bytes, journal=journal, ingest=ingest),
            self.faults, state)
        self.receiver = Receiver()
        self.receiver.check_body = self.check_body
        self.sent = {}
        # What is wrong and does not keep the rest from being checked.
        self.problems = []

    def check_body(self, _, identifier, body):
        if identifier not in self.sent:
            return "nobody has sent such an event"
        event, size = self.sent[identifier]
        return body_problem(body, event, "acme", events.data_text(identifier, size))

    def line(self, identifier, size=200, event="job.created"):
        self.sent[identifier] = event, size
        return self.line_again(identifier)

    def line_again(self, identifier):
        """What was sent before, to the byte."""
        event, size = self.sent[identifier]
        return events.line(event, "acme", events.data_text(identifier, size), identifier)

    def webhook(self, path="/hook", patterns=("*",), **more):
        answer = self.daemon.add_webhook(self.receiver.url(path), list(patterns), "acme", **more)
        inbox = self.receiver.add(path, answer["secret"])
        inbox.id = answer["id"]
        return inbox

    def send(self, identifiers, size=200, event="job.created"):
        """Sends events on a connection of their own; returns the replies by id."""
        identifiers = list(identifiers)
        with Producer(self.daemon) as connection:
            replies = {}
            # Not all at once: replies have to be read too.
            for start in range(0, len(identifiers), 100):
                some = identifiers[start:start + 100]
                connection.write([self.line(identifier, size, event) for identifier in some])
                for identifier in some:
                    reply = connection.read()
                    require(reply is not None, f"no reply for {identifier}: the connection was closed")
                    replies[identifier] = reply
            return replies

    def accept(self, identifiers, size=200, event="job.created"):
        """Sends events that must be accepted as new ones."""
        for identifier, reply in self.send(identifiers, size, event).items():
            require(reply["ok"] and not reply.get("duplicate"), f"{identifier} is not accepted: {reply}")

    def refuse(self, identifiers, size=200, errors=("storage_error", "backlog_full")):
        """Sends events that must all be refused for now."""
        for identifier, reply in self.send(identifiers, size).items():
            require(not reply["ok"], f"{identifier} is accepted, although it can't be stored: {reply}")
            check_refusal(reply, errors)

    def accepts_again(self, identifier, seconds=10):
        """Waits until an event is accepted."""
        def attempt():
            # Each one by another id: a refused one is as new as any.
            attempt.count += 1
            reply = self.send([f"{identifier}-{attempt.count}"])[f"{identifier}-{attempt.count}"]
            if not reply["ok"]:
                check_refusal(reply)
            return reply["ok"]
        attempt.count = 0
        eventually("events are accepted again", seconds, attempt, pause=0.1)

    def is_ready(self, seconds=10):
        eventually("/readyz says 200 again", seconds, lambda: self.daemon.readiness() == 200, pause=0.1)

    def tells_of_trouble(self, size=200, seconds=5, may_accept=False):
        """While events are refused /readyz says 503 and why, for as long as they are; the log says it a few times.

        :param may_accept: what still fits into the file that is there may be taken.
        """
        looks = 0
        deadline = time.monotonic() + seconds
        for number in itertools.count():
            reply = self.send([f"trouble-{number}"], size)[f"trouble-{number}"]
            require(may_accept or not reply["ok"], "an event is accepted in the middle of a fault that lasts")
            require(time.monotonic() < deadline or not reply["ok"], f"nothing is refused within {seconds} s of a fault")
            if reply["ok"]:
                continue
            # News of it may take a moment.
            time.sleep(0.05)
            status, answer = self.daemon.call("GET", "/readyz")
            looks = looks + 1 if status == 503 and len(answer.get("detail") or "") > 10 else 0
            if looks == 5:
                break
            if not looks and time.monotonic() > deadline:
                self.expect(False, f"events are refused ({reply['message']}), and /readyz says {status} {answer}")
                break
        lines = self.daemon.log().count("can't be written")
        self.expect(lines <= 20, f"the log says {lines} times that the journal can't be written")

    def expect(self, condition, text):
        """As require(), but the check goes on."""
        if not condition:
            self.problems.append(text)

    def delivered(self, inbox, identifiers, seconds=15):
        missing = set(identifiers)

        def look():
            missing.difference_update(list(inbox.counts))
            return not missing
        try:
            eventually("all are delivered", seconds, look)
        except Unmet:
            raise Unmet(f"{len(missing)} are not delivered within {seconds} s, such as {sorted(missing)[:3]}") from None

    def not_delivered(self, inbox, identifiers, seconds=1.0):
        """Nothing of these comes for a while."""
        identifiers = set(identifiers)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            wrong = identifiers & set(list(inbox.counts))
            require(not wrong, f"{len(wrong)} are delivered although they were refused, such as {sorted(wrong)[:3]}")
            time.sleep(0.02)

    def known(self, identifiers):
        """Those of the ids that the daemon knows: sent again, they are duplicates."""
        found = set()
        with Producer(self.daemon) as connection:
            for name in identifiers:
                reply = connection.send(self.line_again(name))
                require(reply is not None and reply["ok"], f"{name} is refused: {reply}")
                if reply.get("duplicate"):
                    found.add(name)
        return found

    def restart(self):
        """As after a crash, without faults."""
        self.daemon.kill()
        self.faults.clear()
        self.daemon.start()

    def end(self):
        self.daemon.kill()
        self.receiver.close()
        problems = self.problems + self.receiver.problems
        require(not problems, "\n    ".join(problems[:5]))


@contextlib.contextmanager
def started(executable, directory, library, **more):
    """A lab with a running daemon, which is killed in the end."""
    lab = Lab(executable, directory, library, **more)
    try:
        lab.daemon.start()
        yield lab
    except Unmet as error:
        lab.problems.append(str(error))
    finally:
        lab.daemon.kill()
    lab.end()


def check_refusal(reply, errors=("storage_error", "backlog_full")):
    require(reply["error"] in errors, f"refused with {reply['error']}, not {' or '.join(errors)}: {reply}")
    wait = reply.get("retryAfterMs")
    require(isinstance(wait, int) and wait > 0, f"a refusal without retryAfterMs: {reply}")
    require(len(reply.get("message", "")) > 10, f"a refusal that says nothing: {reply}")


def run_checks(description, checks):
    """Runs checks, each a function of (executable, directory, library), and returns the exit status."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--executable", default=os.environ.get("HOOKLINE_EXECUTABLE"))
    parser.add_argument("--only", action="append", help="a check's name; may be given again")
    parser.add_argument("--keep", action="store_true", help="leaves the directories of the checks that fail")
    options = parser.parse_args()
    if not options.executable:
        parser.error("--executable or HOOKLINE_EXECUTABLE is needed")
    clean_up_when_terminated()
    executable = os.path.abspath(options.executable)
    named = {check.__name__.replace("_", "-"): check for check in checks}
    for name in options.only or []:
        if name not in named:
            parser.error(f"no such check: {name}; there are {', '.join(named)}")
    failures = 0
    with tempfile.TemporaryDirectory(prefix="hookline-faults-") as tools:
        library = faults.build(tools)
        for name in options.only or named:
            directory = os.path.realpath(tempfile.mkdtemp(prefix=f"hookline-{name}-"))
            begun = time.monotonic()
            problem = None
            try:
                named[name](executable, directory, library)
            except Exception as error:  # noqa: BLE001: the other checks have to run as well
                problem = str(error) if isinstance(error, Unmet) else f"{type(error).__name__}: {error}"
            finally:
                if not options.keep:
                    shutil.rmtree(directory, ignore_errors=True)
            result = "failed" if problem else "ok"
            print(f"{name:<40}{result:>8}{time.monotonic() - begun:>7.1f} s", flush=True)
            if problem:
                failures += 1
                print(f"    {problem}" + (f"\n    kept: {directory}" if options.keep else ""), flush=True)
            elif options.keep:
                shutil.rmtree(directory, ignore_errors=True)
    return 1 if failures else 0


def main(description, checks):
    sys.exit(run_checks(description, checks))
