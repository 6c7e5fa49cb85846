"""A server on the loopback that answers as AWS does (moto)."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.aws.rehearsal import Endpoint, an_account

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
        root: the repository.
    """

    url: str
    root: Path
    _asked: _Asked

    def client(self, service: str) -> Any:
        """A client of boto3."""
        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return self._asked.number

    def ansible(self, program: str, *words: str, region: str = REGION) -> subprocess.CompletedProcess[str]:
        """Run a program of Ansible, as on a controller whose AWS is this one; with an empty region its environment names none."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_URL": self.url}
        keys |= {"AWS_REGION": region} if region else {}
        other = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        own = {"ANSIBLE_CONFIG": str(self.root / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "NO_PROXY": "127.0.0.1"}
        return subprocess.run(
            [str(Path(sys.executable).with_name(program)), *words],
            cwd=self.root, env={**other, **keys, **own}, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def cloud(root: Path) -> Iterator[Cloud]:
    """An account without anything."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    asked = _Asked()
    log = logging.getLogger("werkzeug")
    log.addHandler(asked)
    log.setLevel(logging.INFO)
    yield Cloud(f"http://{host}:{port}", root, asked)
    log.removeHandler(asked)
    server.stop()


@pytest.fixture
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An empty account of the rehearsal's endpoint, without hosts behind it."""
    with an_account(tmp_path_factory) as made:
        yield made
