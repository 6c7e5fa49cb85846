# SPDX-License-Identifier: MIT
"""The sections of pgbackrest.conf for one host. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CERTIFICATE = "/etc/ssl/pgbackrest"
# The longest common name that a certificate can have.
NAME_LENGTH = 64
# How long a host is tried that does not answer. What is copied from or to another host has protocol-timeout, half an hour, and not this.
# S3 keeps pgBackRest's own minute: there the same option is also for how long an answer may take.
CONNECT_SECONDS = 20
# When a host is given up that dies while it is copied from or to: after half a minute of silence.
KEEP_ALIVE = {"tcp-keep-alive-idle": 10, "tcp-keep-alive-count": 4, "tcp-keep-alive-interval": 5}


def client(host: str) -> str:
    """Who a host is for another's pgBackRest server: the common name of its certificate."""
    return f"pgbackrest-{host}"[:NAME_LENGTH]


def settings(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Sections of pgbackrest.conf with their options.

    Args:
        given: the variables of the role without its name in front, and of the host ``data_directory`` (the system's place of a
            cluster), ``peers`` (whose servers may ask this one), ``host``, ``address`` and ``is_repository`` (whether it has the
            key and makes backups).
    """
    s3 = given["repository"].get("type", "host") == "s3"
    common: dict[str, Any] = {"process-max": given["processes"], "compress-type": "zst"}
    if given["is_repository"]:
        common |= _repository(given, s3)
    elif given["repository_address"]:
        common |= _remote("repo1", given["repository_address"], given["port"])
    own = [one for one in given["databases"] if one["name"] == given["host"]]
    if own:
        # A segment is reported as archived once it is in the repository; several are sent at once.
        common |= {"archive-async": "y", "spool-path": "/var/spool/pgbackrest"}
    if not s3:
        common |= _server(given)
    # The repository host asks each database host, and finds the primary by itself.
    databases = own if s3 or not given["is_repository"] else given["databases"]
    cluster: dict[str, Any] = {}
    for number, one in enumerate(databases, 1):
        name = f"pg{number}"
        if not own:
            cluster |= _remote(name, one["address"], given["port"])
        cluster[f"{name}-path"] = one.get("data_directory") or given["data_directory"]
        cluster[f"{name}-port"] = one.get("port") or 5432
    return {"global": {**common, **given["settings"]}, given["stanza"]: cluster}


def _repository(given: Mapping[str, Any], s3: bool) -> dict[str, Any]:
    found = {
        "repo1-cipher-type": "aes-256-cbc",
        "repo1-cipher-pass": given["key"],
        "repo1-retention-full-type": "time",
        "repo1-retention-full": given["retention_days"],
        # Small files together: fewer objects, and fewer requests to S3.
        "repo1-bundle": "y",
        # A checkpoint at once, not within the next minutes.
        "start-fast": "y",
        # One that was cut has left the cluster in backup mode.
        "stop-auto": "y",
    }
    return found | (_s3(given["repository"]) if s3 else {"repo1-path": given["repository_path"]})


def _s3(repository: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = repository.get("endpoint") or f"s3.{repository['region']}.amazonaws.com"
    found: dict[str, Any] = {
        "repo1-type": "s3",
        "repo1-path": repository.get("path") or "/pgbackrest",
        "repo1-s3-bucket": repository["bucket"],
        "repo1-s3-region": repository["region"],
        "repo1-s3-endpoint": endpoint,
        "repo1-s3-uri-style": repository.get("uri_style") or "host",
        "repo1-s3-key-type": repository.get("key_type") or "auto",
    }
    if found["repo1-s3-key-type"] == "shared":
        found |= {"repo1-s3-key": repository["key"], "repo1-s3-key-secret": repository["key_secret"]}
    if repository.get("port"):
        found["repo1-storage-port"] = repository["port"]
    if repository.get("ca_file"):
        found["repo1-storage-ca-file"] = repository["ca_file"]
    return found


def _remote(name: str, address: str, port: int) -> dict[str, Any]:
    """Another host, reached by TLS with this one's certificate."""
    return {
        f"{name}-host": address,
        f"{name}-host-type": "tls",
        f"{name}-host-port": port,
        f"{name}-host-ca-file": f"{CERTIFICATE}/ca.pem",
        f"{name}-host-cert-file": f"{CERTIFICATE}/fullchain.pem",
        f"{name}-host-key-file": f"{CERTIFICATE}/privkey.pem",
    }


def _server(given: Mapping[str, Any]) -> dict[str, Any]:
    """Who may ask this host, and where; and how long another one is asked."""
    return {
        "io-timeout": CONNECT_SECONDS,
        **KEEP_ALIVE,
        "tls-server-address": given["address"],
        "tls-server-port": given["port"],
        "tls-server-ca-file": f"{CERTIFICATE}/ca.pem",
        "tls-server-cert-file": f"{CERTIFICATE}/fullchain.pem",
        "tls-server-key-file": f"{CERTIFICATE}/privkey.pem",
        **_admitted(given["peers"], given["stanza"]),
    }


def _admitted(peers: Sequence[str], stanza: str) -> dict[str, Any]:
    """One line for each host: the option may be there several times."""
    return {"tls-server-auth": [f"{client(peer)}={stanza}" for peer in peers]}
