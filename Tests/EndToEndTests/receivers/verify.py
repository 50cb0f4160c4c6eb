"""Verifies deliveries with a published library: a receiver's log on standard input, the secret as argument.

    python3 verify.py standardwebhooks|svix SECRET

Prints "ok ID" or what is wrong, one line a delivery.
"""

import base64
import json
import sys

library, secret = sys.argv[1:3]
if library == "svix":
    from svix.webhooks import Webhook
else:
    from standardwebhooks.webhooks import Webhook

webhook = Webhook(secret)


def is_taken(body, headers):
    try:
        webhook.verify(body, headers)
        return True
    except Exception:
        return False


for line in sys.stdin:
    record = json.loads(line)
    pairs = record["headers"]
    headers = {name.lower(): value for name, value in zip(pairs[::2], pairs[1::2])}
    body = base64.b64decode(record["body"])
    name = headers.get("webhook-id")
    try:
        webhook.verify(body, headers)
    except Exception as error:
        print("failed", name, repr(error))
        continue
    later = dict(headers, **{"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)})
    other = dict(headers, **{"webhook-id": name + "x"})
    if is_taken(body[:-1] + b" ", headers) or is_taken(body + b"\n", headers):
        print("failed", name, "a changed body is taken")
    elif is_taken(body, later):
        print("failed", name, "a changed timestamp is taken")
    elif is_taken(body, other):
        print("failed", name, "a changed id is taken")
    else:
        print("ok", name)
