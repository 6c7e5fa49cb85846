"""Clients of the rehearsal's endpoint, for tests."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

SECONDS = 360


class Endpoint:
    """An endpoint, as `lab.kinds.aws.control` started it.

    Attributes:
        home: its directory.
        variables: with which a program's AWS is this endpoint.
    """

    def __init__(self, home: Path, variables: dict[str, str]) -> None:
        self.home, self.variables = home, variables

    def client(self, service: str, key: str = "", token: str | None = None) -> Any:
        """A client of boto3, with the operator's access key or another; it asks once."""
        return boto3.client(
            service, endpoint_url=self.variables["AWS_ENDPOINT_URL"], region_name=self.variables["AWS_REGION"],
            aws_access_key_id=key or self.variables["AWS_ACCESS_KEY_ID"], aws_secret_access_key="test",
            aws_session_token=token, config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    def calls(self) -> list[dict[str, Any]]:
        """The journal."""
        return [json.loads(line) for line in (self.home / "calls.jsonl").read_text().splitlines()]

    def fault(self, **what: Any) -> None:
        """Ask for a fault."""
        url = f"{self.variables['AWS_ENDPOINT_URL']}/_lab/faults"
        request = urllib.request.Request(url, data=json.dumps(what).encode(), method="POST")  # noqa: S310
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30).close()


def until(what: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} seconds"
        time.sleep(0.5)
    return found
