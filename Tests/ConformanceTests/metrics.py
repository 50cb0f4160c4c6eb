#!/usr/bin/env python3
"""Whether /metrics, the alert rules and the dashboard fit Prometheus and each other.

promtool reads what a daemon says that has seen deliveries, failures and refusals; the contract's metrics are there with
their types and labels; no webhook and no tenant adds a series; the rules fire when they should; every metric and label
value that a rule or a panel names is one that the daemon has.
"""

import argparse
import http.client
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

HOME = os.path.dirname(os.path.abspath(__file__))
PACKAGING = os.path.join(HOME, "..", "..", "packaging")
sys.path.insert(0, os.path.join(HOME, "..", "CrashTests"))

from daemon import Daemon, Producer, UnixConnection, Unmet, clean_up_when_terminated, eventually  # noqa: E402

CONFIGURATION = """
[egress]
allow = ["127.0.0.1/32"]
[delivery]
retry-schedule = ["100ms"]
"""

# Name, type, and the labels of its samples.
CONTRACT = [
    ("hookline_events_accepted_total", "counter", ["event"]), ("hookline_events_refused_total", "counter", ["error"]),
    ("hookline_ingest_connections", "gauge", []), ("hookline_journal_sync_seconds", "histogram", ["le"]),
    ("hookline_journal_bytes", "gauge", []), ("hookline_journal_max_bytes", "gauge", []),
    ("hookline_backlog_deliveries", "gauge", []), ("hookline_backlog_oldest_seconds", "gauge", []),
    ("hookline_attempts_total", "counter", ["outcome"]), ("hookline_deliveries_settled_total", "counter", ["result"]),
    ("hookline_delivery_latency_seconds", "histogram", ["le"]), ("hookline_in_flight", "gauge", []),
    ("hookline_webhooks", "gauge", ["state"]), ("hookline_build_info", "gauge", ["version"]),
    ("process_cpu_seconds_total", "counter", []), ("process_resident_memory_bytes", "gauge", []),
    ("process_virtual_memory_bytes", "gauge", []), ("process_open_fds", "gauge", []), ("process_max_fds", "gauge", []),
    ("process_start_time_seconds", "gauge", []),
]

# What Prometheus itself says of each scrape.
SCRAPE = {"up"}


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response({"/ok": 204, "/gone": 410}.get(self.path, 500))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def scrape(daemon):
    connection = UnixConnection(daemon.api_socket, 10)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise Unmet(f"no metrics: {response.status}")
        return text
    finally:
        connection.close()


class Page:
    """Types of families, and samples as names with sets of labels."""

    def __init__(self, text):
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.samples = {}
        for name, labels, value in re.findall(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$", text, re.M):
            self.samples[name, tuple(re.findall(r'([a-z_]+)="([^"]*)"', labels))] = float(value)

    def value(self, name, **labels):
        return self.samples[name, tuple(labels.items())]

    def family(self, sample):
        """The family of a sample's name: a histogram's has three kinds of them."""
        base = re.sub(r"_(bucket|sum|count)$", "", sample)
        return base if self.types.get(base) == "histogram" else sample

    def labels(self, family):
        return {name for (sample, labels) in self.samples if self.family(sample) == family for name, _ in labels}


def work(daemon, port):
    """Deliveries, failures of three kinds, refusals and a duplicate."""
    for path in ["/ok", "/error", "/gone"]:
        daemon.add_webhook(f"http://127.0.0.1:{port}{path}", ["job.created"], "acme")
    daemon.add_webhook("http://127.0.0.1:9/", ["job.created"], "acme")
    event = {"event": "job.created", "tenantId": "acme", "id": "one", "data": {}}
    with Producer(daemon) as producer:
        for line in [event, event, {**event, "id": "one", "data": {"other": 1}}, {"event": "nothing"}]:
            producer.send(json.dumps(line))
        producer.send("{")

    def is_done():
        page = Page(scrape(daemon))
        settled = sum(value for (name, _), value in page.samples.items() if name == "hookline_deliveries_settled_total")
        return page if settled == 4 else None
    page = eventually("the deliveries are settled", 20, is_done)
    for name, labels, least in [
        ("hookline_attempts_total", {"outcome": "delivered"}, 1), ("hookline_attempts_total", {"outcome": "status"}, 2),
        ("hookline_attempts_total", {"outcome": "connect"}, 1), ("hookline_webhooks", {"state": "disabled"}, 1),
        ("hookline_webhook_changes_total", {"change": "disabled"}, 1),
        ("hookline_deliveries_settled_total", {"result": "webhook_disabled"}, 1),
        ("hookline_deliveries_settled_total", {"result": "tries_used_up"}, 2),
        ("hookline_events_refused_total", {"error": "id_conflict"}, 1), ("hookline_events_duplicates_total", {}, 1),
        ("hookline_journal_max_bytes", {}, 10 << 30),
    ]:
        if page.value(name, **labels) < least:
            raise Unmet(f"{name} {labels} is {page.value(name, **labels)}")


def check_contract(page):
    for name, kind, labels in CONTRACT:
        if page.types.get(name) != kind:
            raise Unmet(f"{name} is no {kind} but {page.types.get(name)}")
        if page.labels(name) != set(labels):
            raise Unmet(f"{name} has the labels {page.labels(name)}")


def check_bounds(daemon):
    """Webhooks and tenants add no series."""
    before = set(Page(scrape(daemon)).samples)
    for index in range(50):
        daemon.add_webhook(f"https://hooks.example.com/{index}", ["*"], f"tenant_{index}", isActive=False)
    with Producer(daemon) as producer:
        for index in range(50):
            producer.send(json.dumps({"event": "job.closed", "tenantId": f"tenant_{index}", "data": {}}))
            producer.send(json.dumps({"event": f"unknown.{index}", "tenantId": "acme", "data": {}}))
    after = set(Page(scrape(daemon)).samples)
    if after != before:
        raise Unmet(f"other series: {sorted(after ^ before)}")


def run_promtool(promtool, *arguments, text=None, directory=None):
    done = subprocess.run(
        [promtool, *arguments], input=text, text=True, capture_output=True, cwd=directory, timeout=120, check=False)
    if done.returncode != 0:
        raise Unmet(f"promtool {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def check_expressions(promtool, page, expressions):
    """Whether they are PromQL that asks for what the daemon has."""
    rules = {"groups": [{"name": "panels", "rules": [
        {"record": f"panel:{index}", "expr": text} for index, text in enumerate(expressions)]}]}
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        # JSON is YAML.
        json.dump(rules, file)
        file.flush()
        run_promtool(promtool, "check", "rules", file.name)
    names = {name for name, _ in page.samples}
    used = 0
    for text in expressions:
        bare = re.sub(r'"[^"]*"', '""', text)
        for name in re.findall(r"\b(?:hookline|process)_[a-z_]+\b|\bup\b", bare):
            used += 1
            if name not in names | SCRAPE:
                raise Unmet(f"the daemon has no {name}: {text}")
        for name, matchers in re.findall(r"\b([a-z_]+)\{([^}]*)\}", text):
            for label, operator, value in re.findall(r'([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"', matchers):
                if label in ("instance", "job"):
                    continue
                known = {dict(labels).get(label) for sample, labels in page.samples if sample == name}
                for one in value.split("|") if operator.endswith("~") else [value]:
                    if one not in known:
                        raise Unmet(f"{name} has no {label}={one}, but {sorted(map(str, known))}: {text}")
    return used


def panels(dashboard):
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")


def check_dashboard(dashboard):
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(set(ids)) != len(ids):
        raise Unmet("two panels have the same id")
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        if cells & taken or place["x"] + place["w"] > 24:
            raise Unmet(f"the panel {panel['title']} lies over another one, or beyond the edge")
        taken |= cells


def rule_expressions(path):
    """Those of a rules file: without a YAML library, by the one layout that the file has."""
    found, lines = [], open(path, encoding="utf-8").read().splitlines()
    for index, line in enumerate(lines):
        if not (match := re.fullmatch(r"(\s+)expr: (.*)", line)):
            continue
        if match[2] != ">-":
            found.append(match[2])
            continue
        folded = []
        for more in lines[index + 1:]:
            if len(more) - len(more.lstrip()) <= len(match[1]):
                break
            folded.append(more.strip())
        found.append(" ".join(folded))
    return found


def check(arguments):
    rules = os.path.join(PACKAGING, "prometheus", "hookline.rules.yml")
    with open(os.path.join(PACKAGING, "grafana", "hookline.json"), encoding="utf-8") as file:
        dashboard = json.load(file)
    check_dashboard(dashboard)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="hookline-metrics-") as directory:
        daemon = Daemon(arguments.executable, directory, CONFIGURATION)
        daemon.start()
        try:
            work(daemon, server.server_port)
            text = scrape(daemon)
            check_bounds(daemon)
            daemon.call("POST", "/api/v1/pause")
            if Page(scrape(daemon)).value("hookline_paused") != 1:
                raise Unmet("hookline_paused says nothing of a pause")
        finally:
            daemon.kill()
            server.shutdown()
    if words := run_promtool(arguments.promtool, "check", "metrics", text=text):
        raise Unmet(f"promtool check metrics: {words}")
    page = Page(text)
    check_contract(page)
    output = run_promtool(arguments.promtool, "check", "rules", rules)
    asked = rule_expressions(rules)
    if f"{len(asked)} rules found" not in output:
        raise Unmet(f"{len(asked)} expressions in {output}")
    run_promtool(arguments.promtool, "test", "rules", "hookline.rules.test.yml", directory=os.path.dirname(rules))
    used = check_expressions(arguments.promtool, page, asked + list(panels(dashboard)))
    print(f"    {len(page.types)} metrics, {len(asked)} alerts, {len(dashboard['panels'])} panels; {used} uses")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--promtool", required=True)
    arguments = parser.parse_args()
    clean_up_when_terminated()
    try:
        check(arguments)
    except (Unmet, OSError, KeyError, http.client.HTTPException) as error:
        print(f"    {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
