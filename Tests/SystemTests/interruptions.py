"""Restart, crash, hang and upgrade while applications write events: none of them is refused, and nothing is lost."""

import os
import time

from registry import test
from world import EVENTS, SERVICE, SOCKETS, eventually, expect

WATCHDOG_SECONDS = 3


def socket_identity(world):
    """What changes if a listening socket is closed and made anew, and its queue lost."""
    return [world.show("ActiveEnterTimestampMonotonic", unit) for unit in SOCKETS] + [
        os.stat(world.machine.inside(EVENTS)).st_ino]


@test("restart-under-load")
def restart_under_load(world):
    """`systemctl restart`, three times."""
    webhook = world.webhook("restart")
    with world.load(webhook) as load:
        for _ in range(3):
            world.machine.run("systemctl", "restart", SERVICE)
            time.sleep(0.5)
    load.check(world.note)


@test("crash-under-load")
def crash_under_load(world):
    """A segmentation fault: restarted by systemd."""
    webhook = world.webhook("crash")
    before, since = world.restarts(), world.cursor()
    with world.load(webhook) as load:
        pid, crashed = world.show("MainPID"), time.monotonic()
        world.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=SEGV", SERVICE)
        eventually("systemd starts it again", lambda: world.restarts() > before and world.show("MainPID") != pid)
        world.wait_until_active()
    expect("status=11/SEGV" in world.log(since), "the crash is not in the journal")
    load.check(world.note, repeats_since=crashed)


@test("hang-under-load")
def hang_under_load(world):
    """A process that is stopped (SIGSTOP) is found by the watchdog and replaced."""
    webhook = world.webhook("hang")
    with world.drop_in("watchdog", f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\n"):
        since = world.cursor()
        with world.load(webhook) as load:
            pid, begun = world.show("MainPID"), time.monotonic()
            world.machine.run("kill", "-STOP", pid)
            eventually("systemd sees the hang", lambda: "result 'watchdog'" in world.log(since))
            eventually("it is replaced", lambda: world.show("MainPID") not in ("0", pid))
            world.wait_until_active()
            world.note(f"WatchdogSec={WATCHDOG_SECONDS}: active again {time.monotonic() - begun:.1f} s after SIGSTOP")
        load.check(world.note, repeats_since=begun)


@test("upgrade-under-load")
def upgrade_under_load(world):
    """Two upgrades of the package: the listening sockets stay the same, and their queues with them."""
    webhook = world.webhook("upgrade")
    sockets, pid = socket_identity(world), world.show("MainPID")
    with world.load(webhook) as load:
        for _ in range(2):
            newer = world.copy(world.newer_package())
            world.apt("install", newer)
            world.wait_until_active()
            now = world.show("MainPID")
            expect(now != pid, "the old executable still runs")
            pid = now
    version = world.machine.output("dpkg-query", "-W", "-f", "${Version}", "hookline")
    expect(version.endswith("+test2"), f"the version is {version}")
    expect(socket_identity(world) == sockets, "the sockets were made anew")
    load.check(world.note)
