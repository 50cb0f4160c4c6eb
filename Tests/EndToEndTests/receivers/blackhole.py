"""Listens with a full backlog: who connects hears nothing.

    python3 blackhole.py ADDRESS PORT
"""

import socket
import sys
import time

server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((sys.argv[1], int(sys.argv[2])))
server.listen(0)
fill = []
while True:
    client = socket.socket()
    client.settimeout(0.3)
    try:
        client.connect(server.getsockname())
    except OSError:
        break
    fill.append(client)
print("ready", flush=True)
time.sleep(600)
