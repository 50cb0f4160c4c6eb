"""The base root: a Debian 12 as it is right after its installation, built once and then only read."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time

SUITE = "bookworm"
# systemd as PID 1 with its bus and logins, and Python for the programs that act as applications and receivers.
PACKAGES = [
    "adduser", "ca-certificates", "dbus", "iproute2", "libnss-systemd", "libpam-systemd", "procps", "python3-minimal",
    "systemd", "systemd-sysv", "libpython3-stdlib"]
# Older ones are built anew: they would be an installation without the updates of the time since.
DAYS_MAX = 7
SECONDS_MAX = 300


def dependencies(package):
    """The packages that a .deb needs; of alternatives the first one."""
    fields = subprocess.run(
        ["dpkg-deb", "--field", package, "Pre-Depends", "Depends"], check=True, capture_output=True, text=True).stdout
    clauses = re.sub(r"^[A-Za-z-]+:|\n", " ", fields, flags=re.MULTILINE).replace("Pre-Depends:", ",").split(",")
    names = [re.split(r"[ |(:]", clause.strip(), maxsplit=1)[0] for clause in clauses]
    return [name for name in names if name]


def sources():
    """This machine's own apt sources of Debian: the deb822 file if there is one, else the classic list."""
    for path in ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]:
        if os.path.exists(path):
            return path
    raise SystemExit("There are no apt sources to build a base root from: neither debian.sources nor sources.list.")


@contextlib.contextmanager
def locked(path):
    """Holds a lock that ends with this process."""
    with open(path, "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def provide(folder, wanted):
    """The path of a base root with the packages in it; built if there is none yet.

    Runs of other trees may share the folder: only one of them builds.
    """
    packages = sorted(set(PACKAGES + wanted))
    with open(sources(), "rb") as file:
        recipe = repr([SUITE, packages, file.read(), 1]).encode()
    root = os.path.join(folder, "base-" + hashlib.sha256(recipe).hexdigest()[:12])
    stamp = root + ".built"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with locked(os.path.join(folder, "lock")):
        remove_old(folder)
        if os.path.exists(stamp):
            return root
        clear(root)
        build(root, packages)
        with open(stamp, "w", encoding="ascii"):
            pass
    return root


def remove_old(folder):
    """Removes base roots that are too old, also those of other packages."""
    for name in os.listdir(folder):
        stamp = os.path.join(folder, name)
        if name.endswith(".built") and time.time() - os.stat(stamp).st_mtime > DAYS_MAX * 86400:
            os.unlink(stamp)
            clear(stamp.removesuffix(".built"))


def build(root, packages):
    log = root + ".log"
    command = [
        "mmdebstrap", "--mode=root", "--variant=apt", "--include=" + ",".join(packages), SUITE, root, sources()]
    with open(log, "wb") as output:
        try:
            status = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=SECONDS_MAX,
                check=False).returncode
        except subprocess.TimeoutExpired:
            status = f"nothing within {SECONDS_MAX} s"
    if status != 0:
        with open(log, encoding="utf-8", errors="replace") as file:
            raise SystemExit(f"mmdebstrap could not build the base root ({status}):\n" + file.read()[-3000:])
    write(root, "etc/hosts", "127.0.0.1 localhost debian\n::1 localhost\n")
    write(root, "etc/hostname", "debian\n")
    # Without one of its own every boot would be a first boot, which sets all units to their presets.
    subprocess.run(["systemd-machine-id-setup", f"--root={root}"], check=True, capture_output=True)


def write(root, path, text):
    with open(os.path.join(root, path), "w", encoding="utf-8") as file:
        file.write(text)


def clear(root):
    """Removes a tree in which nothing is mounted."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(root)
