"""Processes that are measured: started, bounded in time, counted, and ended whatever happens."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """A subject does not do what it is measured at."""


def with_parent():
    """Between fork and exec: the child ends when the benchmark does, even when that is killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Machine:
    """A temporary directory, tools built from C in it, and the processes that run."""

    def __init__(self, parent, executable):
        self.executable = executable
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="hookline-benchmark-", dir=parent))
        # nginx's worker has to look into it.
        os.chmod(self.directory, 0o755)
        self.running = []
        self.parts = 0

    def build_tools(self):
        source = os.path.dirname(os.path.abspath(__file__))
        for name in ("load", "baseline", "sink"):
            subprocess.run(
                ["cc", "-O2", "-o", self.path(name), os.path.join(source, f"{name}.c")], check=True, timeout=60)

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def part(self, name):
        """An empty directory for one measurement, removed by clear()."""
        self.parts += 1
        directory = self.path(f"{name}-{self.parts}")
        os.makedirs(directory, mode=0o755)
        return directory

    def spawn(self, command, log=None, **more):
        """A process that goes on until end(), or until the benchmark ends."""
        with open(log or os.devnull, "ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=more.pop("stdout", output), stderr=output,
                preexec_fn=with_parent, start_new_session=True, **more)
        self.running.append(process)
        return process

    def end(self, process, sign=signal.SIGTERM, seconds=30):
        """Asks a process to end, and makes it; what it started ends with it."""
        if process.poll() is None:
            process.send_signal(sign)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        # Each has a process group of its own, which is gone if nothing is left.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if process in self.running:
            self.running.remove(process)

    def tool(self, name, *arguments, seconds=120, takes_time=False):
        """Runs one of the tools to its end; what it printed."""
        process = self.start_tool(name, *arguments, takes_time=takes_time)
        return self.result(process, seconds)

    def start_tool(self, name, *arguments, takes_time=False):
        """With `takes_time` it has real-time priority, where that can be had: for few events a second."""
        first = ["chrt", "--fifo", "20"] if takes_time and os.geteuid() == 0 else []
        return self.spawn(
            [*first, self.path(name), *map(str, arguments)], log=self.path("tools.log"), stdout=subprocess.PIPE)

    def result(self, process, seconds=120):
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{process.args[0]} does not end within {seconds} s") from None
        finally:
            self.end(process)
        if process.returncode != 0:
            raise Failed(f"{' '.join(process.args)} failed with {process.returncode}: {tail(self.path('tools.log'))}")
        return json.loads(output)

    def clear(self):
        """After a measurement: nothing runs, and what it wrote is gone."""
        for process in list(self.running):
            self.end(process, signal.SIGKILL)
        for entry in os.scandir(self.directory):
            if entry.is_dir():
                shutil.rmtree(entry.path, ignore_errors=True)
        self.calm()

    @staticmethod
    def calm():
        """Waits until the disk has done what it was given: whoever syncs next waits for that too, even for deletions."""
        os.sync()
        time.sleep(0.5)

    def close(self):
        # A second Ctrl-C must not leave anything behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for process in list(self.running):
            if process.poll() is None:
                process.terminate()
        for process in list(self.running):
            self.end(process, signal.SIGKILL, 5)
        shutil.rmtree(self.directory, ignore_errors=True)


def tail(path, count=400):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()[-count:].strip().replace("\n", " / ")
    except FileNotFoundError:
        return ""


def processor_seconds(*pids):
    """Time of all threads, living and ended."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(child) for child in file.read().split()]


def memory(pid, field):
    """VmHWM, VmRSS or another one, in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
    raise Failed(f"no {field} of {pid}")


def wakeups(pid):
    """By thread: how often it has waited and was woken, and nanoseconds that it ran."""
    threads = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        base = f"/proc/{pid}/task/{thread}"
        with open(f"{base}/status", encoding="utf-8") as file:
            fields = dict(line.split(":", 1) for line in file)
        with open(f"{base}/schedstat", encoding="utf-8") as file:
            ran = int(file.read().split()[0])
        threads[thread] = (fields["Name"].strip(), int(fields["voluntary_ctxt_switches"]), ran)
    return threads


def describe():
    """The machine, without its name."""
    model = cores = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        text = file.read()
    for line in text.splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    cores = os.cpu_count()
    with open("/proc/meminfo", encoding="utf-8") as file:
        gigabytes = round(int(file.readline().split()[1]) / (1 << 20))
    system = "Linux"
    with contextlib.suppress(OSError), open("/etc/os-release", encoding="utf-8") as file:
        system = dict(line.strip().split("=", 1) for line in file if "=" in line)["PRETTY_NAME"].strip('"')
    virtual = "virtual machine, " if "hypervisor" in text else ""
    kernel = ".".join(os.uname().release.split("-")[0].split(".")[:2])
    return f"{virtual}{cores} cores of {model}, {gigabytes} GiB, Linux {kernel}, {system}"


def note(text):
    print(text, file=sys.stderr, flush=True)
