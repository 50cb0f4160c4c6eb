#!/usr/bin/env python3
"""The README's console sessions, typed into a shell word for word on a host with a daemon: each command answers what stands there.

    readme.py --executable hookline

`…` in an answer stands for any text within a line; everything else is compared byte for byte. It runs in a network namespace with
nothing but the loopback interface, and with a /run of its own.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "CrashTests"))

from daemon import Daemon, Unmet, clean_up_when_terminated  # noqa: E402

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")
CONFIGURATION = """
[api]
listen = "127.0.0.1:8480"
[egress]
allow = ["127.0.0.1/32"]
"""
END = "<end of the answer>"


def enter_namespace():
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = 'ip link set lo up && mount -t tmpfs tmpfs /run && exec "$@"'
    again = [sys.executable, *sys.argv, "--inside"]
    os.execvp("unshare", ["unshare", "--net", "--mount", *user, "--", "sh", "-c", script, "sh", *again])


def sessions(text):
    """Of each ```console block the commands, each with the answer's text."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
        if parts[0]:
            raise Unmet(f"a session begins with an answer: {parts[0]}")
        yield list(zip(parts[1::2], parts[2::2]))


def fits(answer, expected):
    pattern = "[^\n]*".join(re.escape(part) for part in expected.split("…"))
    return re.fullmatch(pattern, answer) is not None


class Shell:
    """Keeps its variables from one command to the next, as a person's does."""

    def __init__(self, directory, path):
        self.process = subprocess.Popen(
            ["bash", "--norc"], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={"PATH": f"{path}:{os.environ['PATH']}", "HOME": directory, "LANG": "C.UTF-8"})

    def run(self, command):
        self.process.stdin.write(f"{command}\necho '{END}'\n")
        self.process.stdin.flush()
        answer = ""
        while not answer.endswith(END + "\n"):
            line = self.process.stdout.readline()
            if not line:
                raise Unmet(f"the shell has ended at: {command}")
            answer += line
        return answer[:-len(END) - 1]

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


def check(executable):
    with open(README, encoding="utf-8") as file:
        all_sessions = list(sessions(file.read()))
    if not all_sessions:
        raise Unmet("the README has no session")
    wrong = count = 0
    with tempfile.TemporaryDirectory(prefix="hookline-readme-") as directory:
        os.symlink(os.path.abspath(executable), os.path.join(directory, "hookline"))
        daemon = Daemon(executable, directory, CONFIGURATION)
        daemon.runtime_directory = "/run/hookline"
        daemon.events_socket, daemon.api_socket = "/run/hookline/events.sock", "/run/hookline/api.sock"
        daemon.start()
        shell = Shell(directory, directory)
        try:
            for session in all_sessions:
                for command, expected in session:
                    count += 1
                    answer = shell.run(command)
                    if not fits(answer, expected):
                        wrong += 1
                        print(f"    $ {command}\n    the README says: {expected}    it answers:      {answer}", flush=True)
        finally:
            shell.close()
            daemon.kill()
    print(f"    {count} commands, {wrong} answered otherwise", flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        enter_namespace()
    clean_up_when_terminated()
    sys.exit(1 if check(arguments.executable) else 0)


if __name__ == "__main__":
    main()
