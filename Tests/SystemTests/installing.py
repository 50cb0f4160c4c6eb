"""The installation, and what it has made."""

import os
import stat
import time

from registry import test
from world import API, EVENTS, SERVICE, SOCKETS, eventually, expect

UNITS = [SERVICE, *SOCKETS]


@test("install")
def install(world):
    """Installing the package gives an active service and both sockets, on a machine without a network."""
    world.installed
    machine = world.machine
    world.wait_until_active()
    enabled = machine.output("systemctl", "is-enabled", *UNITS).split()
    expect(enabled == ["enabled"] * 3, f"the units are {enabled}")
    failed = machine.output("systemctl", "--failed", "--no-legend")
    expect(not failed, f"units have failed: {failed}")
    expect(world.restarts() == 0, "the first start did not succeed at once")
    expect(world.show("Type") == "notify", "the service does not tell when it is ready")
    for unit in UNITS:
        for relation in ["After", "Wants", "Requires", "BindsTo", "Requisite"]:
            waits = world.show(relation, unit)
            expect("network-online.target" not in waits, f"{unit} has {relation}={waits}")
    # There is no man(1) on the machine.
    notes = machine.output("systemd-analyze", "verify", "--man=no", *UNITS, check=False)
    expect("hookline" not in notes, f"systemd-analyze verify: {notes}")
    world.note(machine.output("hookline", "--version"))


@test("files")
def files(world):
    """Every path has the owner and the mode that it should have."""
    world.installed
    world.wait_until_active()
    # An event, so that there is a journal.
    world.send(world.event("files", "files-1"))
    expected = [
        ("/etc/hookline/hookline.toml", "root:hookline 640"),
        (EVENTS, "hookline:hookline-clients 660"), (API, "hookline:hookline-admin 660"),
        ("/run/hookline", "root:root 755"), ("/var/lib/hookline", "hookline:hookline 700"),
        ("/var/lib/hookline/journal", "hookline:hookline 700"), ("/usr/bin/hookline", "root:root 755")]
    for path, wanted in expected:
        found = world.machine.output("stat", "-c", "%U:%G %a", path)
        expect(found == wanted, f"{path} is {found}, not {wanted}")
    for folder, _, names in os.walk(world.machine.inside("/var/lib/hookline")):
        for name in names:
            mode = stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode)
            expect(mode == 0o600, f"{name} in the state directory has mode {mode:o}")


@test("activation")
def activation(world):
    """A stopped service is started by the first connection to either socket, which gets its answer."""
    world.installed
    for socket_unit, use in [
        ("events", lambda: world.send(world.event("activation", "activation-1"))[0]["ok"]),
        ("api", lambda: world.hookline("webhooks", "list", "--json")),
    ]:
        begun = time.monotonic()
        world.machine.run("systemctl", "stop", SERVICE)
        # Also moments after a start: nothing is in flight that it had to wait for.
        expect(time.monotonic() - begun < 8, f"it took {time.monotonic() - begun:.1f} s to stop")
        expect(not world.is_active(SERVICE), "the service did not stop")
        expect(world.is_active(*SOCKETS), "its sockets stopped with it")
        expect(use(), f"no answer over the {socket_unit} socket")
        eventually("the service is active", lambda: world.is_active(SERVICE))
