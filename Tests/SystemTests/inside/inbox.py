#!/usr/bin/python3
"""A receiver under orders: reads them from standard input, one JSON object a line, and answers each with one.

Its argument is the port that it listens on. It ends when its input does.
"""

import json
import sys

import receiver


def obey(inbox, order):
    path = order.get("path")
    match order["do"]:
        case "add":
            inbox.add(path, order["secret"])
        case "behave":
            inbox.inboxes[path].behaviour = order["how"]
        case "close":
            inbox.close()
        case "open":
            inbox.open()
        case "report":
            with inbox.lock:
                box = inbox.inboxes[path]
                return {
                    "counts": dict(box.counts), "repeats": list(box.repeats), "requests": box.requests,
                    "problems": list(inbox.problems)}
        case other:
            raise ValueError(f"there is no order {other}")
    return {}


def main():
    inbox = receiver.Receiver(int(sys.argv[1]))
    for line in sys.stdin:
        print(json.dumps(obey(inbox, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
