# SPDX-License-Identifier: MIT
"""What the role asks for: /etc/acme-certificates/settings.json, and the secrets of the DNS hook beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path("/etc/acme-certificates")


@dataclass(frozen=True)
class Wanted:
    """A certificate of a site.

    Attributes:
        name: the site's name, and the certificate's.
        domains: every name that it is for, the first one first.
        challenge: how the authority is convinced, ``http`` or ``dns``.
    """

    name: str
    domains: tuple[str, ...]
    challenge: str


@dataclass(frozen=True)
class Settings:
    """What the role placed.

    Attributes:
        certificates: those that this host has to have.
        directory: the URL of the authority's ACME directory.
        directory_ca: file of the authority that signed the directory's own certificate, or "" for the system's.
        roots: file of the roots that browsers know, or "" where the authority is one for tests.
        email: of the account, or "".
        listen: the addresses and parameters of nginx's ``listen`` for HTTPS.
        port: the port of HTTPS on this host.
        dns: the provider of DNS-01, ``route53``, ``hook`` or "".
        propagation: seconds until a new DNS record is everywhere.
        environment: what certbot and the hook get in their environment.
        raw: the certificates as they stand in the file.
    """

    certificates: tuple[Wanted, ...]
    directory: str
    directory_ca: str
    roots: str
    email: str
    listen: tuple[str, ...]
    port: int
    dns: str
    propagation: int
    environment: dict[str, str]
    raw: list[dict]

    @classmethod
    def read(cls, directory: Path = DIRECTORY) -> Settings:
        """Read the files of the role."""
        data = json.loads((directory / "settings.json").read_text())
        secrets = directory / "environment.json"
        return cls(
            certificates=tuple(
                Wanted(one["name"], tuple(one["domains"]), one["challenge"]) for one in data["certificates"]
            ),
            directory=data["directory"],
            directory_ca=data["directory_ca"],
            roots=data["roots"],
            email=data["email"],
            listen=tuple(data["listen"]),
            port=data["port"],
            dns=data["dns"],
            propagation=data["propagation"],
            environment=json.loads(secrets.read_text()) if secrets.exists() else {},
            raw=data["certificates"],
        )
