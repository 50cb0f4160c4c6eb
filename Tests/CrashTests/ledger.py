"""What was sent, acknowledged, registered and delivered; and what must be true of it in the end."""

import json
import threading
import time

import events
import receiver


# How long ids are remembered, as in the daemon's configuration.
DEDUPE_SECONDS = 3

# Successes are on disk 100 ms after; the rest is for a machine that has much else to do. After a failed write the next
# try may take its time.
LOST_SUCCESS_SECONDS = 1
LOST_SUCCESS_SECONDS_AFTER_FAULTS = 5


class Event:
    __slots__ = ["key", "type", "tenant", "timestamp", "size", "own_id", "sent", "acknowledged", "id", "webhooks"]

    def __init__(self, key, event_type, tenant, timestamp, size, own_id):
        self.key, self.type, self.tenant, self.timestamp, self.size = key, event_type, tenant, timestamp, size
        # Whether the producer gave it an id, and may send it again.
        self.own_id = own_id
        self.sent = self.acknowledged = self.id = self.webhooks = None

    def line(self):
        return events.line(self.type, self.tenant, self.data(), self.key if self.own_id else None, self.timestamp)

    def data(self):
        return events.data_text(self.key, self.size)


class Webhook:
    """A webhook over its life. While a call's outcome is not known it may exist or not."""

    def __init__(self, path, tenant, patterns, secret):
        self.path, self.tenant, self.patterns, self.secret = path, tenant, patterns, secret
        self.id = None
        # Exists for certain from `created` until `delete_asked`, perhaps from `create_asked` until `deleted`.
        self.create_asked = time.monotonic()
        self.created = self.delete_asked = self.deleted = None

    def certainly(self, event):
        return (
            self.created is not None and self.created <= event.sent
            and (self.delete_asked is None or event.acknowledged < self.delete_asked))

    def possibly(self, event):
        end = event.acknowledged
        return (end is None or self.create_asked <= end) and (self.deleted is None or event.sent <= self.deleted)

    def wants(self, event):
        return event.tenant == self.tenant and events.matches(self.patterns, event.type)


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.events = {}
        self.webhooks = []
        self.problems = []
        # Ids as delivered, and the event that each belongs to.
        self.delivered = {}
        # When the daemon was killed, and for how long before it successes may not have reached the disk.
        self.deaths = []

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def check_body(self, path, identifier, body):
        """For the receiver: whether a payload is that of an event which was sent."""
        event = self.events.get(identifier)
        if event is None:
            try:
                event = self.events.get(json.loads(body)["data"]["key"])
            except (ValueError, KeyError, TypeError):
                event = None
            if event is None or event.own_id:
                return "nobody has sent such an event"
        self.delivered[identifier] = event
        return receiver.body_problem(body, event.type, event.tenant, event.data(), event.timestamp)

    def may_repeat(self, identifier, before):
        """Whether a delivery's success may have been lost: it was not yet on disk when the daemon was killed."""
        event = self.delivered.get(identifier)
        if event is not None and (event.acknowledged is None or event.acknowledged - event.sent > DEDUPE_SECONDS):
            return True  # Sent again so late that it was a new one.
        return any(before - 0.1 <= death <= before + seconds for death, seconds in self.deaths)

    # The oracle

    def lost(self, inboxes):
        """Acknowledged events that a webhook has not got although it had to, as (webhook, event)."""
        standing = [webhook for webhook in self.webhooks if webhook.created is not None and not webhook.delete_asked]
        counts = {webhook.path: inboxes[webhook.path].counts for webhook in standing}
        return [
            (webhook, event)
            for event in list(self.events.values()) if event.acknowledged is not None
            for webhook in standing
            if webhook.wants(event) and webhook.certainly(event) and event.id not in counts[webhook.path]]

    def judge(self, inboxes):
        """Everything but losses: adds what is wrong to the problems.

        :returns: how often something came twice, and how often its first success was not just before a kill.
        """
        repeated = late = 0
        for webhook in self.webhooks:
            inbox = inboxes[webhook.path]
            for identifier, before in list(inbox.repeats):
                if not self.may_repeat(identifier, before):
                    late += 1
                    self.problem(f"{identifier} came to {webhook.path} again, and no kill was near the first time")
            for identifier, count in list(inbox.counts.items()):
                repeated += count - 1
                event = self.delivered.get(identifier)
                if event is None:
                    continue  # the receiver has complained already
                if not webhook.wants(event):
                    self.problem(f"{identifier} came to {webhook.path}, whose patterns do not match it")
                elif not webhook.possibly(event):
                    self.problem(f"{identifier} came to {webhook.path}, which was not registered at its acceptance")
                if not event.own_id and event.id is not None and identifier != event.id:
                    self.problem(f"{event.key} was acknowledged as {event.id} and delivered as {identifier}")
                if webhook.deleted is not None and inbox.last[identifier] > webhook.deleted + 3:
                    self.problem(f"{identifier} came to {webhook.path} 3 s after its deletion was confirmed")
        for event in list(self.events.values()):
            if event.acknowledged is None:
                continue
            wanting = [webhook for webhook in self.webhooks if webhook.wants(event)]
            least = sum(webhook.certainly(event) for webhook in wanting)
            most = sum(webhook.possibly(event) for webhook in wanting)
            if not least <= event.webhooks <= most:
                self.problem(f"{event.id}: acknowledged for {event.webhooks} webhooks, not {least} to {most}")
        return repeated, late
