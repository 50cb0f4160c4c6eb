"""activate.py EVENTS-SOCKET API-SOCKET COMMAND...: does for a daemon what systemd's socket units do.

Makes both sockets, runs the command with them, and runs it again when it has ended, until SIGTERM: that ends the command
and then this. SIGUSR1 kills the command. Prints a line at each start."""
import os
import signal
import socket
import sys

FIRST = 3  # SD_LISTEN_FDS_START

sockets = []
for path in sys.argv[1:3]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(512)
    sockets.append(listener)

child = 0
is_ending = False


def end(*_):
    global is_ending
    is_ending = True
    os.kill(child, signal.SIGTERM)


signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGUSR1, lambda *_: os.kill(child, signal.SIGKILL))
while not is_ending:
    child = os.fork()
    if child == 0:
        # Out of the way of the numbers that they get.
        copies = [os.dup2(listener.fileno(), 100 + index) for index, listener in enumerate(sockets)]
        for index, copy in enumerate(copies):
            os.dup2(copy, FIRST + index, inheritable=True)
            os.close(copy)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)),
                          LISTEN_FDNAMES=os.environ.get("NAMES", "events:api"))
        os.execv(sys.argv[3], sys.argv[3:])
    print("started", child, flush=True)
    while True:
        try:
            os.waitpid(child, 0)
            break
        except InterruptedError:
            pass
