"""Verifies deliveries with the Standard Webhooks library: a receiver's log on standard input, the secret as argument.

Prints "ok ID" or what is wrong, one line a delivery.
"""

import base64
import json
import sys

from standardwebhooks.webhooks import Webhook

webhook = Webhook(sys.argv[1])
for line in sys.stdin:
    record = json.loads(line)
    pairs = record["headers"]
    headers = {name.lower(): value for name, value in zip(pairs[::2], pairs[1::2])}
    body = base64.b64decode(record["body"])
    try:
        webhook.verify(body, headers)
    except Exception as error:
        print("failed", headers.get("webhook-id"), repr(error))
        continue
    for damaged in (body[:-1] + b" ", body + b"\n"):
        try:
            webhook.verify(damaged, headers)
            print("failed", headers.get("webhook-id"), "a changed body is taken")
            break
        except Exception:
            pass
    else:
        print("ok", headers["webhook-id"])
