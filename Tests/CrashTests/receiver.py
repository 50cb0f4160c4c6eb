"""A receiver of webhooks that verifies each delivery and can misbehave."""

import base64
import collections
import hashlib
import hmac
import json
import select
import socket
import threading
import time

import events


class Inbox:
    """What came for one webhook."""

    def __init__(self, secret):
        self.secret = secret
        # How many times each id came, and when it last did.
        self.counts = collections.Counter()
        self.last = {}
        # Ids that came once more, and when they had come before.
        self.repeats = []
        self.behaviour = "healthy"
        self.requests = 0


class Receiver:
    """Listens on a port of its own. Webhooks are told apart by the path of their URL."""

    def __init__(self, port=0):
        self.inboxes = {}
        # Deliveries that no receiver should ever see, with what is wrong.
        self.problems = []
        # key -> delivery, so that the payload can be compared with what was sent; set by whoever knows.
        self.check_body = lambda path, identifier, body: None
        self.lock = threading.Lock()
        self.connections = set()
        self.listener = None
        # Its first one may be chosen by the kernel.
        self.port = port
        self.open()

    def add(self, path, secret):
        with self.lock:
            return self.inboxes.setdefault(path, Inbox(secret))

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    # Life

    def open(self):
        """Begins to listen, on the same port as before."""
        if self.listener:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(256)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self.accept, args=[listener], daemon=True).start()

    def close(self):
        """Is dead from now on: nothing listens, and open connections are reset."""
        listener, self.listener = self.listener, None
        if listener:
            # Wakes the thread that accepts; close() alone would not.
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if self.listener is not listener:
                connection.close()
                return
            connection.settimeout(60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections.add(connection)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    # Requests

    def serve(self, connection):
        try:
            stream = connection.makefile("rb")
            while (request := self.read(stream)) is not None:
                answer = self.take(*request, connection)
                if answer is None:
                    return
                connection.sendall(answer)
        except (OSError, ValueError):
            # Cut off in the middle, as a killed daemon does.
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)
            connection.close()

    @staticmethod
    def read(stream):
        first = stream.readline(65536).split()
        if len(first) < 3:
            return None
        headers = {}
        while (line := stream.readline(65536)) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        body = stream.read(length)
        return None if len(body) < length else (first[1].decode(), headers, body)

    def take(self, path, headers, body, connection):
        """The answer; None closes the connection."""
        inbox = self.inboxes.get(path)
        if inbox is None:
            self.problems.append(f"a delivery to {path}, which nobody registered")
            return answer(404)
        inbox.requests += 1
        identifier = headers.get("webhook-id", "")
        if problem := signature_problem(inbox.secret, headers, body) or self.check_body(path, identifier, body):
            self.problems.append(f"{path} {identifier}: {problem}")
        behaviour = inbox.behaviour
        if behaviour == "hanging":
            # Until the other side gives up, or the behaviour changes; without an answer either way.
            while inbox.behaviour == "hanging" and not is_closed(connection):
                time.sleep(0.05)
            return None
        if behaviour == "broken" or behaviour == "flaky" and inbox.requests % 7 == 0:
            return answer(503)
        with self.lock:
            inbox.counts[identifier] += 1
            if identifier in inbox.last:
                inbox.repeats.append((identifier, inbox.last[identifier]))
            inbox.last[identifier] = time.monotonic()
        return answer(200)


def answer(status):
    return f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode()


def is_closed(connection):
    """Whether the other side has closed: it sends nothing else before it has its answer."""
    poll = select.poll()
    try:
        poll.register(connection, select.POLLIN)
    except (OSError, ValueError):
        return True
    return bool(poll.poll(0))


def signature_problem(secret, headers, body):
    """What is wrong with a delivery's signatures; None if they are right."""
    if headers.get("content-type") != "application/json":
        return "its Content-Type is not application/json"
    plain = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(headers.get("x-hiresscope-signature", ""), plain):
        return "its X-HiresScope-Signature is wrong"
    identifier, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 60:
        return "its webhook-timestamp is not that of now"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    if expected not in headers.get("webhook-signature", "").split(" "):
        return "its webhook-signature is wrong"
    return None


def body_problem(body, event, tenant, data, timestamp=None):
    """What is different from what was sent; None if nothing is."""
    try:
        found = json.loads(body)["timestamp"]
    except (ValueError, KeyError, TypeError):
        return "its body is no such object"
    if timestamp is not None and found != timestamp:
        return f"its timestamp is {found}, not {timestamp}"
    if body != events.body(event, found, tenant, data).encode():
        return "its body is not what was sent"
    return None
