#!/usr/bin/env python3
"""Whether a live daemon's API is what its OpenAPI document says.

The document is valid OpenAPI 3.1; schemathesis makes requests that it allows and forbids, and looks at each answer: no
5xx, only documented statuses, content types, header fields and shapes, nothing taken that the document forbids, nothing
refused that it allows, nothing told without a key. It is asked over TCP, with an administrator's key and with a tenant's. All
of it runs in a network namespace without any way out: the webhooks' URLs are random.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "CrashTests"))

from daemon import Daemon, Producer, Unmet, clean_up_when_terminated, eventually  # noqa: E402

# Whatever address a URL names may be registered: the document can't tell of the host's policy.
KEY = "/api/v1/api-keys/{id}"
PORT = 8480
URL = f"http://127.0.0.1:{PORT}"
CONFIGURATION = f"""
[api]
listen = "127.0.0.1:{PORT}"
[egress]
allow = ["0.0.0.0/0", "::/0", {{ to = "0.0.0.0/0", tenants = ["tenant_0"] }}, {{ to = "::/0", tenants = ["tenant_0"] }}]
[events]
extra = ["invoice.paid"]
[delivery]
timeout = "1s"
retry-schedule = ["1h"]
"""

TENANTS = [f"tenant_{index}" for index in range(3)]
# Enough for all the calls that take one away.
WEBHOOKS = 60
EVENTS = 60
KEYS = 20


def enter_namespace():
    """Begins again in a network of its own, with nothing but the loopback interface."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = 'ip link set lo up && exec "$@"'
    again = [sys.executable, *sys.argv, "--inside"]
    os.execvp("unshare", ["unshare", "--net", *user, "--", "sh", "-c", script, "sh", *again])


def make_key(daemon, **whose):
    """The key and its id."""
    status, key = daemon.call("POST", "/api/v1/api-keys", whose)
    if status != 201:
        raise Unmet(f"no key: {status} {key}")
    return key["key"], key["id"]


def status_with(key):
    """What the API says to a key."""
    request = urllib.request.Request(f"{URL}/api/v1/webhooks", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def prepare(daemon):
    """Some of everything that answers can show. Returns webhooks' and events' ids by tenant."""
    made = {tenant: ([], []) for tenant in TENANTS}
    for index in range(WEBHOOKS):
        ordering, active = [("none", True), ("webhook", True), ({"key": "/data/a"}, False)][index % 3]
        status, webhook = daemon.call("POST", "/api/v1/webhooks", {
            "tenantId": TENANTS[index % 3], "url": "http://127.0.0.1:9/", "events": ["job.*", "*"],
            "isActive": active, "description": "one", "headers": {"X-A": "b"}, "ordering": ordering,
            "retrySchedule": ["5s"], "rateLimit": {"perSecond": 100.5}})
        if status != 201:
            raise Unmet(f"no webhook: {status} {webhook}")
        made[webhook["tenantId"]][0].append(webhook["id"])
    with Producer(daemon) as producer:
        for number in range(EVENTS):
            reply = producer.send(json.dumps({
                "event": "job.created", "tenantId": TENANTS[number % 3], "id": f"e{number}", "data": {"a": number}}))
            if not reply["ok"]:
                raise Unmet(f"no event: {reply}")
            made[TENANTS[number % 3]][1].append(f"e{number}")
    return made


def close(schema):
    """Answers hold what the document tells of, and no more: that is how what it forgets is found."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


def leave_out(document):
    """What has no single answer to judge: streams end with the daemon, and what an Idempotency-Key gives depends on what
    it was used for before. On TCP, where this asks, there is no call without a key but the open ones."""
    for path, item in list(document["paths"].items()):
        for method, operation in list(item.items()):
            if "application/x-ndjson" in json.dumps(operation["responses"]):
                del item[method]
            elif "parameters" in operation:
                operation["parameters"] = [
                    parameter for parameter in operation["parameters"] if parameter["name"] != "Idempotency-Key"]
        if not item:
            del document["paths"][path]
    document["security"].remove({})


def without_revoking(document):
    """It would come upon the key that it is using."""
    return {**document, "paths": {path: item for path, item in document["paths"].items() if path != KEY}}


def name_things(document, webhooks=(), events=(), keys=()):
    """Calls about webhooks and events that are there: random ids and tenants are only ever answered 404."""
    document = copy.deepcopy(document)
    known = {"/webhooks/{id}": webhooks, "/events/{id}": events, "/api-keys/{id}": keys}
    for path, item in document["paths"].items():
        names = next((names for part, names in known.items() if part in path), None)
        for operation in item.values() if names else []:
            operation["parameters"] = [
                {**parameter, "schema": {"type": "string", "enum": names}} if parameter["name"] == "id" else parameter
                for parameter in operation["parameters"] if parameter["name"] != "tenantId"]
    return document


def check(arguments):
    with tempfile.TemporaryDirectory(prefix="hookline-openapi-") as directory:
        daemon = Daemon(arguments.executable, directory, CONFIGURATION)
        daemon.start()
        try:
            things = prepare(daemon)
            (administrators, _), (tenants, _) = make_key(daemon, admin=True), make_key(daemon, tenantId=TENANTS[0])
            keys = [make_key(daemon, tenantId=TENANTS[1])[1] for _ in range(KEYS)]
            status, document = daemon.call("GET", "/api/v1/openapi.json")
            if status != 200:
                raise Unmet(f"no document: {status}")
            # Apart from this: the daemon's own tests need no library.
            from openapi_spec_validator import validate
            validate(document)
            leave_out(document)
            close(document["components"]["schemas"])
            begun = time.monotonic()
            webhooks, events = (sum((things[tenant][kind] for tenant in TENANTS), []) for kind in (0, 1))
            all_but_one = without_revoking(document)
            the_one = name_things({**document, "paths": {KEY: document["paths"][KEY]}}, keys=keys)
            statuses = [
                run_schemathesis(arguments, directory, administrators, all_but_one),
                run_schemathesis(arguments, directory, administrators, name_things(all_but_one, webhooks, events)),
                run_schemathesis(arguments, directory, administrators, the_one),
                # For it there is nothing where only administrators may be, with any method.
                run_schemathesis(
                    arguments, directory, tenants, name_things(document, *things[TENANTS[0]]), "unsupported_method"),
            ]
            seconds = time.monotonic() - begun
            # One that was revoked on the way would have been answered 401, which the document allows, from then on.
            for whose, key in (("administrator's", administrators), ("tenant's", tenants)):
                if status_with(key) != 200:
                    raise Unmet(f"the {whose} key has not lived to the end")
            alive, answer = daemon.call("GET", "/readyz")
            if alive != 200:
                raise Unmet(f"the daemon is not ready any more: {alive} {answer}")
        finally:
            daemon.kill()
            if arguments.keep_log:
                os.replace(daemon.log_path, arguments.keep_log)
        print(f"    {len(document['paths'])} paths, {seconds:.0f} s of schemathesis", flush=True)
        return max(statuses)


def run_schemathesis(arguments, directory, key, document, *left_out):
    path = os.path.join(directory, "openapi.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    command = [
        os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--no-color", "run", path, "--url", URL,
        "--header", f"Authorization: Bearer {key}", "--checks", "all", *(["--exclude-checks", ",".join(left_out)] if left_out else []),
        "--max-examples", str(arguments.examples), "--max-time", str(arguments.seconds),
        "--seed", str(arguments.seed), "--workers", "2", "--continue-on-failure", "--suppress-health-check", "all",
        "--request-timeout", "20", "--warnings", "off",
    ]
    # What it learns of failures goes with the directory.
    return subprocess.run(command, cwd=directory, check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executable", required=True)
    parser.add_argument("--examples", type=int, default=40, help="requests for each call, at most")
    parser.add_argument("--seconds", type=int, default=30, help="of each of the four runs, at most")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("HOOKLINE_OPENAPI_SEED", "1")))
    parser.add_argument("--keep-log", help="where the daemon's log goes")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.inside:
        enter_namespace()
    clean_up_when_terminated()
    sys.exit(check(arguments))


if __name__ == "__main__":
    main()
