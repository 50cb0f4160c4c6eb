#!/usr/bin/env python3
"""The command line in a real terminal, as a person meets it: screens compared with captured ones.

    screens.py --executable FILE [--update]

Captured screens stand in screens/, one a file; --update writes them anew. What differs from run to run (ids, times,
rates, ports) is made the same first, in as many columns where a table's places depend on it.
"""

import argparse
import contextlib
import difflib
import http.server
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "CrashTests"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from daemon import Daemon, Producer, Unmet, clean_up_when_terminated, eventually  # noqa: E402
from terminal import Terminal, columns  # noqa: E402

SCREENS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "screens")

CONFIGURATION = """
[egress]
allow = ["127.0.0.1/32"]
[delivery]
retry-schedule = ["1h"]
"""

# A command a line: its name, the command, and how it is made comparable. Each is shown at 80 and at 160 columns.
COMMANDS = [
    ("status", ["status"], "exact"),
    ("demo", ["demo"], "loose"),
    ("webhooks-list", ["webhooks", "list"], "exact"),
    ("events-show", ["events", "show", "g0", "--tenant", "globex"], "loose"),
]
SIZES = [(80, 24), (160, 50)]

failures = []


def check(condition, what, detail=""):
    if condition:
        return
    failures.append(what)
    print(f"    not as it should be: {what}\n{detail}", file=sys.stderr)


# Making screens comparable


def same_width(pattern, letter):
    return lambda text: re.sub(pattern, lambda match: letter * len(match.group()), text)


EXACT = [
    same_width(r"(?<=wh_)[0-9A-Z]{4,26}", "X"),
    lambda text: re.sub(r"(?<=127\.0\.0\.1:)\d{5}", "PPPPP", text),
    lambda text: re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "YYYY-MM-DDThh:mm:ssZ", text),
    lambda text: re.sub(r"process \d+", "process N", text),
    lambda text: re.sub(r"\b\d+ (s|min)( ago)?\b", r"N s\2", text),
    lambda text: re.sub(r"\d+(\.\d+)? (B|KiB|MiB) in", "N KiB in", text),
]

LOOSE = EXACT + [
    lambda text: re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "TIME", text),
    # The steps of an attempt, in milliseconds; in a narrow column what follows the first one is cut somewhere.
    lambda text: re.sub(r"(?:connect|answer) \d+[a-z0-9 …]*?(?=  )", lambda match: match.group()[:7] + "N", text),
    # What is cut off depends on how long the numbers before it are.
    lambda text: re.sub(r"; n[ext]*(?: TIME|…)", "; next TIME", text),
    lambda text: re.sub(r"(?<=HTTP 503, )[\dN]+ .*", "AGE", text),
    lambda text: re.sub(r"[▁▂▃▄▅▆▇█]+", "~", text),
    lambda text: re.sub(r"\d\d:\d\d:\d\d", "hh:mm:ss", text),
    lambda text: re.sub(r"\b(uid|pid) \d+", r"\1 N", text),
    lambda text: re.sub(r"/tmp/\S+|/\S*hookline\b(?= )", "PATH", text),
    lambda text: re.sub(r"\d[\d.,]* (µs|ms|s)\b", "N ms", text),
    lambda text: re.sub(r"\d[\d.,]*/s", "N/s", text),
    lambda text: re.sub(r" {2,}", "  ", text),
]


def comparable(lines, how):
    text = "\n".join(lines) + "\n"
    for step in EXACT if how == "exact" else LOOSE:
        text = step(text)
    return text


def compare(name, lines, how, update):
    path = os.path.join(SCREENS, name + ".txt")
    text = comparable(lines, how)
    if update:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    difference = "\n".join(difflib.unified_diff(expected.split("\n"), text.split("\n"), "captured", "now", lineterm=""))
    check(text == expected, f"the screen {name}", difference)


# What there is to see


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if self.path == "/bad" else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def receiver():
    """A receiver on a port of five digits."""
    for port in range(20_000 + os.getpid() % 20_000, 60_000):
        with contextlib.suppress(OSError):
            server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
            break
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()


def event(kind, tenant, identifier):
    return f'{{"event":"{kind}","tenantId":"{tenant}","id":"{identifier}","data":{{}}}}'


def prepare(daemon, url):
    """Webhooks in every state, and deliveries of every kind. Returns the failing webhook."""
    daemon.add_webhook(url + "/orders", ["*"], "acme", description="Orders")
    bad = daemon.add_webhook(
        url + "/bad", ["job.*"], "globex", description="注文 李さん", retrySchedule=["100ms"])
    daemon.add_webhook(url + "/held", ["application.*", "job.closed"], "acme", isActive=False)
    daemon.add_webhook(url + "/a/rather/long/path/that/no/narrow/terminal/has/room/for", ["job.created"], "initech")
    producer = Producer(daemon)
    lines = [event("application.created", "acme", f"a{n}") for n in range(12)] + [
        event("job.created", "globex", f"g{n}") for n in range(2)]
    producer.write(lines)
    for _ in lines:
        producer.read()
    eventually("all is settled that can be", 10, lambda: daemon.status()["deliveries"]["givenUp"] == 2
               and daemon.status()["deliveries"]["delivered"] == 12)
    return bad


# The tests


def test_commands(executable, directory, environment, update):
    for name, arguments, how in COMMANDS:
        for width, height in SIZES:
            with Terminal(directory, width, 50, [executable, *arguments], environment) as terminal:
                status = terminal.wait_for_end(30)
                check(status == 0, f"{name} ends with {status}", terminal.text())
                lines = terminal.lines()
                check(lines == terminal.lines("-J"), f"{name} at {width}: a line was wrapped", "\n".join(lines))
                compare(f"{name}-{width}", lines, how, update)


def test_top(executable, directory, environment, daemon, update):
    top = [executable, "top", "--interval", "300ms"]
    for width, height in SIZES:
        with Terminal(directory, width, height, top, environment) as terminal:
            terminal.wait_for("Recent failures")
            # Rates are there after the second look.
            terminal.wait_without("–/s")
            compare(f"top-{width}", terminal.lines(), "loose", update)
            terminal.press("q")
            check(terminal.wait_for_end() == 0, "q ends top with 0")
            is_as_before = terminal.is_given_back() and not terminal.lines()
            check(is_as_before, "the terminal is as it was after q", terminal.text())

    with Terminal(directory, 80, 24, top, environment) as terminal:
        terminal.wait_for("q quit")
        for width, height in [(160, 50), (20, 5), (40, 12), (20, 50), (200, 6), (80, 24)]:
            terminal.resize(width, height)
            def is_filled():
                lines = terminal.lines()
                return len(lines) == height and lines[-1].startswith("q quit") and all(
                    columns(line) <= width for line in lines)
            try:
                eventually(f"{width}x{height} is filled, and not more than that", 5, is_filled)
            except Unmet as error:
                check(False, str(error), terminal.text())
        test_keys(terminal, daemon)

    ends = [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGSEGV, 139), (None, 0)]
    for number, status in ends:
        with Terminal(directory, 80, 24, top, environment) as terminal:
            terminal.wait_for("q quit")
            if number is None:
                terminal.press("C-c")
            else:
                os.kill(terminal.command_pid(), number)
            got = terminal.wait_for_end()
            check(got == status, f"after {number} it ends with {status}, not {got}")
            check(terminal.is_given_back(), f"the terminal is as it was after {number}", terminal.text())

    with Terminal(directory, 80, 24, top, {**environment, "NO_COLOR": "1"}) as terminal:
        terminal.wait_for("q quit")
        check("\x1b[" not in "\n".join(terminal.lines("-e")), "no colours with NO_COLOR")


def test_keys(terminal, daemon):
    """Selecting, pausing, testing and replaying; with a daemon that goes away in between."""
    terminal.press("4")
    terminal.wait_for("WEBHOOK▾")
    terminal.press("p")
    terminal.wait_for("Select a webhook first")
    terminal.press("End")
    name = terminal.wait_for(r"▸ (注文 李さん)").group(1)
    terminal.press("p")
    terminal.wait_for(f"{name} is paused")
    terminal.wait_for(f"{name} +paused")
    terminal.press("p")
    terminal.wait_for(f"{name} is active")
    terminal.press("t")
    terminal.wait_for(f"{name} failed the test after \\d+ ms: HTTP 503")
    terminal.press("r")
    terminal.wait_for(f"Replay 2 deliveries of {name}\\? y/n")
    terminal.press("n")
    terminal.wait_for("Nothing was done")
    terminal.press("P")
    terminal.wait_for("Pause all deliveries of this host\\? y/n")
    terminal.press("y")
    terminal.wait_for("● All deliveries are paused")
    check(daemon.status()["isPaused"] is True, "P and y pause all deliveries")
    terminal.press("P", "y")
    terminal.wait_without("● All deliveries are paused")
    check(daemon.status()["isPaused"] is False, "P and y again resume them")
    terminal.press("?")
    terminal.wait_for("replay what was given up")
    terminal.press("Escape")
    terminal.wait_for("q quit")
    daemon.stop()
    terminal.wait_for("● No answer for \\d+ s, trying again: there is no")
    daemon.start()
    terminal.wait_without("No answer")
    terminal.press("q")
    check(terminal.wait_for_end() == 0 and terminal.is_given_back(), "q ends it in the end")


def test_pipes(executable, environment):
    """Without a terminal: no control codes, and an end."""
    def run(*arguments, **more):
        return subprocess.run([executable, *arguments], env={**os.environ, **environment}, capture_output=True,
                              text=True, timeout=30, check=False, stdin=subprocess.DEVNULL, **more)
    once = run("top", "--once", "--interval", "200ms")
    check(once.returncode == 0 and "\x1b" not in once.stdout and "Events in" in once.stdout, "top --once", once.stdout)
    json = run("top", "--json", "--once", "--interval", "200ms")
    is_one_object = json.stdout.count("\n") == 1 and json.stdout.startswith('{"at":')
    check(json.returncode == 0 and is_one_object, "top --json --once", json.stdout)
    check(run("top").returncode == 64, "top without a terminal says so")
    for command in [["status"], ["webhooks", "list"], ["demo"]]:
        check("\x1b" not in run(*command).stdout, f"no control codes of {command} into a pipe")
    gone = run("top", "--api-socket", "/nowhere/api.sock")
    check(gone.returncode == 64, "top without a terminal")
    gone = run("top", "--once", "--api-socket", "/nowhere/api.sock")
    check(gone.returncode == 69 and "systemctl start hookline" in gone.stderr, "top without a daemon", gone.stderr)
    # A reader that goes away ends the stream.
    stream = subprocess.Popen([executable, "top", "--json", "--interval", "200ms"], stdout=subprocess.PIPE,
                              env={**os.environ, **environment})
    stream.stdout.readline()
    stream.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        stream.wait(timeout=10)
    check(stream.poll() is not None, "top --json ends with its reader")
    stream.kill()
    stream.wait()


def test_send(executable, directory, environment):
    """Input that takes its time: how far it has come is shown on a terminal, and nothing of that is left behind."""
    path = os.path.join(directory, "some.ndjson")
    with open(path, "w", encoding="utf-8") as file:
        for number in range(1_000):
            file.write(event("job.created", "hooli", f"h{number}") + "\n")
    slow = f"(cat {path}; sleep 1; cat {path}; sleep 2) | {executable} send"
    with Terminal(directory, 80, 24, ["sh", "-c", slow], environment) as terminal:
        terminal.wait_for(r"^[\d,]+ lines acknowledged, [\d,]+/s, [\d,]+ under way$", 30)
        check(terminal.wait_for_end(60) == 0, "send ends with 0")
        lines = terminal.lines()
        check(len(lines) == 1 and re.fullmatch(
            r"2,000 lines in \d\.\d s \(\d+/s\): 1,000 accepted, 1,000 duplicates", lines[0]),
            "only the summary stays", "\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--executable", required=True)
    parser.add_argument("--update", action="store_true", help="write the captured screens anew")
    arguments = parser.parse_args()
    executable = os.path.abspath(arguments.executable)
    clean_up_when_terminated()
    with tempfile.TemporaryDirectory(prefix="hookline-terminal-") as directory, receiver() as url:
        daemon = Daemon(executable, directory, CONFIGURATION)
        daemon.start()
        environment = {
            "HOOKLINE_API_SOCKET": daemon.api_socket, "HOOKLINE_EVENTS_SOCKET": daemon.events_socket,
            "HOOKLINE_COMMAND": "hookline",
        }
        try:
            prepare(daemon, url)
            test_commands(executable, directory, environment, arguments.update)
            test_top(executable, directory, environment, daemon, arguments.update)
            test_pipes(executable, environment)
            test_send(executable, directory, environment)
        except Unmet as error:
            check(False, str(error), daemon.last_words())
        finally:
            daemon.kill()
    if failures:
        sys.exit(f"{len(failures)} of the terminal's checks failed")
    print("the command line is in a terminal as it was captured")


if __name__ == "__main__":
    main()
