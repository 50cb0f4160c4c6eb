"""Removing and purging the package."""

import json

from registry import test
from world import SERVICE, SOCKETS, eventually, expect

# What stays by design: the system user and groups, and what is about packages rather than of this one.
KEPT = (
    "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/var/log/", "/var/cache/", "/srv/", "/home/",
    "/var/lib/dpkg/", "/var/lib/apt/", "/var/mail/", "/var/spool/mail/")


@test("remove")
def remove(world):
    """Removing ends everything and keeps settings and state; a new installation goes on from them."""
    webhook = world.webhook("remove")
    replies = world.send(world.event("remove", "remove-1"))
    expect(replies[0]["ok"], f"the reply is {replies}")
    webhook.wait_for(["remove-1"])
    world.apt("remove", "hookline")
    for unit in [SERVICE, *SOCKETS]:
        expect(not world.is_active(unit), f"{unit} is still active")
    for path, stays in [("/run/hookline", False), ("/etc/hookline/hookline.toml", True), ("/var/lib/hookline", True)]:
        there = world.machine.run("test", "-e", path, check=False).returncode == 0
        expect(there == stays, f"{path} is {'still there' if there else 'gone'}")
    world.apt("install", world.copy(world.package))
    world.wait_until_active()
    shown = json.loads(world.hookline("webhooks", "show", webhook.id, "--json"))
    expect(shown["id"] == webhook.id, f"the webhook is not what it was: {shown}")
    reply = world.send(world.event("remove", "remove-1"))[0]
    expect(reply.get("duplicate") is True, f"its events are forgotten: {reply}")


@test("purge")
def purge(world):
    """Purging leaves nothing on the disk but the system user and groups."""
    world.installed
    world.apt("purge", "hookline")
    expect(not world.is_active(SERVICE), "the service is still active")
    names = world.machine.output(
        "find", "/", "-xdev", "(", "-path", "/proc", "-o", "-path", "/sys", ")", "-prune", "-o", "-iname", "*hookline*",
        "-print", check=False).splitlines()
    names += world.machine.output("find", "/run", "-iname", "*hookline*", check=False).splitlines()
    mentions = world.machine.output(
        "grep", "--recursive", "--files-with-matches", "--ignore-case", "--binary-files=without-match", "hookline",
        "/etc", "/usr/lib", "/usr/share", "/usr/local", "/var/lib", check=False).splitlines()
    left = [path for path in names + mentions if not path.startswith(KEPT)]
    expect(not left, f"there is still {', '.join(left)}")
    units = world.machine.output("systemctl", "list-units", "--all", "--no-legend", "hookline*")
    expect(not units, f"systemd still knows {units}")
