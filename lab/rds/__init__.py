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

from lab.podman import Podman
from lab.settings import Settings

IDENTIFIER = "c1a2b3"
REGION = "eu-central-1"
ZONE = f"{IDENTIFIER}.{REGION}.rds.amazonaws.com"
PORT = 5432
# Of a db.t4g.micro, about.
MAX_CONNECTIONS = 80
# The second instance has the address of the first, and this.
SECOND_ADDRESS = 100
YEARS = 2


def endpoint(name: str = "board") -> str:
    """The name of an instance, in the form of RDS."""
    return f"{name}.{ZONE}"


def write_resolver(settings: Settings, address: str, network: ipaddress.IPv4Network) -> Path:
    """The resolv.conf of the other hosts: the names of RDS first, and the lab's own where that host is down."""
    path = settings.directory / "resolv.conf"
    path.write_text(f"nameserver {address}\nnameserver {network[1]}\noptions timeout:1 attempts:2\n")
    path.chmod(0o644)
    return path


def _certificates(names: list[str]) -> dict[str, str]:
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


def ensure(
    settings: Settings, podman: Podman, name: str, container: str, address: str, network: ipaddress.IPv4Network
) -> None:
    """Make the instances where they are not there yet, and write what a client is told about them.

    ``.lab/<lab>/<host>.json`` is to the lab what the RDS console, Secrets Manager and IAM are to an operator.
    """
    told = settings.directory / f"{name}.json"
    if told.exists() and podman.succeeds("exec", container, "test", "-e", "/etc/lab-rds/primary"):
        return
    settings.say(f"Making the RDS instance {endpoint()} on {name}")
    first = ipaddress.IPv4Address(address)
    certificates = _certificates([endpoint(), endpoint("board-ro")])
    authority = settings.directory / f"{name}-ca.pem"
    authority.write_text(certificates.pop("authority"))
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
        **certificates,
        "addresses": {"a": str(first), "b": str(first + SECOND_ADDRESS)},
        "resolver": str(network[1]),
        "zone": ZONE,
        # Whose signature counts, and for which database users: the policy rds-db:connect.
        "keys": {
            application["access_key"]: {"secret": application["secret_key"], "users": ["*"]},
            stranger["access_key"]: {"secret": stranger["secret_key"], "users": ["somebody_else"]},
        },
    }
    podman("exec", "--interactive", container, "lab-rds", "setup", stdin=json.dumps({**known, **hidden}), timeout=180)
    told.touch(mode=0o600)
    told.write_text(
        json.dumps({**known, **application, "stranger": stranger, "ca_file": str(authority)}, indent=2) + "\n"
    )
