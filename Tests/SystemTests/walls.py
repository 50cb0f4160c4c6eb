"""What keeps secrets and addresses out of reach: the master key's credential, and the unit's packet filter."""

import base64
import contextlib
import json
import os

from machine import CommandFailed
from registry import test
from world import SERVICE, SETTINGS, SOCKETS, eventually, expect

STATE = "/var/lib/hookline"
NAME = "hookline.master-key"
PLAIN, ENCRYPTED = f"/etc/credstore/{NAME}", f"/etc/credstore.encrypted/{NAME}"
EXAMPLE = "/usr/share/doc/hookline/examples/encrypted-master-key.conf"
LINK_LOCAL = "169.254.7.7"


def files_with(world, secret):
    """Files of the state directory that hold a secret, as text or as the bytes that it stands for."""
    wanted = [secret.encode(), secret.removeprefix("whsec_").encode(), base64.b64decode(secret.removeprefix("whsec_"))]
    found = []
    for folder, _, names in os.walk(world.machine.inside(STATE)):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                contents = file.read()
            if any(text in contents for text in wanted):
                found.append(name)
    return found


def delivers(world, webhook, identifier):
    world.wait_until_active()
    expect(world.send(world.event(webhook.path[1:], identifier))[0]["ok"], f"{identifier} was refused")
    webhook.wait_for([identifier])


@test("master-key")
def master_key(world):
    """The credential seals secrets; a wrong one is refused in words; encrypted, changed and taken away it works as well."""
    machine = world.machine
    webhook = world.webhook("sealed")
    delivers(world, webhook, "sealed-1")
    expect(files_with(world, webhook.secret), "without a key, the state has the secret")
    machine.run("install", "-d", "-m", "0700", os.path.dirname(PLAIN), os.path.dirname(ENCRYPTED))
    drop_in = f"/run/systemd/system/{SERVICE}.d/encrypted-master-key.conf"
    try:
        machine.run("sh", "-c", f"head -c 32 /dev/urandom | install -m 0600 /dev/stdin {PLAIN}")
        before = world.cursor()
        machine.run("systemctl", "restart", SERVICE)
        expect("secrets are sealed" in world.log(before), "the log does not say that secrets are sealed")
        expect(not files_with(world, webhook.secret), f"the secret is still in {files_with(world, webhook.secret)}")
        delivers(world, webhook, "sealed-2")

        # Another key: no start, but the sockets listen, and the text says which key it was.
        machine.run("cp", "-a", PLAIN, f"{PLAIN}.right")
        machine.run("sh", "-c", f"head -c 32 /dev/urandom > {PLAIN}")
        before = world.cursor()
        machine.run("systemctl", "restart", SERVICE, check=False)
        eventually("the log names the key", lambda: "hookline reseal" in world.log(before))
        expect(world.is_active(*SOCKETS), "the sockets went with the service")
        machine.run("mv", f"{PLAIN}.right", PLAIN)
        delivers(world, webhook, "sealed-3")

        # The same key, encrypted by the host's.
        machine.run("systemd-creds", "encrypt", f"--name={NAME}", PLAIN, ENCRYPTED)
        machine.run("mv", PLAIN, f"{PLAIN}.old")
        machine.run("install", "-D", "-m", "0644", EXAMPLE, drop_in)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "restart", SERVICE)
        delivers(world, webhook, "sealed-4")

        # Another key by the command, with the service stopped.
        machine.run("systemctl", "stop", *SOCKETS, SERVICE)
        machine.run("sh", "-c", f"head -c 32 /dev/urandom | base64 > {PLAIN}.new")
        machine.run("hookline", "reseal", "--key", f"{PLAIN}.old", "--new-key", f"{PLAIN}.new")
        machine.run("systemd-creds", "encrypt", f"--name={NAME}", f"{PLAIN}.new", ENCRYPTED)
        machine.run("systemctl", "start", *SOCKETS, SERVICE)
        delivers(world, webhook, "sealed-5")
        expect(not files_with(world, webhook.secret), f"the secret is in {files_with(world, webhook.secret)} again")
    finally:
        # Without a key again.
        machine.run("systemctl", "stop", *SOCKETS, SERVICE)
        for key in [f"{PLAIN}.new", f"{PLAIN}.old", PLAIN]:
            with contextlib.suppress(CommandFailed):
                machine.run("hookline", "reseal", "--plain", "--key", key)
        machine.run("rm", "-rf", drop_in, ENCRYPTED, *[f"{PLAIN}{end}" for end in ("", ".old", ".new", ".right")])
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", *SOCKETS, SERVICE)
    delivers(world, webhook, "sealed-6")


@test("packet-filter")
def packet_filter(world):
    """A link-local address that the settings allow stays closed to the service until a drop-in opens it."""
    world.allowed
    machine = world.machine
    machine.run("ip", "address", "add", f"{LINK_LOCAL}/32", "dev", "lo")
    world.configure(f'[egress]\nallow = ["127.0.0.1/32", "{LINK_LOCAL}/32"]\n')
    try:
        world.reload()
        webhook = json.loads(world.hookline(
            "webhooks", "add", f"http://{LINK_LOCAL}:9/", "--tenant", "filter", "--event", "*", "--timeout", "2s",
            "--json"))

        def outcome():
            return world.hookline("webhooks", "test", webhook["id"], "--json", check=False)

        # Nobody listens there: who gets through is refused by the kernel.
        closed = outcome()
        expect("refused" not in closed and "no answer" in closed, f"the filter let it through: {closed}")
        with world.drop_in("open", f"[Service]\nIPAddressAllow={LINK_LOCAL}\n"):
            world.wait_until_active()
            opened = outcome()
            expect("refused" in opened, f"the drop-in did not open it: {opened}")
        world.note(f"closed: {closed.strip()[:160]}")
    finally:
        world.configure(SETTINGS)
        world.reload()
        machine.run("ip", "address", "delete", f"{LINK_LOCAL}/32", "dev", "lo")
