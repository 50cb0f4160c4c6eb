"""Receivers that misbehave, each on purpose and in one way; no library between them and the socket.

    zoo.py LOG-FILE [CERTIFICATE KEY]

Prints a JSON object of its ports and serves until it is killed. "plain" and "tls" read a request and then do what its
path names (ON_REQUEST); every other port does one thing to whoever connects (ON_CONNECTION). The log has a line for each
request: path, number of the connection, webhook-id.
"""

import gzip
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

log_file, certificate, key = (sys.argv[1:] + ["", ""])[:3]
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
METADATA = b"Location: http://169.254.169.254/latest/meta-data/\r\n"


def head(status, *fields):
    return b"\r\n".join([b"HTTP/1.1 " + status, *fields, b"", b""])


def reset(peer):
    """Closes so that the other side gets an RST."""
    connection = raw(peer)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def raw(peer):
    """The socket below TLS, for ends without close_notify."""
    return socket.socket(fileno=peer.detach()) if isinstance(peer, ssl.SSLSocket) else peer


def wait(peer):
    """Keeps the connection until the other side gives up."""
    try:
        while peer.recv(65536):
            pass
    except OSError:
        pass


def forever(peer, first, piece, pause=0.0):
    try:
        peer.sendall(first)
        while True:
            peer.sendall(piece)
            if pause:
                time.sleep(pause)
    except OSError:
        pass


def say(*parts):
    """Answers, and waits until the other side closes."""

    def act(peer, _):
        peer.sendall(b"".join(parts))
        wait(peer)

    return act


def then_reset(*parts):
    def act(peer, _):
        peer.sendall(b"".join(parts))
        time.sleep(0.05)
        reset(peer)

    return act


def then_close(*parts):
    def act(peer, _):
        peer.sendall(b"".join(parts))
        if isinstance(peer, ssl.SSLSocket):
            peer.unwrap()
        peer.close()

    return act


def then_cut(*parts):
    """Ends the TCP connection under TLS."""

    def act(peer, _):
        peer.sendall(b"".join(parts))
        connection = raw(peer)
        connection.shutdown(socket.SHUT_WR)
        wait(connection)
        connection.close()

    return act


def two_answers(peer, request):
    peer.sendall(OK + head(b"500 Smuggled", b"Content-Length: 0"))
    wait(peer)


def late_bytes(peer, request):
    peer.sendall(OK)
    time.sleep(0.1)
    peer.sendall(head(b"500 Smuggled", b"Content-Length: 0"))
    wait(peer)


def once(end):
    """Each connection's first request is answered; its second one ends it."""

    def act(peer, request):
        if request.number > 1:
            return end(peer, request)
        peer.sendall(OK)
        return "next"

    return act


def only(end):
    """The first request of all is answered; each later one ends its connection."""

    def act(peer, request):
        if count(request.path) > 1:
            return end(peer, request)
        peer.sendall(OK)
        return "next"

    return act


bomb = gzip.compress(b"\0" * 8_000_000)
ON_REQUEST = {
    # What is well-formed.
    "good": lambda peer, request: (peer.sendall(OK), "next")[1],
    "continue": say(b"HTTP/1.1 100 Continue\r\n\r\n", OK),
    "hints": say(head(b"102 Processing"), head(b"103 Early Hints", b"Link: </a>"), OK),
    "http-1.0": then_close(b"HTTP/1.0 200 OK\r\n\r\nfine"),
    "close": then_close(head(b"200 OK", b"Content-Length: 4", b"Connection: close"), b"fine"),
    "no-reason": say(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
    "chunks": say(
        head(b"200 OK", b"Transfer-Encoding: chunked", b"Trailer: X-Sum"), b"4;x=y\r\nfine\r\n0\r\nX-Sum: 4\r\n\r\n"),
    # Successes with something after the head.
    "endless-success": lambda peer, _: forever(peer, head(b"200 OK"), b"x" * 65536),
    "endless-chunks": lambda peer, _: forever(
        peer, head(b"200 OK", b"Transfer-Encoding: chunked"), b"1000\r\n" + b"x" * 4096 + b"\r\n"),
    "endless-trailers": lambda peer, _: forever(
        peer, head(b"200 OK", b"Transfer-Encoding: chunked") + b"0\r\n", b"X: y\r\n" * 1000),
    "slow-success": lambda peer, _: forever(peer, head(b"200 OK", b"Content-Length: 100000"), b"x", 1),
    "bad-chunks": say(head(b"200 OK", b"Transfer-Encoding: chunked"), b"nonsense\r\n"),
    "short-success": then_close(head(b"200 OK", b"Content-Length: 100"), b"short"),
    "reset-success": then_reset(head(b"200 OK", b"Content-Length: 100"), b"short"),
    "cut-success": then_cut(head(b"200 OK", b"Content-Length: 100"), b"short"),
    "bomb-success": say(head(b"200 OK", b"Content-Encoding: gzip", b"Content-Length: %d" % len(bomb)), bomb),
    "two-answers": two_answers,
    "late-bytes": late_bytes,
    # Failures with something after the head.
    "endless-failure": lambda peer, _: forever(peer, head(b"500 Oh"), b"x" * 65536),
    "slow-failure": lambda peer, _: forever(peer, head(b"500 Oh", b"Content-Length: 100000"), b"x", 0.4),
    "short-failure": then_close(head(b"500 Oh", b"Content-Length: 100"), b"short"),
    "reset-failure": then_reset(head(b"500 Oh", b"Content-Length: 100"), b"short"),
    "cut-failure": then_cut(head(b"500 Oh", b"Content-Length: 100"), b"short"),
    "bomb-failure": say(head(b"500 Oh", b"Content-Encoding: gzip", b"Content-Length: %d" % len(bomb)), bomb),
    "controls-failure": say(head(b"500 Oh", b"Content-Length: 17"), b"\x1b[2J\x07\0\r\nerased\x7f\x85"),
    "switch": say(head(b"101 Switching Protocols", b"Upgrade: x"), b"\0\1\2"),
    "status-999": say(head(b"999 What", b"Content-Length: 0")),
    # Redirects.
    **{
        f"redirect-{status}": say(head(b"%d Elsewhere" % status, METADATA[:-2], b"Content-Length: 0"))
        for status in (301, 302, 303, 307, 308)
    },
    "redirect-inside": say(head(b"307 Here", b"Location: /stolen", b"Content-Length: 0")),
    # No answer.
    "silence": lambda peer, _: wait(peer),
    "slow-head": lambda peer, _: forever(peer, b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.2),
    "slow-status": lambda peer, _: forever(peer, b"H", b"", 1),
    "close-at-once": then_close(),
    "close-in-head": then_close(b"HTTP/1.1 200 OK\r\nContent-"),
    "reset-at-once": then_reset(),
    "reset-in-head": then_reset(b"HTTP/1.1 200 OK\r\nContent-"),
    "cut-at-once": then_cut(),
    "cut-in-head": then_cut(b"HTTP/1.1 200 OK\r\nContent-"),
    # No HTTP.
    "other-protocol": say(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"),
    "json-only": say(b'{"ok":true}\n'),
    "http-2": say(b"\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64"),
    "http-2-text": say(b"HTTP/2 200 OK\r\n\r\n"),
    "http-0.9": say(b"<html>It works!</html>\n"),
    "bad-status": say(b"HTTP/1.1 2OO OK\r\n\r\n"),
    "long-status": say(b"HTTP/1.1 20000 OK\r\n\r\n"),
    "controls-in-status": say(b"HTTP/1.1 200 O\0K\r\n\r\n"),
    # Too much head.
    "endless-status-line": lambda peer, _: forever(peer, b"HTTP/1.1 200 ", b"x" * 65536),
    "endless-field": lambda peer, _: forever(peer, b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
    "endless-fields": lambda peer, _: forever(peer, b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
    "many-fields": say(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000, b"\r\n"),
    "endless-interim": lambda peer, _: forever(peer, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    # Heads that could be read in two ways.
    "length-and-encoding": say(
        head(b"200 OK", b"Content-Length: 5", b"Transfer-Encoding: chunked"), b"0\r\n\r\n"),
    "two-lengths": say(head(b"200 OK", b"Content-Length: 0", b"Content-Length: 37"), b"x" * 37),
    "list-of-lengths": say(head(b"200 OK", b"Content-Length: 0, 0")),
    "negative-length": say(head(b"200 OK", b"Content-Length: -1")),
    "chunked-twice": say(head(b"200 OK", b"Transfer-Encoding: chunked, chunked"), b"0\r\n\r\n"),
    "bare-line-feeds": say(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    "folded-field": say(head(b"200 OK", b"X: a", b" Content-Length: 5", b"Content-Length: 0")),
    "space-before-colon": say(head(b"200 OK", b"Content-Length : 5", b"Content-Length: 0")),
    "nul-in-field": say(head(b"200 OK", b"X: a\0b", b"Content-Length: 0")),
    "return-in-field": say(head(b"200 OK", b"X: a\rContent-Length: 5", b"Content-Length: 0")),
    # On a connection that was kept.
    "second-closes": once(then_close()),
    "second-resets": once(then_reset()),
    "second-cut": once(then_cut()),
    "second-in-head": once(then_close(b"HTTP/1.1 2")),
    "later-ones-close": only(then_close()),
}

# Without reading the request's body.
BEFORE_BODY = {
    "early-success": say(OK),
    "early-failure": then_reset(head(b"413 Too much", b"Content-Length: 8"), b"too much"),
    "early-close": then_close(head(b"413 Too much", b"Connection: close", b"Content-Length: 8"), b"too much"),
}

HELLO = bytes.fromhex("160303007a0200007603034c")
ON_CONNECTION = {
    "reset-on-connect": lambda peer, _: reset(peer),
    "close-on-connect": lambda peer, _: peer.close(),
    "banner": say(b"220 mail.example ESMTP\r\n"),
    "tls-silence": lambda peer, _: wait(peer),
    "tls-stall": lambda peer, _: (peer.recv(65536), peer.sendall(HELLO), wait(peer)),
    "tls-drip": lambda peer, _: (peer.recv(65536), forever(peer, HELLO, b"x", 0.2)),
    "tls-garbage": lambda peer, _: (peer.recv(65536), peer.sendall(b"\xff" * 4096), wait(peer)),
    "tls-plain": lambda peer, _: (peer.recv(65536), peer.sendall(head(b"400 Bad Request")), wait(peer)),
    "tls-alert": lambda peer, _: (peer.recv(65536), peer.sendall(b"\x15\x03\x03\0\2\2\x28"), wait(peer)),
    "tls-close": lambda peer, _: (peer.recv(65536), peer.close()),
    "tls-reset": lambda peer, _: (peer.recv(65536), reset(peer)),
    "tls-endless": lambda peer, _: (
        peer.recv(65536), forever(peer, b"", b"\x16\x03\x03\x40\0\x0b\xff\xff\xff" + b"\0" * 16379)),
}


class Request:
    def __init__(self, path, number):
        self.path = path
        self.number = number


counts = {}
lock = threading.Lock()
log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def count(path):
    with lock:
        return counts.get(path, 0)


def note(path, connection, webhook_id):
    with lock:
        counts[path] = counts.get(path, 0) + 1
        os.write(log, f"{path} {connection} {webhook_id}\n".encode())


def serve(peer, connection):
    received = b""
    number = 0
    while True:
        while b"\r\n\r\n" not in received:
            more = peer.recv(65536)
            if not more:
                return
            received += more
        text, received = received.split(b"\r\n\r\n", 1)
        lines = text.decode().split("\r\n")
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if ": " in line)}
        path = lines[0].split()[1]
        name = path.strip("/").split("/")[0]
        number += 1
        note(path, connection, fields.get("webhook-id", "-"))
        if name in BEFORE_BODY:
            return BEFORE_BODY[name](peer, Request(path, number))
        length = int(fields.get("content-length", "0"))
        while len(received) < length:
            more = peer.recv(65536)
            if not more:
                return
            received += more
        received = received[length:]
        act = ON_REQUEST.get(name, say(head(b"404 Not in the zoo", b"Content-Length: 0")))
        if act(peer, Request(path, number)) != "next":
            return


def meet(act, peer, connection, context):
    try:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            peer = context.wrap_socket(peer, server_side=True, suppress_ragged_eofs=True)
        act(peer, connection)
    except OSError:
        pass
    finally:
        try:
            peer.close()
        except OSError:
            pass


def accept(listener, act, context=None):
    connection = 0
    while True:
        peer, _ = listener.accept()
        connection += 1
        threading.Thread(target=meet, args=(act, peer, connection, context), daemon=True).start()


def listen(act, context=None):
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    threading.Thread(target=accept, args=(listener, act, context), daemon=True).start()
    return listener.getsockname()[1]


threading.stack_size(256 * 1024)
ports = {"plain": listen(serve)}
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    ports["tls"] = listen(serve, context)
for name, action in ON_CONNECTION.items():
    ports[name] = listen(action)
print(json.dumps(ports), flush=True)
threading.Event().wait()
