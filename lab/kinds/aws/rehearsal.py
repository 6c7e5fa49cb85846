# SPDX-License-Identifier: MIT
"""What `make up LAB=lab-aws` does beside starting an endpoint: variables of programs, a certificate, a wait for the balancer."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from lab.core import containers
from lab.core.files import write_private
from lab.core.model import Machine
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds.aws import control

ANSWER_SECONDS = 120
KINDS = ("aws", "balancer", "database")


def is_one(settings: Settings) -> bool:
    """Whether an inventory's hosts are instances of the endpoint."""
    return (settings.inventory / "aws_ec2.yml").exists()


def check(settings: Settings) -> None:
    """Refuse an inventory whose hosts would stand in a lab of the other sort.

    Raises:
        LabError: the lab has hosts of the other sort.
    """
    there = containers.machines(settings, Podman(settings))
    others = [one.name for one in there if (one.kind in KINDS) != is_one(settings)]
    if others or (not is_one(settings) and control.config(control.directory(settings))):
        made = "by an inventory" if is_one(settings) else "by an AWS endpoint"
        raise LabError(
            f"the lab '{settings.name}' has hosts that were made {made}: run 'make down', or give this one a name of its own, as in "
            f"'LAB_NAME=other make up LAB={settings.inventory.name}'."
        )


def use(settings: Settings) -> None:
    """Make this process's AWS, and that of the programs that it runs, the lab's endpoint; nothing where there is none."""
    home = control.directory(settings)
    if is_one(settings) and control.config(home):
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(control.environment(home))


def ensure_certificate(settings: Settings) -> None:
    """Give ACM a certificate of the lab's authority for the sites' names, and write its ARN; nothing where it has a good one."""
    from lab.kinds.aws import certificates  # noqa: PLC0415 - the other commands of the lab do without

    home = control.directory(settings)
    names = json.loads((home / "domains.json").read_text())
    authority = yaml.safe_load((settings.directory / "secrets.yml").read_text())["secrets"]["authority"]
    acm, note = _client(home, "acm"), home / "certificate"
    known = note.read_text() if note.exists() else ""
    listed = {one["CertificateArn"] for one in acm.list_certificates()["CertificateSummaryList"]}
    if known in listed:
        held = acm.get_certificate(CertificateArn=known)["Certificate"]
        if certificates.holds(held, authority["certificate"], names):
            return
    made, key = certificates.issue(authority["certificate"], authority["key"], names)
    again = {"CertificateArn": known} if known in listed else {}
    told = acm.import_certificate(Certificate=made.encode(), PrivateKey=key.encode(), **again)
    write_private(note, told["CertificateArn"])


def wait_for_visitors(settings: Settings, machines: Iterable[Machine], domains: Iterable[str]) -> None:
    """Wait until the balancers answer for each site with something else than that nobody serves.

    Raises:
        LabError: one doesn't.
    """
    fronts = [one for one in machines if one.kind == "balancer"]
    deadline = time.monotonic() + ANSWER_SECONDS
    for front, domain in [(front, domain) for front in fronts for domain in domains]:
        while not _answers(front.address, domain, settings.directory / "ca.pem"):
            if time.monotonic() > deadline:
                raise LabError(
                    f"{front.name} has no healthy host for https://{domain}/ after {ANSWER_SECONDS} seconds: see "
                    f"{control.directory(settings) / 'log'}, then run the same command again."
                )
            time.sleep(1)


def _answers(address: str, domain: str, authority: Path) -> bool:
    """Whether a site is served at an address by HTTPS, with a certificate of an authority."""
    trust = ssl.create_default_context(cafile=str(authority))
    try:
        asked = http.client.HTTPSConnection(domain, context=trust, timeout=10)
        asked.sock = trust.wrap_socket(socket.create_connection((address, 443), 10), server_hostname=domain)
        asked.request("GET", "/")
        return asked.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False


def _client(home: Path, service: str) -> Any:
    import boto3  # noqa: PLC0415 - a second, and other labs do without

    told = control.environment(home)
    return boto3.client(
        service,
        endpoint_url=told["AWS_ENDPOINT_URL"],
        region_name=told["AWS_REGION"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
    )
