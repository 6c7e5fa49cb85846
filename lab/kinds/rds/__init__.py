# SPDX-License-Identifier: MIT
"""Amazon RDS as a client sees it, played by a host of the lab.

Two instances of PostgreSQL with an address each live in one container, and the names that lead to them: an endpoint, a
reader endpoint, and a foreign name that no certificate carries. The certificate comes from an authority of its own. The
client gets a master user who is no superuser; there is nothing else to reach or to edit. None of the product's roles
take part. What is in the container is in ``server/``.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import secrets
from pathlib import Path
from typing import Any

from lab.core import images
from lab.core.files import write_private
from lab.core.kind import Kind
from lab.core.model import Machine
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds import debian

IDENTIFIER = "c1a2b3"
REGION = "eu-central-1"
ZONE = f"{IDENTIFIER}.{REGION}.rds.amazonaws.com"
PORT = 5432
# Of a db.t4g.micro, about.
MAX_CONNECTIONS = 80
# The second instance has the address of the first, and this.
SECOND_ADDRESS = 100
YEARS = 2
DIRECTORY = Path(__file__).parent


def endpoint(name: str = "board") -> str:
    """The name of an instance, in the form of RDS."""
    return f"{name}.{ZONE}"


def certificates(names: list[str]) -> dict[str, str]:
    """An authority that nobody else trusts, and a server certificate for the names: PEM texts."""
    from cryptography import x509  # noqa: PLC0415 - the other commands of the lab do without
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    now = datetime.datetime.now(datetime.UTC)

    def build(subject: str, issuer: str, key: Any, years: int) -> Any:
        builder = x509.CertificateBuilder().public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.subject_name(x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, subject)]))
        builder = builder.issuer_name(x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, issuer)]))
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
        return builder.not_valid_after(now + datetime.timedelta(days=365 * years))

    authority_name = "Lab RDS eu-central-1 Root CA ECC256 G1"
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = (
        build(authority_name, authority_name, authority_key, 10 * YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        build(names[0], authority_name, server_key, YEARS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "authority": authority.public_bytes(pem).decode(),
        "server.pem": server.public_bytes(pem).decode(),
        "server.key": key.decode(),
    }


def _access_key() -> dict[str, str]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    key = "AKIALAB" + "".join(secrets.choice(alphabet) for _ in range(13))
    return {"access_key": key, "secret_key": secrets.token_urlsafe(30)}


def _told(settings: Settings, name: str) -> Path:
    return settings.directory / f"{name}.json"


def _authority(settings: Settings, name: str) -> Path:
    return settings.directory / f"{name}-ca.pem"


def _image_name(suite: str) -> str:
    """Name and tag of the image; a changed host image makes a new one of this, too."""
    files = [DIRECTORY / "Containerfile", *sorted((DIRECTORY / "server").iterdir())]
    return images.name("rds", suite, [debian.image_name(suite).encode(), *(path.read_bytes() for path in files)])


def _make_instances(settings: Settings, podman: Podman, machine: Machine, network: ipaddress.IPv4Network) -> None:
    """Make both instances, and write what a client is told about them.

    ``.lab/<lab>/<host>.json`` is to the lab what the RDS console, Secrets Manager and IAM are to an operator.
    """
    settings.say(f"Making the RDS instance {endpoint()} on {machine.name}")
    first = ipaddress.IPv4Address(machine.address)
    issued = certificates([endpoint(), endpoint("board-ro")])
    authority = _authority(settings, machine.name)
    authority.write_text(issued.pop("authority"))
    application, stranger = _access_key(), _access_key()
    known = {
        "host": endpoint(),
        "replica_host": endpoint("board-ro"),
        # Leads to the same instance, and its certificate does not carry it.
        "alias": "database.example.org",
        "port": PORT,
        "region": REGION,
        "master_user": "board_admin",
        "master_password": secrets.token_urlsafe(30),
        "max_connections": MAX_CONNECTIONS,
    }
    hidden = {
        **issued,
        "addresses": {"a": str(first), "b": str(first + SECOND_ADDRESS)},
        "resolver": str(network[1]),
        "zone": ZONE,
        # Whose signature counts, and for which database users: the policy rds-db:connect.
        "keys": {
            application["access_key"]: {"secret": application["secret_key"], "users": ["*"]},
            stranger["access_key"]: {"secret": stranger["secret_key"], "users": ["somebody_else"]},
        },
    }
    description = {**known, **application, "stranger": stranger, "ca_file": str(authority)}
    write_private(_told(settings, machine.name), json.dumps(description, indent=2) + "\n")
    setup = ["exec", "--interactive", machine.container, "lab-rds", "setup"]
    podman(*setup, stdin=json.dumps({**known, **hidden}), timeout=180)


class Rds(Kind):
    """A host that imitates Amazon RDS."""

    def ensure_image(self, settings: Settings, podman: Podman, suite: str) -> str:
        """See `Kind`: the image of an empty host, with PostgreSQL and a resolver."""
        base, image = debian.ensure_image(settings, podman, suite), _image_name(suite)
        if not images.exists(podman, image):
            settings.say(f"Building the {suite} image that imitates RDS (half a minute, once)")
            images.build(podman, image, base, DIRECTORY, seconds=600)
        return image

    def after_boot(self, settings: Settings, podman: Podman, machine: Machine, network: ipaddress.IPv4Network) -> None:
        """See `Kind`: make the instances where they are not there yet."""
        told = _told(settings, machine.name)
        if not podman.succeeds("exec", machine.container, "test", "-e", "/etc/lab-rds/primary"):
            _make_instances(settings, podman, machine, network)
        elif not told.exists():
            # The passwords in it are nowhere else.
            raise LabError(
                f"{told} is gone, and nobody else knows how to log in to the instance on {machine.name}: run "
                f"'make remove HOST={machine.name}', then the same command again."
            )

    def resolver(self, machine: Machine) -> str:
        """See `Kind`: the first instance's address, where dnsmasq answers for RDS's names."""
        return machine.address

    def files(self, settings: Settings, machine: Machine) -> list[Path]:
        """See `Kind`: what a client was told, and the authority."""
        return [_told(settings, machine.name), _authority(settings, machine.name)]


KIND = Rds()
