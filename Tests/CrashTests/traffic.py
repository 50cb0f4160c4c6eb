"""What producers and administrators do while the daemon is killed again and again."""

import base64
import http.client
import random
import threading
import time

from daemon import Producer
from ledger import Event, Webhook

EVENT_TYPES = [
    "application.created", "application.scored", "application.shortlisted", "application.rejected", "job.created",
    "job.closed"]


class ProducerThread(threading.Thread):
    """Sends events in bursts. With ids of its own it sends again what was not acknowledged, after each break."""

    def __init__(self, number, daemon, ledger, seed, own_ids, pause):
        super().__init__(daemon=True)
        self.relay, self.ledger, self.own_ids, self.pause = daemon, ledger, own_ids, pause
        self.prefix = f"p{number}" if own_ids else f"a{number}"
        self.random = random.Random(f"{seed}-{self.prefix}")
        self.ending = threading.Event()
        self.made = self.uncertain = self.refused = self.repeats_checked = 0
        self.waiting = []
        self.last = None
        self.failure = None

    def run(self):
        try:
            while not (self.ending.is_set() and not self.waiting):
                try:
                    with Producer(self.relay, seconds=15) as connection:
                        self.converse(connection)
                except OSError:
                    time.sleep(0.02)
                if not self.own_ids:
                    # Sending again could make two events of one: these are only counted.
                    self.uncertain += len(self.waiting)
                    self.waiting = []
        except Exception as error:  # noqa: BLE001: whatever it is, the campaign has to know
            self.failure = f"{self.prefix}: {type(error).__name__}: {error}"

    def converse(self, connection):
        self.repeat_last(connection)
        while True:
            if not self.ending.is_set():
                while len(self.waiting) < self.random.randrange(1, 14):
                    self.waiting.append(self.make())
            burst = self.waiting[:50]
            if not burst:
                return
            now = time.monotonic()
            for event in burst:
                event.sent = event.sent or now
                # The receiver may see it before its reply is read.
                self.ledger.events[event.key] = event
            connection.write([event.line() for event in burst])
            pause = self.random.uniform(0, self.pause)
            for event in burst:
                reply = connection.read()
                if reply is None:
                    return
                pause = max(pause, self.take(event, reply))
            self.waiting = [event for event in self.waiting if event.acknowledged is None]
            time.sleep(pause)

    def make(self):
        self.made += 1
        choose = self.random
        return Event(
            f"{self.prefix}-{self.made}", choose.choice(EVENT_TYPES), choose.choice(["t1", "t1", "t2", "t2", "t3"]),
            choose.choice([None, "2026-05-02T14:32:10.000Z"]), choose.randrange(20, 1500), self.own_ids)

    def take(self, event, reply):
        """Takes a reply; returns how long to wait before the next burst."""
        if reply["ok"]:
            if self.own_ids and reply["id"] != event.key:
                self.ledger.problem(f"the reply for {event.key} is for {reply['id']}")
            event.id, event.webhooks, event.acknowledged = reply["id"], reply["webhooks"], time.monotonic()
            self.last = event
            return 0
        self.refused += 1
        if "retryAfterMs" not in reply:
            self.ledger.problem(f"{event.key} was refused for good: {reply}")
            event.acknowledged = None
        return min(0.3, reply.get("retryAfterMs", 0) / 1000)

    def repeat_last(self, connection):
        """An event that was acknowledged moments ago is a duplicate, also for the daemon's next run."""
        event = self.last
        self.last = None
        if not self.own_ids or event is None or time.monotonic() - event.sent > 1.5:
            return
        reply = connection.send(event.line())
        if reply is None or not reply["ok"] and "retryAfterMs" in reply:
            return
        self.repeats_checked += 1
        if reply != {"ok": True, "id": event.id, "webhooks": event.webhooks, "duplicate": True}:
            self.ledger.problem(f"{event.id} was acknowledged, and sending it again is answered {reply}")


class Administrator(threading.Thread):
    """Registers and deletes webhooks now and then."""

    def __init__(self, daemon, ledger, receiver, seed):
        super().__init__(daemon=True)
        self.relay, self.ledger, self.receiver = daemon, ledger, receiver
        self.random = random.Random(f"{seed}-administrator")
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.temporary = []
        self.made = self.changes = 0

    def run(self):
        while not self.ending.wait(self.random.uniform(0.1, 0.6)):
            try:
                with self.lock:
                    self.change()
            except (OSError, http.client.HTTPException):
                pass

    def change(self):
        certain = [webhook for webhook in self.temporary if webhook.created and not webhook.delete_asked]
        if len(certain) < self.random.randrange(4):
            self.made += 1
            self.temporary.append(self.register(f"/temporary-{self.made}", "t2", ["*"], self.receiver))
        elif certain:
            self.delete(self.random.choice(certain))

    def register(self, path, tenant, patterns, receiver, **more):
        # Its secret is known although the answer may be lost.
        secret = "whsec_" + base64.b64encode(self.random.randbytes(32)).decode()
        webhook = Webhook(path, tenant, patterns, secret)
        receiver.add(path, secret)
        self.ledger.webhooks.append(webhook)
        webhook.url = receiver.url(path)
        try:
            status, answer = self.relay.call(
                "POST", "/api/v1/webhooks",
                {"url": webhook.url, "events": patterns, "tenantId": tenant, "isActive": True, "secret": secret,
                 **more})
        except (OSError, http.client.HTTPException):
            return webhook
        if status == 201:
            webhook.id, webhook.created = answer["id"], time.monotonic()
            self.changes += 1
        elif status < 500:
            self.ledger.problem(f"{path} can't be registered: {status} {answer}")
        return webhook

    def delete(self, webhook):
        webhook.delete_asked = time.monotonic()
        status, answer = self.relay.call("DELETE", f"/api/v1/webhooks/{webhook.id}")
        if status == 204:
            webhook.deleted = time.monotonic()
            self.changes += 1
        elif status < 500:
            self.ledger.problem(f"{webhook.path} can't be deleted: {status} {answer}")

    def compare(self):
        """After a start: what was confirmed must be so, and what was not is looked up."""
        with self.lock:
            there = {webhook["url"]: webhook for webhook in self.relay.webhooks().values()}
            now = time.monotonic()
            for webhook in self.ledger.webhooks:
                found = there.get(webhook.url)
                if webhook.deleted is not None:
                    if found and not getattr(webhook, "is_reported", False):
                        webhook.is_reported = True
                        self.ledger.problem(f"{webhook.path} is back after its deletion")
                elif webhook.delete_asked is not None:
                    webhook.delete_asked, webhook.deleted = (None, None) if found else (webhook.delete_asked, now)
                elif webhook.created is None:
                    if found:
                        webhook.id, webhook.created = found["id"], now
                    else:
                        webhook.delete_asked = webhook.deleted = now
                elif not found or found["id"] != webhook.id:
                    self.ledger.problem(f"{webhook.path} was registered and is gone")
                    webhook.delete_asked = webhook.deleted = now
