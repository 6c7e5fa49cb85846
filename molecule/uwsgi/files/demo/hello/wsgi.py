"""An application for the tests: says where it runs, waits, writes and grows when it is asked to."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ballast: list[bytearray] = []


def answer(path: str, query: str) -> str:
    """What is said to a path; raises OSError where the system forbids what was asked for."""
    if path == "/slow":
        time.sleep(float(query))
    elif path == "/write":
        Path(query).write_text("written by the application\n")
    elif path == "/grow":
        ballast.append(bytearray(os.urandom(1)) * (int(query) << 20))
    return f"{path[1:]} done"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """One request."""
    status = "200 OK"
    try:
        said = answer(environ["PATH_INFO"], environ["QUERY_STRING"])
    except OSError as error:
        status, said = "403 Forbidden", str(error)
    facts = {
        "said": said,
        "pid": os.getpid(),
        "slot": os.environ["SLOT"],
        "greeting": os.environ["GREETING"],
        "threads": environ["wsgi.multithread"],
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    }
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(facts).encode()]
