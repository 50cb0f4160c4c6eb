"""Lines for events.sock, and the bodies that must come of them."""

import json
import random


def data_text(key, size=None):
    """An object that tells its event's key, with space and escapes that must come through as they are."""
    source = random.Random(key)
    size = source.randrange(20, 1200) if size is None else size
    pad = "".join(source.choices("abcdefghijklmnopqrstuvwxyzABCDEF0123456789 ", k=size))
    return '{"key": "%s",  "n":1.50e1,"text":"\\u00e4ö\\/","pad":"%s"}' % (key, pad)


def line(event, tenant, data, identifier=None, timestamp=None):
    text = '{"event":%s,"tenantId":%s' % (json.dumps(event), json.dumps(tenant))
    if identifier is not None:
        text += ',"id":%s' % json.dumps(identifier)
    if timestamp is not None:
        text += ',"timestamp":%s' % json.dumps(timestamp)
    return text + ',"data":%s}' % data


def body(event, timestamp, tenant, data):
    """What a receiver gets."""
    return '{"event":"%s","timestamp":"%s","tenantId":"%s","data":%s}' % (event, timestamp, tenant, data)


def matches(patterns, event):
    return any(
        pattern in ("*", event) or pattern.endswith(".*") and event.startswith(pattern[:-1]) for pattern in patterns)
