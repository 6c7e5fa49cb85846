"""A visitor of the lab's site: HTTPS with the lab's own authority, whatever address a name has."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

PROJECT = Path(os.environ.get("MOLECULE_PROJECT_DIRECTORY") or Path(__file__).resolve().parents[2])
LAB = PROJECT / ".lab" / os.environ.get("LAB_NAME", "lab")
DOMAIN = "board.localhost"


def address(host: str) -> str:
    """The address of a host of the lab."""
    return json.loads((LAB / "hosts.json").read_text())[host]


def secret(name: str) -> str:
    """A secret of the board."""
    return yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]["applications"]["board"][name]


# What a name means in this thread, as a line of /etc/hosts would say; visitors of several hosts ask at the same time.
_meanings = threading.local()
_getaddrinfo = socket.getaddrinfo


def _lookup(name: Any, *arguments: Any, **options: Any) -> Any:
    return _getaddrinfo(getattr(_meanings, "names", {}).get(name, name), *arguments, **options)


socket.getaddrinfo = _lookup


@contextmanager
def resolved(host: str, domain: str = DOMAIN) -> Iterator[None]:
    """Let a site's name mean one of the hosts, in this thread."""
    before = getattr(_meanings, "names", {})
    _meanings.names = {**before, domain: address(host)}
    try:
        yield
    finally:
        _meanings.names = before


class Visitor:
    """One visitor of one site on one web host."""

    def __init__(self, host: str, domain: str = DOMAIN) -> None:
        self.host = host
        self.domain = domain
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(LAB / "ca.pem")

    def host_address(self) -> str:
        """The address of the host that is visited."""
        return address(self.host)

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET over HTTPS; the certificate is verified."""
        with resolved(self.host, self.domain):
            return self.session.get(f"https://{self.domain}{path}", timeout=20, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        """POST over HTTPS, with the page before as referer as a browser sends it."""
        headers = {"Referer": f"https://{self.domain}{path}", **options.pop("headers", {})}
        with resolved(self.host, self.domain):
            return self.session.post(f"https://{self.domain}{path}", timeout=20, headers=headers, **options)

    def submit(self, path: str, fields: dict[str, str], files: dict[str, Any] | None = None) -> requests.Response:
        """Open a form, fill it in and send it with its CSRF token."""
        page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token, page.text[:2000]
        return self.post(path, data={**fields, "csrfmiddlewaretoken": token[1]}, files=files)


def wait_for(what: str, condition: Callable[[], bool], seconds: float) -> float:
    """Wait until a condition holds; returns how long it took."""
    began = time.monotonic()
    last: Exception | None = None
    while time.monotonic() - began < seconds:
        try:
            if condition():
                return time.monotonic() - began
        except (requests.RequestException, OSError) as error:
            last = error
        time.sleep(0.5)
    raise AssertionError(f"{what} did not happen within {seconds} seconds; last: {last}")
