# SPDX-License-Identifier: MIT
"""The metadata service of the instances (IMDS): who asks is known by the address that the question comes from."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from lab.kinds.aws.endpoint.account import ACCOUNT, Account, Instance

ROOT = "/latest/"
LONGEST_SESSION = 21600


class Metadata:
    """A WSGI application that answers as 169.254.169.254 does on an instance."""

    def __init__(self, account: Account, lock: threading.RLock) -> None:
        self._account, self._lock = account, lock
        self._sessions: dict[tuple[str, str], float] = {}
        self._credentials: dict[tuple[str, str], dict[str, str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        asker, path, method = environ["REMOTE_ADDR"], environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        with self._lock:
            living = [one for one in self._account.instances() if one.state not in ("terminated", "shutting-down")]
        instance = next((one for one in living if one.address == asker), None)
        status, text = self._answer(instance, method, path, environ)
        start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
        return [text]

    def _answer(self, instance: Instance | None, method: str, path: str, environ: dict[str, Any]) -> tuple[str, bytes]:
        if instance is None:
            return "404 Not Found", b"no instance has the address that asks"
        if path == ROOT + "api/token":
            return self._session(instance, method, environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN_TTL_SECONDS", ""))
        token = environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN", "")
        valid = self._sessions.get((instance.id, token), 0) > time.monotonic()
        if (token or not instance.imds_v1) and not valid:
            return "401 Unauthorized", b""
        text = self._read(instance, path.removeprefix(ROOT)) if path.startswith(ROOT) else None
        return ("200 OK", text) if text is not None else ("404 Not Found", b"")

    def _session(self, instance: Instance, method: str, seconds: str) -> tuple[str, bytes]:
        if method != "PUT":
            return "405 Method Not Allowed", b""
        if not seconds.isdecimal() or not 0 < int(seconds) <= LONGEST_SESSION:
            return "400 Bad Request", b""
        token = secrets.token_urlsafe(32)
        now = time.monotonic()
        self._sessions = {key: end for key, end in self._sessions.items() if end > now}
        self._sessions[instance.id, token] = now + int(seconds)
        return "200 OK", token.encode()

    def _read(self, instance: Instance, what: str) -> bytes | None:
        """What stands at a path below ``/latest/``, or None."""
        if what == "user-data":
            return instance.user_data or None
        if what == "dynamic/instance-identity/document":
            known = {
                "accountId": ACCOUNT, "instanceId": instance.id, "privateIp": instance.address, "architecture": "x86_64",
                "region": self._account.region, "availabilityZone": instance.facts["placement/availability-zone"],
                "imageId": instance.facts["ami-id"], "instanceType": instance.facts["instance-type"], "version": "2017-09-30",
            }  # fmt: skip
            return json.dumps(known).encode()
        if not what.startswith("meta-data/"):
            return None
        name = what.removeprefix("meta-data/")
        roles = "iam/security-credentials/"
        if name == roles:
            return instance.role.encode() or None
        if instance.role and name == roles + instance.role:
            return json.dumps(self._credentials_of(instance)).encode()
        if name in instance.facts:
            return instance.facts[name].encode()
        below = sorted(
            {rest.partition("/")[0] for key in instance.facts if (rest := key.removeprefix(name)) != key or not name}
        )
        return "\n".join(below).encode() if below and (not name or name.endswith("/")) else None

    def _credentials_of(self, instance: Instance) -> dict[str, str]:
        """The role's credentials; new ones an hour before the last end."""
        known = self._credentials.get((instance.id, instance.role))
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        if not known or known["Expiration"] < soon:
            with self._lock:
                known = self._credentials[instance.id, instance.role] = self._account.credentials(instance.role)
        return known
