"""The README's way to a first delivery, word for word, on a machine that has nothing but the package."""

import re
import subprocess
import time

from registry import test
from world import HERE, eventually, expect

README = f"{HERE}/../../README.md"
SECTION = "## Five minutes to a first delivery"
USER = "ada"
BUILD_TOOLS = ["swift", "swiftc", "clang", "gcc", "cc", "make", "git", "ld", "node"]


def blocks():
    """The section's commands, without the aliases that stand for an installed executable."""
    with open(README, encoding="utf-8") as file:
        section = re.split(r"^(?=## )", file.read(), flags=re.MULTILINE)
    section = next(part for part in section if part.startswith(SECTION))
    found = re.findall(r"^```sh\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"^alias hookline=.*\n", "", block, flags=re.MULTILINE) for block in found]


def block(all_blocks, word):
    found = [text for text in all_blocks if word in text]
    expect(len(found) == 1, f"{len(found)} blocks of \"{SECTION}\" contain \"{word}\", and the test is about one")
    return found[0]


class Terminal:
    """A command in the foreground of a terminal; it is ended by Ctrl-C."""

    def __init__(self, world, text, user):
        self.world, self.user, self.name = world, user, f"/tmp/terminal-{time.monotonic_ns()}"
        # Its output goes to a file, where it can be looked at while it runs.
        world.machine.write(self.name, "", 0o666)
        self.process = world.machine.start("bash", "-c", f"exec >>{self.name} 2>&1\n{text}", user=user)

    def output(self):
        return self.world.machine.read(self.name)

    def interrupt(self):
        self.world.machine.run("pkill", "-INT", "-u", self.user, "-f", "hookline listen", check=False)
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


@test("first-delivery", machine="fresh")
def first_delivery(world):
    """A machine without any build tool installs the package and follows the README's first-delivery steps."""
    machine = world.machine
    for tool in BUILD_TOOLS:
        there = machine.run("sh", "-c", f"command -v {tool}", check=False)
        expect(there.returncode != 0, f"there is a {tool} on the machine")
    world.apt("install", world.copy(world.package))
    machine.run("useradd", "--create-home", USER)
    steps = blocks()
    machine.run("bash", "-e", "-c", block(steps, "systemctl reload").replace("$USER", USER))
    eventually("the settings are reloaded", lambda: "configuration reloaded" in world.log())

    receiver = Terminal(world, block(steps, "hookline listen"), USER)
    eventually("the receiver listens", lambda: "http://127.0.0.1:8088" in receiver.output())
    send = block(steps, "hookline send")
    reply = machine.output("bash", "-e", "-c", send, user=USER)
    expect('"ok":true' in reply, f"the reply is {reply}")
    try:
        eventually("the delivery is shown, verified", lambda: "both signatures" in receiver.output())
    finally:
        world.note(receiver.output())

    # "End `listen`, send again, and start `listen` again: the delivery comes late, but it comes."
    receiver.interrupt()
    reply = machine.output("bash", "-e", "-c", send, user=USER)
    expect('"ok":true' in reply, f"the reply without a receiver is {reply}")
    time.sleep(1)
    listen = next(line for line in block(steps, "hookline listen").splitlines() if line.startswith("hookline listen"))
    begun = time.monotonic()
    receiver = Terminal(world, listen, USER)
    eventually("the late delivery is shown", lambda: "both signatures" in receiver.output(), seconds=60)
    world.note(f"the late one came {time.monotonic() - begun:.1f} s after the receiver was there again")
    receiver.interrupt()
