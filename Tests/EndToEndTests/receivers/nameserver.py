"""A name server for tests, over UDP and TCP. What it answers is said by the name's first label:

    ok-…      A 127.0.0.1
    dead-…    nothing, ever
    half-…    A 127.0.0.1; nothing for AAAA
    mixed-…   A 127.0.0.1 and 10.9.9.9
    inside-…  A 10.9.9.9
    mapped-…  AAAA ::ffff:8.8.8.8
    both-…    AAAA 2606:4700::1111, A 127.0.0.1
    hole-…    A 127.0.0.9 and 127.0.0.1
    many-…    A 127.0.0.1 and 127.0.1.0 to 127.0.1.59: too long for UDP
    alias-…   CNAME ok-….test
    broken-…  SERVFAIL
    none-…    no addresses

Everything else does not exist, except in the search domain corp.test.

    python3 nameserver.py ADDRESS LOG-FILE
"""

import socket
import socketserver
import struct
import sys
import threading

ADDRESS, LOG = sys.argv[1:3]
A, CNAME, AAAA = 1, 5, 28


def labels(name):
    return b"".join(bytes([len(part)]) + part for part in name.encode().split(b".")) + b"\0"


def records(name, kind):
    """Records, or a response code, or None for silence."""
    first = name.split("-")[0]
    v4, v6 = [], []
    if first == "dead" or (first == "half" and kind == AAAA):
        return None
    if first == "broken":
        return 2
    if first == "alias":
        target = name.replace("alias", "ok", 1)
        found = records(target, kind)
        return [(CNAME, labels(target))] + [(k, d) for k, d in found]
    if first in ("ok", "half") or name.endswith(".corp.test"):
        v4 = ["127.0.0.1"]
    elif first == "mixed":
        v4 = ["127.0.0.1", "10.9.9.9"]
    elif first == "inside":
        v4 = ["10.9.9.9"]
    elif first == "mapped":
        v6 = ["::ffff:8.8.8.8"]
    elif first == "both":
        v4, v6 = ["127.0.0.1"], ["2606:4700::1111"]
    elif first == "hole":
        v4 = ["127.0.0.9", "127.0.0.1"]
    elif first == "many":
        v4 = ["127.0.1.%d" % n for n in range(60)] + ["127.0.0.1"]
    elif first != "none":
        return 3
    if kind == A:
        return [(A, socket.inet_aton(text)) for text in v4]
    return [(AAAA, socket.inet_pton(socket.AF_INET6, text)) for text in v6] if kind == AAAA else []


def answer(query, is_udp):
    position, parts = 12, []
    while query[position]:
        length = query[position]
        parts.append(query[position + 1 : position + 1 + length].decode().lower())
        position += 1 + length
    question = query[12 : position + 5]
    kind = struct.unpack(">H", query[position + 1 : position + 3])[0]
    name = ".".join(parts)
    with open(LOG, "a") as log:
        log.write("%s %d %s\n" % (name, kind, "udp" if is_udp else "tcp"))
    found = records(name, kind)
    if found is None:
        return None
    code = found if isinstance(found, int) else 0
    rows = [] if isinstance(found, int) else found
    owner = b"\xc0\x0c"
    body = b""
    for row_kind, data in rows:
        body += owner + struct.pack(">HHIH", row_kind, 1, 5, len(data)) + data
        if row_kind == CNAME:
            owner = data
    truncated = is_udp and len(body) > 400
    flags = 0x8180 | code | (0x0200 if truncated else 0)
    count = 0 if truncated else len(rows)
    return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + (b"" if truncated else body)


class UDP(socketserver.BaseRequestHandler):
    def handle(self):
        reply = answer(self.request[0], True)
        if reply:
            self.request[1].sendto(reply, self.client_address)


class TCP(socketserver.StreamRequestHandler):
    def handle(self):
        head = self.rfile.read(2)
        if len(head) == 2:
            reply = answer(self.rfile.read(struct.unpack(">H", head)[0]), False)
            if reply:
                self.wfile.write(struct.pack(">H", len(reply)) + reply)


udp = socketserver.UDPServer((ADDRESS, 53), UDP)
udp.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
tcp = socketserver.ThreadingTCPServer((ADDRESS, 53), TCP)
threading.Thread(target=tcp.serve_forever, daemon=True).start()
print("ready", flush=True)
udp.serve_forever()
