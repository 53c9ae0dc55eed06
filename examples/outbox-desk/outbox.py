#!/usr/bin/env python3
"""An outbox desk: mail goes in by priority, failures are seen and sent again by hand. Python's standard library alone."""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

TRIES = 4


class Refused(Exception):
    """Otpost said no, and will say so again: `problem` has a stable `code`, a `detail` and a `remedy`."""

    def __init__(self, problem):
        faults = [f" {fault['field']} {fault['message']}." for fault in problem.get("errors", [])]
        super().__init__(f"{problem['code']}: {problem['detail']}{''.join(faults)}")
        self.problem = problem


class Outbox:
    def __init__(self, url, key):
        self.url, self.key = url.rstrip("/"), key

    def send(self, to, subject, text, lane="default", once=None, **more):
        """Returns the id. It is committed then, whatever breaks from here on. `once` names what must be sent only once."""
        message = {"to": to, "subject": subject, "text": text, "lane": lane, **more}
        return self.call("POST", "/v1/emails", message, once or str(uuid.uuid4()))["id"]

    def show(self, email_id):
        return self.call("GET", f"/v1/emails/{email_id}")

    def list(self, **filters):
        """All messages that match, newest first, page by page."""
        cursor = {}
        while cursor is not None:
            page = self.call("GET", "/v1/emails?" + urllib.parse.urlencode({**filters, **cursor}))
            yield from page["items"]
            cursor = {"cursor": page["nextCursor"]} if page["nextCursor"] else None

    def counts(self, **filters):
        return self.call("GET", "/v1/emails/stats?" + urllib.parse.urlencode(filters))["counts"]

    def retry(self, email_id):
        return self.call("POST", f"/v1/emails/{email_id}/retry", {})["status"]

    def retry_all(self, reason, **filters):
        """Retries what failed and matches, in batches on the server. Refused where the number is no longer what was counted."""
        failed = {"status": "failed", **filters}
        order = {"action": "retry", "filter": failed, "reason": reason, "expected": self.counts(**failed)["failed"]}
        return self.call("POST", "/v1/emails/actions", order)

    def call(self, method, path, body=None, once=None):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if once:
            headers["Idempotency-Key"] = once  # so that asking again after a lost answer sends nothing twice
        data = None if body is None else json.dumps(body).encode()
        repeatable = method == "GET" or once is not None
        for attempt in range(1, TRIES + 1):
            try:
                request = urllib.request.Request(self.url + path, data, headers, method=method)
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                again = error.code == 429 or (error.code == 503 and repeatable)
                if not again or attempt == TRIES:
                    raise Refused(json.load(error)) from None
                wait = int(error.headers.get("Retry-After", attempt))
            except OSError:
                if attempt == TRIES or not repeatable:
                    raise
                wait = attempt
            time.sleep(wait)


def timeline(email):
    yield f"{email['id']}  {email['status']}  {email['subject']}"
    for event in email["events"]:
        said = event.get("reply") or event.get("errorCode") or ""
        yield f"  {event['at']}  {event['status']:<9}  {said}".rstrip()


def main():
    words = argparse.ArgumentParser(description=__doc__)
    commands = words.add_subparsers(dest="command", required=True)
    send = commands.add_parser("send", help="give a message away")
    send.add_argument("to")
    send.add_argument("subject")
    send.add_argument("text")
    send.add_argument("--lane", default="default", choices=["critical", "default", "bulk"])
    send.add_argument("--once", help="what must be sent only once, such as order-4711")
    commands.add_parser("show", help="what became of a message").add_argument("id")
    commands.add_parser("failures", help="what failed, and why")
    commands.add_parser("counts", help="how many messages are in each state")
    commands.add_parser("retry", help="send a message again that failed").add_argument("id")
    again = commands.add_parser("retry-all", help="send again all that failed for the same reason")
    again.add_argument("error_code", help="such as smtp_554")
    again.add_argument("reason", help="why, for the audit record")
    given = words.parse_args()
    outbox = Outbox(os.environ.get("OTPOST_URL", "http://localhost:3000"), os.environ["OTPOST_API_KEY"])
    try:
        run(outbox, given)
    except Refused as refused:
        sys.exit(f"{refused}\n{refused.problem['remedy']}")


def run(outbox, given):
    if given.command == "send":
        print(outbox.send(given.to, given.subject, given.text, given.lane, given.once))
    elif given.command == "show":
        print("\n".join(timeline(outbox.show(given.id))))
    elif given.command == "failures":
        for email in outbox.list(status="failed"):
            print(f"{email['id']}  {email['to']}  {email['lastErrorCode']}")
    elif given.command == "counts":
        for status, count in outbox.counts().items():
            print(f"{status:<12}{count}")
    elif given.command == "retry":
        print(outbox.retry(given.id))
    elif given.command == "retry-all":
        print(outbox.retry_all(given.reason, errorCode=given.error_code)["id"])


if __name__ == "__main__":
    main()
