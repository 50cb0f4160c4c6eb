"""A real terminal, tmux(1)'s, and what stands on it."""

import os
import re
import shlex
import subprocess
import sys
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "CrashTests"))

from daemon import Unmet, eventually  # noqa: E402


class Terminal:
    """One window of a tmux server of its own, in which one command runs."""

    count = 0

    def __init__(self, directory, width, height, command, environment):
        # A server that is told to end takes its time.
        Terminal.count += 1
        self.server = os.path.join(directory, f"tmux{Terminal.count}.sock")
        self.width, self.height = width, height
        # What the shell says before and after shows whether the terminal was given back as it was.
        script = (f"stty -g > {directory}/before; {shlex.join(command)}; status=$?; stty -g > {directory}/after; "
                  f"echo \"ended with $status\" > {directory}/ended; exec sleep 1000")
        self.ended_path, self.modes = f"{directory}/ended", (f"{directory}/before", f"{directory}/after")
        for path in [self.ended_path, *self.modes]:
            if os.path.exists(path):
                os.unlink(path)
        self.environment = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **environment}
        self.environment.pop("TMUX", None)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-s", "t",
                  "sh", "-c", script)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self.server, "kill-server"], env=self.environment, check=False,
                       stderr=subprocess.DEVNULL)

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-u", "-S", self.server, *arguments], env=self.environment, check=True,
                              capture_output=True, text=True).stdout

    def lines(self, *options):
        """What stands on the screen, without trailing spaces and empty lines at the end."""
        lines = [line.rstrip() for line in self.tmux("capture-pane", "-p", "-t", "t", *options).split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def text(self):
        return "\n".join(self.lines())

    def press(self, *keys):
        self.tmux("send-keys", "-t", "t", *keys)

    def resize(self, width, height):
        self.width, self.height = width, height
        self.tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def wait_for(self, pattern, seconds=10):
        """Waits until a regular expression is found on the screen."""
        try:
            return eventually(f"{pattern!r} on the screen", seconds, lambda: re.search(pattern, self.text()))
        except Unmet as error:
            raise Unmet(f"{error}\n{self.text()}") from None

    def wait_without(self, pattern, seconds=10):
        eventually(f"no {pattern!r} on the screen", seconds, lambda: not re.search(pattern, self.text()))

    def wait_for_end(self, seconds=20):
        """The command's exit status."""
        def ended():
            try:
                with open(self.ended_path, encoding="utf-8") as file:
                    return re.fullmatch(r"ended with (\d+)\n", file.read())
            except FileNotFoundError:
                return None
        return int(eventually("the command ends", seconds, ended).group(1))

    def command_pid(self):
        """The process of the command that runs in the window."""
        shell = self.tmux("display-message", "-p", "-t", "t", "#{pane_pid}").strip()
        with open(f"/proc/{shell}/task/{shell}/children", encoding="utf-8") as file:
            return int(file.read().split()[0])

    def is_given_back(self):
        """Whether the terminal is as it was: the ordinary screen, its cursor, its modes."""
        flags = self.tmux("display-message", "-p", "-t", "t", "#{alternate_on} #{cursor_flag} #{wrap_flag}").strip()
        before, after = [open(path, encoding="utf-8").read() for path in self.modes]
        return flags == "0 1 1" and before == after


def columns(line):
    """Columns of a line; combining characters have none, wide ones two."""
    return sum(0 if unicodedata.combining(c) or c in "\u200d\ufe0f" else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
