"""A throw-away Debian with systemd as PID 1, in a container of systemd-nspawn over a base root that stays as it is."""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time

import base

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {
    "PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb", "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_PAGER": "cat", "SYSTEMD_COLORS": "0"}
BOOT_SECONDS_MAX = 60
# As long as systemd-shutdown(8) waits for a process, and a little.
STOP_SECONDS_MAX = 100
# Its exit status when the machine was not powered off but rebooted (EXIT_FORCE_RESTART).
NSPAWN_REBOOTED = 133
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class CommandFailed(Exception):
    """A command inside ended with a status other than 0."""


class Machine:
    """One machine. All that it writes is in a folder of its own, and gone with it."""

    def __init__(self, folder, root):
        self.root = root
        remove_leftovers(folder)
        self.directory = tempfile.mkdtemp(prefix="run-", dir=folder)
        # Says that the folder belongs to a process that is alive.
        self.lock = open(os.path.join(self.directory, "lock"), "w", encoding="ascii")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        for name in ["upper", "work", "merged"]:
            os.mkdir(self.path(name))
        self.nspawn = None
        self.cgroups = []
        self.started = []

    def path(self, name):
        return os.path.join(self.directory, name)

    # Life

    def boot(self):
        """Boots, and returns when systemd has started everything."""
        self.cgroups = own_cgroups("hookline-" + os.path.basename(self.directory))
        for cgroup in self.cgroups:
            os.makedirs(cgroup, exist_ok=True)
        # A mount namespace of its own holds the overlay and nspawn's /run: they end with it. A network of its own has
        # a loopback only. The two capabilities and the call let PID 1 attach the filters of IPAddressDeny=.
        script = """
            for cgroup in $CGROUPS; do echo $$ >"$cgroup/cgroup.procs" || exit 1; done
            mount -t tmpfs tmpfs /run &&
            mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$RUN/upper,workdir=$RUN/work" "$RUN/merged" &&
            exec systemd-nspawn --quiet --boot --directory="$RUN/merged" --machine=debian --register=no --keep-unit \\
                --link-journal=no --resolv-conf=off --timezone=off --console=pipe --private-network \\
                --capability=CAP_BPF,CAP_PERFMON --system-call-filter=bpf
        """
        environment = {
            "PATH": PATH, "CGROUPS": " ".join(self.cgroups), "ROOT": self.root, "RUN": self.directory,
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with open(self.path("console.log"), "ab") as console:
            self.nspawn = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", script], env=environment,
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=ended_with_parent)
        self.wait_until_booted()

    def wait_until_booted(self):
        end = time.monotonic() + BOOT_SECONDS_MAX
        while time.monotonic() < end:
            if self.nspawn.poll() is not None:
                break
            leader = self.leader()
            if leader and os.path.exists(f"/proc/{leader}/root/run/systemd/private"):
                # "degraded" is a state too: tests look at the units that they are about.
                self.run("systemctl", "is-system-running", "--wait", check=False, seconds=BOOT_SECONDS_MAX)
                return
            time.sleep(0.05)
        with open(self.path("console.log"), encoding="utf-8", errors="replace") as console:
            raise TimeoutError(f"The machine did not boot within {BOOT_SECONDS_MAX} s:\n" + console.read()[-3000:])

    def leader(self):
        """The machine's PID 1, as this side numbers it; None if there is none."""
        with contextlib.suppress(OSError):
            with open(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children", encoding="ascii") as file:
                for child in file.read().split():
                    with open(f"/proc/{child}/comm", encoding="ascii") as name:
                        if name.read().strip() == "systemd":
                            return int(child)
        return None

    def reboot(self):
        """What `systemctl reboot` does: everything is stopped in order, and what was written is still there.

        What was started must have ended.
        """
        self.run("systemctl", "reboot", check=False)
        # As the unit that it is in is not its own, nspawn ends and leaves it to us to start it again.
        status = self.nspawn.wait(STOP_SECONDS_MAX)
        if status != NSPAWN_REBOOTED:
            raise CommandFailed(f"systemd-nspawn ended with {status} instead of a reboot")
        self.boot()

    def power_off(self):
        """Ends the machine, in order if it lets us, and removes what it has written."""
        # systemd stops everything for a moment when it powers off. nsenter stops with what it has started, nobody wakes
        # it up again, and what it does not wait for can't end.
        for process in self.started:
            process.kill()
            process.wait()
        if self.nspawn is not None:
            # SIGTERM makes nspawn ask PID 1 to power off.
            self.nspawn.terminate()
            try:
                self.nspawn.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
            self.nspawn = None
        for cgroup in self.cgroups:
            remove_cgroup(cgroup)
        self.lock.close()
        base.clear(self.directory)

    # Commands

    def command(self, command, user=None):
        leader = self.leader()
        if leader is None:
            raise CommandFailed("the machine is not running")
        as_user = [] if user is None else ["runuser", "-u", user, "--", "env", f"HOME=/home/{user}"]
        assignments = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        return ["nsenter", "-t", str(leader), "-a", "--", "env", "-i", *assignments, *as_user, *command]

    def run(self, *command, user=None, check=True, seconds=60, stdin=""):
        """Runs a command to its end. Its standard error is part of its output."""
        try:
            result = subprocess.run(
                self.command(command, user), input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace", timeout=seconds, check=False)
        except subprocess.TimeoutExpired as error:
            output = (error.output or b"").decode(errors="replace")
            raise CommandFailed(f"{' '.join(command)}: no end within {seconds} s\n{output}") from None
        if check and result.returncode != 0:
            raise CommandFailed(f"{' '.join(command)}: status {result.returncode}\n{result.stdout}")
        return result

    def output(self, *command, **more):
        return self.run(*command, **more).stdout.strip()

    def start(self, *command, user=None):
        """Starts a command; its standard input and output are pipes."""
        process = subprocess.Popen(
            self.command(command, user), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace",
            preexec_fn=killed_with_parent)
        self.started.append(process)
        return process

    # Files

    def inside(self, path):
        """Where this side finds a path of the machine's. Its symbolic links that begin with / are not for us."""
        return f"/proc/{self.leader()}/root{path}"

    def put(self, source, folder, mode=0o644):
        os.makedirs(self.inside(folder), exist_ok=True)
        target = os.path.join(folder, os.path.basename(source))
        shutil.copyfile(source, self.inside(target))
        os.chmod(self.inside(target), mode)
        return target

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.inside(path)), exist_ok=True)
        with open(self.inside(path), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.inside(path), mode)

    def read(self, path):
        with open(self.inside(path), encoding="utf-8") as file:
            return file.read()


def ended_with_parent():
    """A machine whose tests were killed is no use to anybody: prctl(2)."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def killed_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def own_cgroups(name):
    """Cgroups below our own in which systemd can work.

    They are in the unified hierarchy and, where there are old ones beside it, in those that it tracks processes in.
    """
    own = {}
    with open("/proc/self/cgroup", encoding="ascii") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            own[controllers] = path.strip("/")
    top = "/sys/fs/cgroup"
    if os.path.exists(f"{top}/cgroup.controllers"):
        return [os.path.join(top, own[""], name)]
    found = [os.path.join(top, "unified", own[""], name)]
    for controllers, folder in {"name=systemd": "systemd", "memory": "memory", "pids": "pids"}.items():
        if controllers in own and os.path.isdir(f"{top}/{folder}"):
            found.append(os.path.join(top, folder, own[controllers], name))
    return found


def remove_cgroup(cgroup):
    """Removes a cgroup of ours with all that is below it; what still runs there is killed."""
    end = time.monotonic() + 10
    while os.path.isdir(cgroup) and time.monotonic() < end:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            # Processes end at any time, and the kernel takes a moment to let go of the last one.
            with contextlib.suppress(OSError):
                with open(os.path.join(folder, "cgroup.procs"), encoding="ascii") as file:
                    for process in file.read().split():
                        os.kill(int(process), signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        time.sleep(0.02)


def remove_leftovers(folder):
    """What a run that was killed could not remove."""
    for name in os.listdir(folder):
        if not name.startswith("run-"):
            continue
        directory = os.path.join(folder, name)
        try:
            lock = open(os.path.join(directory, "lock"), "a", encoding="ascii")
        except OSError:
            continue
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for cgroup in own_cgroups("hookline-" + name):
                remove_cgroup(cgroup)
            base.clear(directory)
