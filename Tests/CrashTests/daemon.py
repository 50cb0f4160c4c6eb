"""A real daemon on a state directory of its own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time


class Unmet(Exception):
    """Something that had to happen in time did not."""


def clean_up_when_terminated():
    """SIGTERM ends the program as Ctrl-C does: daemons and directories go with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def eventually(what, seconds, condition, pause=0.02):
    """Waits until a condition gives something true, and returns that; Unmet after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Unmet(f"not within {seconds} s: {what}")
        time.sleep(pause)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    def __init__(self, executable, directory, configuration, faults=None, state_directory=None):
        self.executable = executable
        self.faults = faults
        self.state_directory = state_directory or os.path.join(directory, "state")
        self.runtime_directory = os.path.join(directory, "run")
        self.events_socket = os.path.join(self.runtime_directory, "events.sock")
        self.api_socket = os.path.join(self.runtime_directory, "api.sock")
        self.log_path = os.path.join(directory, "daemon.log")
        self.configuration_path = os.path.join(directory, "hookline.toml")
        with open(self.configuration_path, "w", encoding="utf-8") as file:
            file.write(configuration)
        self.process = None

    # Life

    def launch(self):
        """Starts it without waiting for anything."""
        # What a killed one left behind must not be taken for the new one's.
        for path in [self.events_socket, self.api_socket]:
            if os.path.exists(path):
                os.unlink(path)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [self.executable, "serve", "--config", self.configuration_path, "--state-dir", self.state_directory,
                 "--runtime-dir", self.runtime_directory],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(self.faults.environment if self.faults else {})})

    def start(self, seconds=20):
        """Starts it, waits until it accepts events, and returns how long that took. Unmet if it ends before."""
        begun = time.monotonic()
        self.launch()
        self.wait_until_ready(seconds)
        return time.monotonic() - begun

    def wait_until_alive(self, seconds=20):
        """Waits until it answers, whether it accepts events or not."""
        eventually("the daemon answers", seconds, lambda: self.readiness(must_run=True), pause=0.005)

    def wait_until_ready(self, seconds=20):
        try:
            eventually("the daemon is ready", seconds, lambda: self.readiness(must_run=True) == 200, pause=0.005)
        except Unmet as error:
            if self.is_running and self.readiness() == 503:
                raise Unmet(f"{error}: {self.call('GET', '/readyz')[1]['detail']}") from None
            raise

    def readiness(self, must_run=False):
        """The status of /readyz; None if nothing answers."""
        if must_run and self.process.poll() is not None:
            raise Unmet(f"the daemon has ended with {self.process.returncode}: {self.last_words()}")
        try:
            return self.call("GET", "/readyz", seconds=2)[0]
        except (OSError, http.client.HTTPException):
            return None

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """Ends it as a crash would; what it has written stays in the kernel's memory."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=20)

    def stop(self, seconds=20):
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def last_words(self):
        """What it has said at last, shortened."""
        return " / ".join(line[:400] for line in self.log().splitlines()[-3:]) or "(nothing)"

    def segments(self):
        """Sizes of the journal's segments by name."""
        sizes = {}
        journal = os.path.join(self.state_directory, "journal")
        for name in os.listdir(journal) if os.path.isdir(journal) else []:
            try:
                if name.endswith(".seg"):
                    sizes[name] = os.path.getsize(os.path.join(journal, name))
            except FileNotFoundError:
                pass
        return sizes

    # Calls

    def call(self, method, path, body=None, seconds=10):
        """One call on api.sock; returns the status and the answer."""
        connection = UnixConnection(self.api_socket, seconds)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def add_webhook(self, url, events, tenant, **more):
        status, answer = self.call(
            "POST", "/api/v1/webhooks", {"url": url, "events": events, "tenantId": tenant, "isActive": True, **more})
        if status != 201:
            raise Unmet(f"no webhook: {status} {answer}")
        return answer

    def webhook(self, identifier):
        return self.call("GET", f"/api/v1/webhooks/{identifier}")[1]

    def webhooks(self):
        """Every webhook that is registered, by id."""
        found, cursor = {}, None
        for _ in range(1000):
            path = "/api/v1/webhooks?limit=100" + (f"&cursor={cursor}" if cursor else "")
            status, answer = self.call("GET", path)
            if status != 200:
                raise Unmet(f"no list of webhooks: {status} {answer}")
            found.update((webhook["id"], webhook) for webhook in answer["data"])
            cursor = answer.get("nextCursor")
            if not cursor:
                return found
        raise Unmet("the list of webhooks has no end")

    def status(self):
        return self.call("GET", "/api/v1/status")[1]


class Producer:
    """A connection to events.sock."""

    def __init__(self, daemon, seconds=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(daemon.events_socket)
        self.buffer = b""

    def write(self, lines):
        self.socket.sendall("".join(line + "\n" for line in lines).encode())

    def read(self, seconds=None):
        """The next reply; None at the end. TimeoutError if none comes in time."""
        if seconds is not None:
            self.socket.settimeout(seconds)
        while b"\n" not in self.buffer:
            # What was cut off by a crash is no reply.
            if not (more := self.socket.recv(65536)):
                return None
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def send(self, line):
        """One line, and its reply."""
        self.write([line])
        return self.read()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
