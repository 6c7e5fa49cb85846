"""Visitors who read and write all the while that something else happens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from site_visitor import Visitor, secret


@contextmanager
def traffic(hosts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Somebody who writes, one after the other, and a reader on each web host; what they saw is there at the end: ``written`` (the
    titles that were acknowledged), ``failed``, ``requests`` and ``slowest`` (seconds)."""
    seen: dict[str, Any] = {"written": [], "failed": [], "requests": 0, "slowest": 0.0}
    enough = threading.Event()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {secret('api_token')}"}

    def visit(host: str, write: bool) -> None:
        visitor, number = Visitor(host), 0
        while not enough.is_set():
            title = f"{host} {time.time_ns()} {number}"
            began = time.monotonic()
            try:
                if write:
                    body = json.dumps({"title": title, "text": "while it moves"})
                    status: Any = visitor.post("/api/posts/", data=body, headers=headers).status_code
                else:
                    status = visitor.get("/").status_code
            except Exception as error:
                status = repr(error)
            took = time.monotonic() - began
            seen["requests"] += 1
            seen["slowest"] = max(seen["slowest"], took)
            if status not in (200, 201):
                seen["failed"].append((host, write, status, round(took, 2)))
            elif write:
                seen["written"].append(title)
            number += 1
            time.sleep(0.05)

    threads = [threading.Thread(target=visit, args=(host, write)) for host in hosts for write in (True, False)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        enough.set()
        for thread in threads:
            thread.join(60)
