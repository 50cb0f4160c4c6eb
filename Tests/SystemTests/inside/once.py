#!/usr/bin/python3
"""Writes the lines of standard input to a socket, and prints the replies; or the name of the error that stopped it."""

import errno
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(60)
    try:
        connection.connect(sys.argv[1])
    except OSError as error:
        sys.exit(errno.errorcode.get(error.errno, str(error)))
    connection.sendall(sys.stdin.buffer.read())
    connection.shutdown(socket.SHUT_WR)
    for line in connection.makefile("r"):
        print(line, end="")
