"""What goes wrong on hosts: a broken executable, a full disk, a reboot with work left, receivers that are dead."""

import contextlib
import os
import time

from registry import test
from world import APPLICATION, EVENTS, PORT, PROGRAMS, SERVICE, SOCKETS, eventually, expect

STATE = "/var/lib/hookline"
OFTEN = ["--retry-schedule", "1s,2s,2s,2s,2s,2s,2s,2s"]


@test("crash-loop")
def crash_loop(world):
    """While the executable is broken the sockets listen on, and whoever has connected is served afterwards."""
    webhook = world.webhook("loop")
    executable = world.machine.inside("/usr/bin/hookline")
    before = world.restarts()
    os.rename(executable, executable + ".whole")
    try:
        world.machine.write("/usr/bin/hookline", "this is no program\n", 0o755)
        world.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", SERVICE)
        eventually("it fails again and again", lambda: world.restarts() >= before + 7, seconds=40)
        expect(world.is_active(*SOCKETS), "the sockets have given up")
        waiting = world.machine.start(f"{PROGRAMS}/once.py", EVENTS, user=APPLICATION)
        waiting.stdin.write('{"event":"job.created","tenantId":"loop","id":"loop-1","data":{}}\n')
        waiting.stdin.close()
        eventually("it goes on failing", lambda: world.restarts() >= before + 9)
        expect(waiting.poll() is None, "who had connected was sent away")
    finally:
        os.rename(executable + ".whole", executable)
    world.wait_until_active()
    reply = waiting.stdout.read()
    waiting.stdout.close()
    waiting.wait(20)
    expect('"ok":true' in reply, f"the reply to who had waited is {reply!r}")
    webhook.wait_for(["loop-1"])
    world.note(f"{world.restarts() - before} starts failed; who had connected meanwhile got {reply.strip()}")


@contextlib.contextmanager
def small_disk(world, mebibytes):
    """The state directory on a disk of its own."""
    machine = world.machine
    machine.run("systemctl", "stop", SERVICE)
    machine.run(
        "mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700,uid=hookline,gid=hookline", "tmpfs", STATE)
    try:
        machine.run("systemctl", "start", SERVICE)
        yield
    finally:
        machine.run("systemctl", "stop", SERVICE)
        machine.run("umount", STATE)
        machine.run("systemctl", "start", SERVICE)
        world.wait_until_active()


@test("full-disk")
def full_disk(world):
    """On a full disk events are refused with a time to come back; with space they are accepted, without a restart."""
    world.allowed
    with small_disk(world, 192):
        webhook = world.webhook("full")
        expect(world.send(world.event("full", "full-0"))[0]["ok"], "no event was accepted on an empty disk")
        pid = world.show("MainPID")
        world.machine.run("sh", "-c", f"head -c 1G /dev/zero >{STATE}/ballast", check=False)
        accepted, refusal = ["full-0"], None
        while not refusal and len(accepted) < 1000:
            events = [world.event("full", f"full-{len(accepted) + number}", size=200_000) for number in range(50)]
            for event, reply in zip(events, world.send(*events)):
                if reply["ok"]:
                    accepted.append(reply["id"])
                else:
                    refusal = refusal or reply
        expect(refusal, f"{len(accepted)} events of 200 kB were accepted on a full disk")
        expect(refusal["error"] in ("storage_error", "backlog_full"), f"the refusal is {refusal}")
        expect(refusal["retryAfterMs"] > 0, f"the refusal has no time to come back: {refusal}")
        eventually("STATUS= says so", lambda: "refusing events" in world.status_text())
        world.note(f"after {len(accepted)} events: {refusal}")
        world.note("STATUS=" + world.status_text())
        os.unlink(world.machine.inside(f"{STATE}/ballast"))
        begun = time.monotonic()
        eventually("events are accepted again", lambda: world.send(event)[0]["ok"])
        world.note(f"accepted again {time.monotonic() - begun:.1f} s after there was space")
        accepted.append(event["id"])
        webhook.wait_for(accepted)
        expect(world.show("MainPID") == pid, "it was restarted")
        eventually("STATUS= is good again", lambda: "refusing" not in world.status_text())


@test("reboot-with-a-backlog")
def reboot_with_a_backlog(world):
    """What was acknowledged while the receiver was down arrives after a reboot."""
    webhook = world.webhook("reboot", *OFTEN)
    world.order("close")
    identifiers = [f"reboot-{number}" for number in range(200)]
    replies = world.send(*[world.event("reboot", key) for key in identifiers])
    expect(all(reply["ok"] for reply in replies) and len(replies) == 200, "not all events were acknowledged")
    world.end_inbox()
    begun = time.monotonic()
    world.machine.reboot()
    world.wait_until_active()
    world.note(f"rebooted and active again within {time.monotonic() - begun:.1f} s")
    world.order("add", webhook.path, secret=webhook.secret)
    webhook.wait_for(identifiers, seconds=90)
    world.note(f"all 200 events arrived {time.monotonic() - begun:.1f} s after the reboot began")


@test("dead-receivers")
def dead_receivers(world):
    """Receivers that hang, refuse connections or answer 503 are no reason for a restart: the watchdog is fed on."""
    hanging, broken = world.webhook("hanging"), world.webhook("broken")
    world.order("behave", hanging.path, how="hanging")
    world.order("behave", broken.path, how="broken")
    world.hookline(
        "webhooks", "add", f"http://127.0.0.1:{PORT + 1}/", "--tenant", "hanging", "--event", "*", "--json")
    with world.drop_in("watchdog", "[Service]\nWatchdogSec=2\n"):
        before, pid = world.restarts(), world.show("MainPID")
        end = time.monotonic() + 7
        number = 0
        while time.monotonic() < end:
            number += 1
            for tenant in ["hanging", "broken"]:
                expect(world.send(world.event(tenant, f"dead-{number}"))[0]["ok"], "an event was refused")
        expect(
            world.restarts() == before and world.show("MainPID") == pid,
            "the service was restarted because of receivers")
        for webhook in [hanging, broken]:
            world.order("behave", webhook.path, how="healthy")
