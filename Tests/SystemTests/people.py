"""Who may do what, and what an administrator sees."""

import json

from registry import test
from world import ADMINISTRATOR, API, APPLICATION, EVENTS, PROGRAMS, SERVICE, STRANGER, eventually, expect

EVENT = '{"event":"job.closed","tenantId":"walls","data":{}}\n'
STATUS_CALL = "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@test("delivery")
def delivery(world):
    """An administrator registers a webhook, an application sends, and the receiver gets it signed."""
    webhook = world.webhook("delivery")
    reply = world.send({
        "event": "application.scored", "tenantId": "delivery", "id": "first", "data": {"score": 1.50, "name": "Zoë"}})
    expect(reply == [{"ok": True, "id": "first", "webhooks": 1}], f"the reply is {reply}")
    webhook.wait_for(["first"])
    world.send(world.event("delivery", "first-again"), world.event("delivery", "first-again"))
    webhook.wait_for(["first-again"])
    expect(webhook.arrived() == {"first": 1, "first-again": 1}, f"there came {webhook.arrived()}")


@test("walls")
def walls(world):
    """Each socket is for its own group only, and nobody reads settings or state."""
    world.installed
    world.wait_until_active()
    cases = [
        (STRANGER, EVENTS, "EACCES"), (STRANGER, API, "EACCES"), (APPLICATION, API, "EACCES"),
        (ADMINISTRATOR, EVENTS, "EACCES"), (APPLICATION, EVENTS, '"ok":true'), (ADMINISTRATOR, API, "200 OK")]
    for user, socket, wanted in cases:
        text = EVENT if socket == EVENTS else STATUS_CALL
        found = world.write_lines([text], user=user, socket=socket, check=False)
        expect(wanted in found, f"{user} at {socket} gets {found!r} instead of {wanted}")
    for user in [STRANGER, APPLICATION, ADMINISTRATOR]:
        for path in ["/etc/hookline/hookline.toml", "/var/lib/hookline/registrations.json"]:
            found = world.machine.run("cat", path, user=user, check=False)
            expect(found.returncode != 0 and "Permission denied" in found.stdout, f"{user} may read {path}")
        for folder in ["/var/lib/hookline", "/var/lib/hookline/journal"]:
            found = world.machine.run("ls", folder, user=user, check=False)
            expect(found.returncode != 0, f"{user} may list {folder}")


@test("producer-rules")
def producer_rules(world):
    """Rules know producers by the uid and the groups that the kernel tells, also from inside the sandbox."""
    world.allowed
    world.wait_until_active()
    good = world.machine.read("/etc/hookline/hookline.toml")
    world.configure(good + f"""
[[producers]]
user = "{APPLICATION}"
tenants = ["by-user"]
[[producers]]
group = "hookline-clients"
tenants = ["by-group"]
""")
    try:
        world.reload()
        replies = world.send(*[world.event(tenant, "rules-1") for tenant in ["by-user", "by-group", "nobodys"]])
        found = [reply.get("error", "accepted") for reply in replies]
        expect(found == ["accepted", "accepted", "forbidden"], f"the replies are {replies}")
    finally:
        world.configure(good)
        world.reload()


@test("supplementary-group")
def supplementary_group(world):
    """An application's own unit gets access by SupplementaryGroups=, without its user being in the group."""
    world.installed
    unit = ["systemd-run", "--quiet", "--pipe", "--wait", f"--uid={STRANGER}"]
    program = [f"{PROGRAMS}/once.py", EVENTS]
    without = world.machine.run(*unit, *program, stdin=EVENT, check=False).stdout
    expect("EACCES" in without, f"without it: {without}")
    found = world.machine.run(*unit, "-p", "SupplementaryGroups=hookline-clients", *program, stdin=EVENT).stdout
    expect('"ok":true' in found, f"with it: {found}")


@test("status")
def status(world):
    """`systemctl status`, `journalctl` and `hookline status` tell an administrator how things are."""
    webhook = world.webhook("status")
    world.send(world.event("status", "status-1"))
    webhook.wait_for(["status-1"])
    world.machine.run("usermod", "--append", "--groups", "adm", ADMINISTRATOR)
    text = world.machine.output("systemctl", "status", "--no-pager", "--lines=3", SERVICE, user=ADMINISTRATOR)
    for wanted in ["Active: active (running)", 'Status: "accepting events', "TriggeredBy:", "hookline.socket"]:
        expect(wanted in text, f"systemctl status does not say {wanted}:\n{text}")
    world.note("systemctl status hookline:")
    world.note("\n".join("  " + line for line in text.splitlines() if "CGroup" not in line))
    lines = world.machine.output("journalctl", "--no-pager", "-u", "hookline", user=ADMINISTRATOR)
    for wanted in ["Started ", "ready", "from systemd"]:
        expect(wanted in lines, f"journalctl does not say {wanted}:\n{lines}")
    expect("whsec_" not in lines, "a secret is in the journal")
    world.note("journalctl -u hookline, the last lines:")
    world.note("\n".join("  " + line for line in lines.splitlines()[-4:]))
    report = json.loads(world.hookline("status", "--json"))
    expect(report, "hookline status says nothing")
    world.note("hookline status:")
    world.note("\n".join("  " + line for line in world.hookline("status").splitlines()))


@test("catalogue")
def catalogue(world):
    """`journalctl -x` explains messages, with the values of their fields."""
    world.installed
    world.machine.run("systemctl", "restart", SERVICE)
    explained = world.machine.output("journalctl", "--no-pager", "-x", "-u", "hookline", "-n", "40")
    for wanted in ["Subject: Hookline takes events", "from systemd for events", "Subject: Hookline has stopped"]:
        expect(wanted in explained, f"journalctl -x does not say \"{wanted}\":\n{explained}")
    expect("@HOOKLINE_" not in explained, f"a field of an explanation is missing:\n{explained}")
    entry = next(line for line in explained.splitlines() if "Subject: Hookline takes events" in line)
    world.note(entry.strip())


@test("reload-with-a-bad-file")
def reload_with_a_bad_file(world):
    """A reload with a file that has a mistake keeps the old settings, and says so with the key."""
    webhook = world.webhook("reload")
    before = world.show("MainPID")
    since = world.cursor()
    good = world.machine.read("/etc/hookline/hookline.toml")
    world.configure(good + '[ingest]\nmax-line-bytez = "1MiB"\n')
    try:
        world.machine.run("systemctl", "reload", SERVICE, check=False)
        eventually("STATUS= says so", lambda: "not reloaded" in world.status_text())
        told = eventually("the journal says so", lambda: [
            line for line in world.log(since).splitlines() if "not reloaded" in line and "max-line-bytez" in line])
        world.note(told[0])
        world.note("STATUS=" + world.status_text())
        expect(world.is_active(SERVICE) and world.show("MainPID") == before, "the service was restarted")
        # The setting that this test depends on is still there: an address of this machine is allowed.
        world.send(world.event("reload", "reload-1"))
        webhook.wait_for(["reload-1"])
    finally:
        world.configure(good)
        world.reload()
    eventually("STATUS= is good again", lambda: "not reloaded" not in world.status_text())
