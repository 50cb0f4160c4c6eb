"""Loops of the daemon that hang, each in turn, as a file of root's says: the watchdog finds every one of them."""

import contextlib
import os
import time

from registry import test
from world import SERVICE, eventually, expect

LOOPS = ["ingest", "journal", "delivery", "senders", "api", "readers", "registrar"]
FAULT_FILE = "/run/fault-of-a-loop"
WATCHDOG_SECONDS = 2


def hang(world, loop):
    webhook = world.webhook(f"hang-{loop}")
    settings = f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\nEnvironment=HOOKLINE_FAULT_FILE={FAULT_FILE}\n"
    with world.drop_in("fault", settings):
        before, pid, since = world.restarts(), world.show("MainPID"), world.cursor()
        with world.load(webhook, short=2, long=1) as load:
            begun = time.monotonic()
            try:
                world.machine.write(FAULT_FILE, loop)
                eventually("it hangs", lambda: "as the fault file says" in world.log(since))
            finally:
                # The one that is started next shall not hang.
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(world.machine.inside(FAULT_FILE))
            eventually("systemd starts it again", lambda: world.restarts() > before and world.show("MainPID") != pid)
            world.wait_until_active()
            seconds = time.monotonic() - begun
        log = world.log(since)
        expect("Failed with result 'watchdog'" in log, f"it was not the watchdog:\n{log}")
        expect(world.restarts() == before + 1, "it was restarted more than once")
        told = [line for line in log.splitlines() if "no progress" in line and loop in line]
        expect(told, f"the journal does not name the loop:\n{log}")
        world.note(f"WatchdogSec={WATCHDOG_SECONDS}: active again {seconds:.1f} s after the loop hung; told: {told[0]}")
        load.check(world.note, repeats_since=begun)


for name in LOOPS:
    def body(world, loop=name):
        hang(world, loop)
    body.__doc__ = f"The loop \"{name}\" hangs: Result=watchdog, a restart, and nothing is lost."
    test(f"hang-{name}")(body)
