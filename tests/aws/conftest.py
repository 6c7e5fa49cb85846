"""A server on the loopback that answers as AWS does (moto)."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"


class _Asked(logging.Handler):
    """Counts the requests in the server's log."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.number += "HTTP/1.1" in record.getMessage()


@dataclass
class Cloud:
    """The server.

    Attributes:
        url: where it listens.
        environment: what makes a program ask it instead of AWS.
    """

    url: str
    environment: dict[str, str] = field(default_factory=dict)
    _asked: _Asked = field(default_factory=_Asked)

    def client(self, service: str) -> Any:
        """A client of boto3."""
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return self._asked.number


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """An account without anything."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION, "AWS_URL": url}
    other = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    one = Cloud(url, {**other, **keys, "NO_PROXY": "127.0.0.1"})
    log = logging.getLogger("werkzeug")
    log.addHandler(one._asked)
    log.setLevel(logging.INFO)
    yield one
    log.removeHandler(one._asked)
    server.stop()
