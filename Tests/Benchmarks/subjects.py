"""What is measured: the relay, syslog-ng, wrk, and the receiver that they all post to."""

import os
import re
import socket
import subprocess
import sys
import time

from machine import Failed, children, memory, processor_seconds, tail

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "CrashTests"))
import daemon  # noqa: E402: the crash tests' way to run the relay is the only one

EVENT_BYTES = 430


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def eventually(what, seconds, condition, pause=0.01):
    """daemon.eventually, with what a benchmark fails with."""
    try:
        return daemon.eventually(what, seconds, condition, pause)
    except daemon.Unmet as error:
        raise Failed(str(error)) from None


def takes_connections(path):
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
        return True


class Nginx:
    """One worker that answers 204; counts what it answered. With TLS if asked for, by an authority of its own."""

    CONFIGURATION = """
worker_processes 1; daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log crit;
{user}
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_timeout 1h; keepalive_requests 1000000000; client_body_buffer_size 16k;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{ listen 127.0.0.1:{port} backlog=4096 {tls}; {certificate} {more} location / {{ return 204; }} }}
    server {{ listen 127.0.0.1:{status}; location / {{ stub_status; }} }}
}}
"""

    def __init__(self, machine, tls=False, one_request_a_connection=False, port=None):
        self.machine, self.tls = machine, tls
        self.directory = machine.part("nginx")
        self.port, self.status = port or free_port(), free_port()
        certificate = ""
        if tls:
            make_certificates(self.directory)
            certificate = "ssl_certificate {0}/server.pem; ssl_certificate_key {0}/server.key;".format(self.directory)
        with open(f"{self.directory}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(self.CONFIGURATION.format(
                directory=self.directory, port=self.port, status=self.status, tls="ssl" if tls else "",
                user="user root;" if os.geteuid() == 0 else "", certificate=certificate,
                more="keepalive_requests 1;" if one_request_a_connection else ""))
        self.process = machine.spawn(
            ["nginx", "-p", self.directory, "-c", f"{self.directory}/nginx.conf"], log=f"{self.directory}/output.log")
        eventually("nginx listens", 10, self.is_listening)
        self.worker = children(self.process.pid)[0]
        self.looks = 0

    def is_listening(self):
        if self.process.poll() is not None:
            raise Failed(f"nginx has ended: {tail(self.directory + '/output.log')}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return bool(children(self.process.pid))

    def url(self, path="/"):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{path}"

    def answered(self):
        """Requests so far, without those that ask for this."""
        with socket.create_connection(("127.0.0.1", self.status), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            text = b""
            while more := connection.recv(4096):
                text += more
        self.looks += 1
        return int(re.search(rb"\n (\d+) (\d+) (\d+)", text).group(3)) - self.looks

    def wait_for(self, count, seconds):
        """Waits until so many are answered; the time then."""
        eventually(f"{count} requests are answered", seconds, lambda: self.answered() >= count)
        return time.monotonic()

    @property
    def pids(self):
        return [self.worker]


def make_certificates(directory):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=30)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=benchmark")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    with open(f"{directory}/extensions", "w", encoding="utf-8") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "extensions", "-out", "server.pem")


class Relay(daemon.Daemon):
    """Hookline, as it is released, with a state directory on the disk."""

    CONFIGURATION = """
[journal]
max-bytes = "64GiB"
webhook-backlog-max-bytes = "64GiB"
[delivery]
{delivery}
[egress]
allow = ["127.0.0.1/32"]
require-https = true
ca-file = "{authority}"
[log]
level = "notice"
"""

    def __init__(self, machine, delivery="", authority=""):
        self.machine = machine
        directory = machine.part("hookline")
        super().__init__(
            machine.executable, directory, self.CONFIGURATION.format(delivery=delivery, authority=authority))

    def launch(self, **environment):
        self.process = self.machine.spawn(
            [self.executable, "serve", "--config", self.configuration_path, "--state-dir", self.state_directory,
             "--runtime-dir", self.runtime_directory], log=self.log_path, env={**os.environ, **environment})

    def start(self, seconds=120):
        try:
            return super().start(seconds)
        except daemon.Unmet as error:
            raise Failed(str(error)) from None

    def add(self, url, events=("*",), tenant="acme", **more):
        return self.add_webhook(url, list(events), tenant, **more)

    def pending(self):
        return self.status()["deliveries"]["pending"]

    def wait_for_pending(self, count, seconds):
        eventually(f"{count} deliveries are pending", seconds, lambda: self.pending() == count, pause=0.05)

    @property
    def pids(self):
        return [self.process.pid]

    def processor(self):
        return processor_seconds(*self.pids)

    def peak(self):
        return memory(self.process.pid, "VmHWM")


class SyslogNG:
    """A stream of lines in, a reliable disk buffer, one POST a line out; if asked for with an HMAC in a header."""

    CONFIGURATION = """@version: 3.38
{python}
options {{ stats-freq(0); stats-level(0); log-msg-size(65536); keep-hostname(yes); threaded(yes); }};
source events {{
    unix-stream("{directory}/events.sock" flags(no-parse) max-connections(256) log-iw-size({window})
        log-fetch-limit(1000));
}};
destination receiver {{
    http(
        url("{url}") method("POST") user-agent("syslog-ng") headers("Content-Type: application/json") body("${{MSG}}")
        workers({workers}) timeout(15) {signature}
        disk-buffer(reliable(yes) disk-buf-size({buffer}) mem-buf-size(67108864) dir("{directory}")));
}};
log {{ source(events); destination(receiver); flags(flow-control); }};
"""
    # hmac.digest() is one call into OpenSSL; there is no quicker way in Python.
    SIGNATURE = 'python_http_header(class("Signature") mark-errors-as-critical(no))'
    PYTHON = """
python {
import hmac
digest = hmac.digest
KEY = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw0123456789a="

class Signature(object):
    def __init__(self, options):
        pass
    def get_headers(self, body, headers):
        return ["X-HiresScope-Signature: " + digest(KEY, body.encode(), "sha256").hex()]
    def on_http_response_received(self, http_code):
        pass
};
"""

    def __init__(self, machine, url, signed=False, workers=2, buffer=4 << 30):
        self.machine = machine
        self.directory = machine.part("syslog-ng")
        self.events_socket = f"{self.directory}/events.sock"
        with open(f"{self.directory}/syslog-ng.conf", "w", encoding="utf-8") as file:
            file.write(self.CONFIGURATION.format(
                directory=self.directory, url=url, workers=workers, python=self.PYTHON if signed else "",
                signature=self.SIGNATURE if signed else "", buffer=buffer, window=100_000))

    def start(self):
        self.process = self.machine.spawn(
            ["syslog-ng", "--foreground", "--no-caps", "--stderr", "-f", f"{self.directory}/syslog-ng.conf",
             "--persist-file", f"{self.directory}/persist", "--pidfile", f"{self.directory}/pid",
             "--control", f"{self.directory}/control"], log=f"{self.directory}/output.log", cwd=self.directory)
        eventually("syslog-ng listens", 20, self.is_listening)

    def is_listening(self):
        if self.process.poll() is not None:
            raise Failed(f"syslog-ng has ended: {tail(self.directory + '/output.log')}")
        return takes_connections(self.events_socket)

    @property
    def pids(self):
        return [self.process.pid]

    def processor(self):
        return processor_seconds(*self.pids)

    def peak(self):
        return memory(self.process.pid, "VmHWM")


class Baseline:
    """Read, write, fdatasync and reply in batches; see baseline.c."""

    def __init__(self, machine):
        self.machine = machine
        self.directory = machine.part("baseline")
        self.events_socket = f"{self.directory}/events.sock"

    def start(self):
        self.process = self.machine.spawn(
            [self.machine.path("baseline"), "server", self.events_socket, f"{self.directory}/file"])
        eventually("the baseline listens", 10, lambda: takes_connections(self.events_socket))

    def processor(self):
        return processor_seconds(self.process.pid)

    def peak(self):
        return memory(self.process.pid, "VmHWM")


def body():
    """What the relay makes of one of the load's events; everything that posts posts this."""
    head = '{"event":"job.closed","timestamp":"2026-05-02T14:32:10.000Z","tenantId":"acme","data":{"text":"'
    return head + "x" * (EVENT_BYTES - len(head)) + '"}}'


def wrk(machine, url, seconds, connections=64):
    """Posts and nothing else: requests a second, and wrk's own processor time in seconds."""
    script = f"{machine.part('wrk')}/post.lua"
    with open(script, "w", encoding="utf-8") as file:
        file.write(
            "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\n"
            f"wrk.body = '{body()}'\n"
            "done = function(summary)\n"
            "  local e = summary.errors\n"
            "  io.write(string.format(\"RESULT %d %d %d\\n\", summary.requests, summary.duration,"
            " e.connect + e.read + e.write + e.status + e.timeout))\nend\n")
    before = os.times()
    process = machine.spawn(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, url], stdout=subprocess.PIPE)
    try:
        output, _ = process.communicate(timeout=seconds + 20)
    except subprocess.TimeoutExpired:
        raise Failed("wrk does not end") from None
    finally:
        machine.end(process)
    after = os.times()
    found = re.search(rb"RESULT (\d+) (\d+) (\d+)", output)
    if not found or int(found.group(3)):
        raise Failed(f"wrk did not do well: {output.decode(errors='replace')[-300:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return int(found.group(1)) / (int(found.group(2)) / 1e6), cpu
