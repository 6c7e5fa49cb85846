# SPDX-License-Identifier: MIT
"""A real ACME server (Debian's pebble) that validates challenges, and the DNS of the public names that it asks.

Names below ``example.org`` and ``example.net`` lead to all web hosts of the lab, and all of its hosts ask this DNS first. What is in
the container is in ``server/``; ``sudo lab-acme`` on it makes the authority unreachable, or one that has had too many requests.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
from pathlib import Path

from lab.core import images
from lab.core.kind import Kind
from lab.core.model import Machine
from lab.core.podman import Podman
from lab.core.settings import LabError, Settings
from lab.kinds import debian

DIRECTORY = Path(__file__).parent
ZONES = ["example.org", "example.net"]
YEARS = 10


def _authority(settings: Settings, name: str) -> Path:
    """The authority that signed the directory's own certificate."""
    return settings.directory / f"{name}-ca.pem"


def _certificates(name: str) -> dict[str, str]:
    """A certificate for the server's name, and the authority that signed it: PEM texts."""
    from cryptography import x509  # noqa: PLC0415 - the other commands of the lab do without
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    now = datetime.datetime.now(datetime.UTC)
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Lab ACME directory")])
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])

    def build(whose: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder(issuer, whose, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
        return builder.not_valid_after(now + datetime.timedelta(days=365 * YEARS))

    authority = (
        build(issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        build(subject, server_key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
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


class Acme(Kind):
    """A host with an ACME server."""

    def ensure_image(self, settings: Settings, podman: Podman, suite: str) -> str:
        """See `Kind`: the image of an empty host, with pebble."""
        files = [DIRECTORY / "Containerfile", *sorted((DIRECTORY / "server").iterdir())]
        recipe = [debian.image_name(suite).encode(), *(path.read_bytes() for path in files)]
        base, image = debian.ensure_image(settings, podman, suite), images.name("acme", suite, recipe)
        if not images.exists(podman, image):
            settings.say(f"Building the {suite} image with an ACME server (half a minute, once)")
            images.build(podman, image, base, DIRECTORY, seconds=600)
        return image

    def after_boot(self, settings: Settings, podman: Podman, machine: Machine, network: ipaddress.IPv4Network) -> None:
        """See `Kind`: start the server where it was never started, and keep the authority of its own certificate."""
        authority = _authority(settings, machine.name)
        if podman.succeeds("exec", machine.container, "test", "-e", "/etc/lab-acme/ready"):
            if not authority.exists():
                raise LabError(
                    f"{authority} is gone, and {machine.name} does not keep it: run 'make remove HOST={machine.name}', "
                    "then the same command again."
                )
            return
        settings.say(f"Starting the ACME server on {machine.name}")
        certificates = _certificates(machine.name)
        authority.write_text(certificates.pop("authority"))
        told = {"address": machine.address, "resolver": str(network[1]), "zones": ZONES, **certificates}
        podman("exec", "--interactive", machine.container, "lab-acme", "setup", stdin=json.dumps(told), timeout=120)

    def resolver(self, machine: Machine) -> str:
        """See `Kind`: it answers for public names."""
        return machine.address

    def signs(self, settings: Settings, machine: Machine) -> str:
        """See `Kind`: its root is made anew at each start."""
        command = f"ssh -F .lab/{settings.name}/ssh_config {machine.name} sudo lab-acme root"
        return f"issued by the ACME server on {machine.name}; its root: {command}"

    def files(self, settings: Settings, machine: Machine) -> list[Path]:
        """See `Kind`: the authority of the directory's certificate."""
        return [_authority(settings, machine.name)]


KIND = Acme()
