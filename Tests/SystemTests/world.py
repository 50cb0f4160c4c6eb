"""What the tests share on one machine: the installed package, people, a receiver of webhooks, and load."""

import contextlib
import functools
import json
import os
import re
import subprocess
import threading
import time

from machine import CommandFailed

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = "/srv/programs"
PACKAGES = "/srv/packages"
PORT = 8099
EVENTS, API = "/run/hookline/events.sock", "/run/hookline/api.sock"
SERVICE, SOCKETS = "hookline.service", ["hookline.socket", "hookline-api.socket"]
# Deliveries of the last 100 ms before a crash may be repeated; and a busy machine takes its time to take them.
REPEATED_SECONDS = 0.4
SETTINGS = '[egress]\nallow = ["127.0.0.1/32"]\n'
# Who is who: an administrator, an application that may send, one that may not, and whoever receives webhooks.
ADMINISTRATOR, APPLICATION, STRANGER, RECIPIENT = "ada", "shop", "eve", "hooks"


class Failure(Exception):
    """A test's expectation that was not met."""


def expect(condition, text):
    if not condition:
        raise Failure(text)


def eventually(what, condition, seconds=20, pause=0.05):
    """Waits until a condition holds, and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s; at last {value!r}")
        time.sleep(pause)


class Webhook:
    def __init__(self, world, path, answer):
        self.world, self.path, self.id, self.secret = world, path, answer["id"], answer["secret"]

    def report(self):
        return self.world.order("report", self.path)

    def arrived(self):
        return self.report()["counts"]

    def wait_for(self, identifiers, seconds=60):
        """Waits until all of them have arrived, signed as they should be."""
        wanted = set(identifiers)
        eventually(
            f"all {len(wanted)} acknowledged events arrive", lambda: wanted <= set(self.arrived()), seconds, pause=0.2)
        problems = self.report()["problems"]
        expect(not problems, f"deliveries are not as they should be: {problems[:5]}")


class World:
    def __init__(self, machine, package, note):
        self.machine, self.package, self.note = machine, package, note
        self.inbox = None
        self.inbox_lock = threading.Lock()
        self.upgrades = 0
        self.is_tried = False

    # The package

    def copy(self, package):
        return self.machine.put(package, PACKAGES)

    def apt(self, *arguments, seconds=120):
        return self.machine.output("apt-get", "--yes", "--no-install-recommends", *arguments, seconds=seconds)

    @functools.cached_property
    def installed(self):
        """The package is installed, and people may use it."""
        expect(not self.is_tried, "the package could not be installed")
        self.is_tried = True
        self.apt("install", self.copy(self.package))
        for user, group in [
            (ADMINISTRATOR, "hookline-admin"), (APPLICATION, "hookline-clients"), (STRANGER, None), (RECIPIENT, None)]:
            self.machine.run("useradd", "--create-home", *(["--groups", group] if group else []), user)
        for name in os.listdir(os.path.join(HERE, "inside")):
            if name.endswith(".py"):
                self.machine.put(os.path.join(HERE, "inside", name), PROGRAMS, 0o755)
        for name in ["receiver.py", "events.py"]:
            self.machine.put(os.path.join(HERE, "..", "CrashTests", name), PROGRAMS)
        return True

    def newer_package(self):
        """A package with the same contents and a higher version each time; its path on this side."""
        self.upgrades += 1
        folder = self.machine.path("package")
        subprocess.run(["rm", "-rf", folder], check=True)
        subprocess.run(["dpkg-deb", "--raw-extract", self.package, folder], check=True)
        control = os.path.join(folder, "DEBIAN/control")
        with open(control, encoding="utf-8") as file:
            text = file.read()
        with open(control, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^(Version: .*)$", rf"\1+test{self.upgrades}", text, count=1, flags=re.MULTILINE))
        path = self.machine.path(f"hookline_test{self.upgrades}.deb")
        subprocess.run(
            ["dpkg-deb", "-Zgzip", "-z1", "--build", folder, path], check=True, stdout=subprocess.DEVNULL)
        return path

    # The service

    def show(self, name, unit=SERVICE):
        return self.machine.output("systemctl", "show", "--value", "--property", name, unit)

    def is_active(self, *units):
        return self.machine.run("systemctl", "is-active", *units, check=False).stdout.split() == ["active"] * len(units)

    def wait_until_active(self, seconds=60):
        eventually("the service is active", lambda: self.is_active(SERVICE, *SOCKETS), seconds)

    def restarts(self):
        """How often systemd has restarted the service by itself."""
        return int(self.show("NRestarts"))

    def status_text(self):
        return self.show("StatusText")

    def log(self, after=None):
        """What the journal has about the units, from a place in it on."""
        more = ["--after-cursor", after] if after else []
        return self.machine.output("journalctl", "--no-pager", "-o", "cat", "-u", "hookline*", *more)

    def cursor(self):
        """The place in the journal where it ends now."""
        return self.machine.output("journalctl", "--no-pager", "-n", "1", "-o", "cat", "--show-cursor").rsplit(
            "-- cursor: ", 1)[1]

    @functools.cached_property
    def allowed(self):
        """The settings allow deliveries to this machine's own addresses, by what an administrator does for that."""
        self.installed
        self.wait_until_active()
        self.configure(SETTINGS)
        self.reload()
        return True

    def reload(self):
        """Reloads the settings, and returns when they count."""
        before = self.cursor()
        self.machine.run("systemctl", "reload", SERVICE)
        eventually("the settings are reloaded", lambda: "configuration reloaded" in self.log(before))

    def configure(self, text):
        """Writes the settings; who owns the file and may read it stays as it is."""
        with open(self.machine.inside("/etc/hookline/hookline.toml"), "w", encoding="utf-8") as file:
            file.write(text)

    @contextlib.contextmanager
    def drop_in(self, name, text):
        """Settings of the unit that a test needs; the service is started anew with them, and without them."""
        path = f"/run/systemd/system/{SERVICE}.d/{name}.conf"
        self.machine.write(path, text)
        try:
            self.machine.run("systemctl", "daemon-reload")
            self.machine.run("systemctl", "restart", SERVICE)
            yield
        finally:
            os.unlink(self.machine.inside(path))
            os.rmdir(self.machine.inside(os.path.dirname(path)))
            self.machine.run("systemctl", "daemon-reload")
            self.machine.run("systemctl", "restart", SERVICE)
            self.wait_until_active()

    def mend(self):
        """After a test that failed: what the next one finds must not depend on where it stopped."""
        with contextlib.suppress(CommandFailed):
            self.machine.run("systemctl", "reset-failed")
            self.machine.run("systemctl", "start", *SOCKETS, SERVICE, check=False)

    # People

    def hookline(self, *arguments, user=ADMINISTRATOR, **more):
        return self.machine.output("hookline", *arguments, user=user, **more)

    def write_lines(self, lines, user=APPLICATION, socket=EVENTS, check=True):
        """Writes lines to a socket in one connection, and returns what is printed for them."""
        text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
        return self.machine.output(f"{PROGRAMS}/once.py", socket, user=user, stdin=text, check=check)

    def send(self, *events, user=APPLICATION):
        """Sends events, and returns their replies."""
        return [json.loads(line) for line in self.write_lines(events, user).splitlines()]

    def event(self, tenant, identifier, size=10):
        return {"event": "job.created", "tenantId": tenant, "id": identifier, "data": {"pad": "x" * size}}

    # Webhooks

    def order(self, what, path=None, **more):
        """Has the receiver do something."""
        with self.inbox_lock:
            if self.inbox is None or self.inbox.poll() is not None:
                self.inbox = self.machine.start(f"{PROGRAMS}/inbox.py", str(PORT), user=RECIPIENT)
            self.inbox.stdin.write(json.dumps({"do": what, "path": path, **more}) + "\n")
            self.inbox.stdin.flush()
            answer = self.inbox.stdout.readline()
        expect(answer, "the receiver has ended")
        return json.loads(answer)

    def end_inbox(self):
        if self.inbox is not None:
            self.inbox.stdin.close()
            self.inbox.wait(20)
            self.inbox.stdout.close()
            self.inbox = None

    def webhook(self, tenant, *options):
        """A webhook of a tenant of its own that an administrator has registered, and a receiver for it."""
        self.allowed
        answer = json.loads(self.hookline(
            "webhooks", "add", f"http://127.0.0.1:{PORT}/{tenant}", "--tenant", tenant, "--event", "*", "--json",
            *options))
        webhook = Webhook(self, f"/{tenant}", answer)
        self.order("add", webhook.path, secret=webhook.secret)
        return webhook

    # Load

    @contextlib.contextmanager
    def load(self, webhook, short=4, long=3):
        """Applications that write events while the body runs. Afterwards what is yielded holds what they have seen."""
        process = self.machine.start(
            f"{PROGRAMS}/producers.py", EVENTS, webhook.path[1:], str(short), str(long), user=APPLICATION)
        load = Load(webhook)
        try:
            expect(process.stdout.readline() == "started\n", "the producers did not start")
            time.sleep(1)
            yield load
            time.sleep(1)
            process.stdin.close()
            load.take(json.loads(process.stdout.read()))
            expect(process.wait(60) == 0, "the producers failed")
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


class Load:
    """What producers have seen, and what of it must never be."""

    def __init__(self, webhook):
        self.webhook = webhook
        self.short = self.long = None

    def take(self, report):
        self.short, self.long = report["short"], report["long"]

    def check(self, note, repeats_since=None):
        """No connection refused, nothing lost, and nothing delivered twice but what a crash may repeat.

        - repeats_since: when the daemon was killed or hung, on the monotonic clock; None: it was stopped in order.
        """
        acknowledged = self.short["acknowledged"] + self.long["acknowledged"]
        refused = {**self.short["refused"], **self.long["refused"]}
        put_off = {**self.short["put_off"], **self.long["put_off"]}
        breaks = self.long["breaks"]
        note(
            f"{self.short['connections']} short connections: {sum(refused.values())} refused, "
            f"{self.short['cut']} cut and sent again, longest wait {self.short['longest_wait']:.2f} s")
        note(
            f"{len(breaks)} breaks of long connections, longest until acknowledged again "
            f"{max(breaks, default=0):.2f} s")
        expect(not refused, f"connections were refused: {refused}")
        failures = self.short["failures"] + self.long["failures"]
        expect(not failures, f"events failed: {failures[:5]}")
        self.webhook.wait_for(acknowledged)
        repeats = self.webhook.report()["repeats"]
        note(
            f"{len(acknowledged)} events acknowledged: 0 lost, {len(repeats)} delivered twice"
            + (f"; put off {put_off}" if put_off else ""))
        if repeats_since is None:
            wrong = [key for key, _ in repeats]
        else:
            wrong = [key for key, before in repeats if before < repeats_since - REPEATED_SECONDS]
        expect(not wrong, f"{len(wrong)} deliveries came more than once: {wrong[:5]}")
