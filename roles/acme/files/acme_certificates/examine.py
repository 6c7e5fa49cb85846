# SPDX-License-Identifier: MIT
"""Whether a certificate is due, and whether a new one can be served: decided from what is there, nothing is changed."""

from __future__ import annotations

import subprocess
import tempfile
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from settings import Wanted

BEGIN = b"-----BEGIN CERTIFICATE-----"


def lifetime(leaf: x509.Certificate) -> tuple[float, float]:
    """Begin and end, as seconds since the epoch. Debian 12's library knows no times with a zone."""
    if hasattr(leaf, "not_valid_after_utc"):
        return leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
    return tuple(moment.timestamp() for moment in (_utc(leaf.not_valid_before), _utc(leaf.not_valid_after)))


def _utc(moment: Any) -> Any:
    from datetime import UTC  # noqa: PLC0415 - the old library's times are in UTC without saying so

    return moment.replace(tzinfo=UTC)


def chain_of(pem: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM text, leaf first.

    Raises:
        ValueError: there is none, or one can't be read.
    """
    blocks = pem.split(BEGIN)[1:]
    if not blocks:
        raise ValueError("no certificate")
    return [x509.load_pem_x509_certificate(BEGIN + block) for block in blocks]


def names_of(leaf: x509.Certificate) -> set[str]:
    """The DNS names of a certificate."""
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return {name.lower() for name in extension.value.get_values_for_type(x509.DNSName)}


def uncovered(domains: tuple[str, ...], covered: set[str]) -> list[str]:
    """The names that a certificate for ``covered`` is not for."""
    return [
        name
        for name in domains
        if name not in covered and ("*" in name or "*." + name.partition(".")[2] not in covered)
    ]


def due(wanted: Wanted, known: dict[str, Any] | None, directory: str, now: float) -> str | None:
    """Why a certificate has to be asked for; None while it is good.

    Args:
        wanted: what the role asks for.
        known: what the state knows of the certificate.
        directory: the authority that is asked now.
        now: seconds since the epoch.
    """
    if not known or not known.get("path"):
        return "there is none"
    if set(known["domains"]) != set(wanted.domains):
        return "it is for other names"
    if known["directory"] != directory:
        return "another authority issued it"
    if known.get("renew"):
        return "a new key was asked for"
    third = (known["not_after"] - known["not_before"]) / 3
    if now >= known["not_after"] - third:
        return "a third of its life is left"
    return None


def problems(chain: bytes, key: bytes, domains: tuple[str, ...], roots: str, now: float) -> list[str]:
    """Why a certificate could not be served; none when it can.

    Args:
        chain: PEM, leaf first.
        key: PEM of the private key.
        domains: the names that it has to be for.
        roots: file of the roots that browsers know; "" looks at the chain's own signatures alone.
        now: seconds since the epoch.
    """
    try:
        certificates = chain_of(chain)
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError) as error:
        return [f"It can't be read ({error})."]
    leaf, found = certificates[0], []
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        found.append("Its key is another one.")
    if missing := uncovered(domains, names_of(leaf)):
        found.append(f"It is not for {', '.join(missing)}.")
    begin, end = lifetime(leaf)
    if not begin <= now < end:
        found.append("It is not valid now.")
    if len(certificates) < 2:
        found.append("Its chain is missing.")
    elif not _verifies(certificates, roots):
        found.append("Its chain does not lead to an authority that is known.")
    return found


def _verifies(certificates: list[x509.Certificate], roots: str) -> bool:
    """Whether openssl follows the chain: to a known root, or within the chain where the authority is one for tests."""
    pem = [one.public_bytes(serialization.Encoding.PEM) for one in certificates]
    with tempfile.NamedTemporaryFile(suffix=".pem") as leaf, tempfile.NamedTemporaryFile(suffix=".pem") as rest:
        leaf.write(pem[0])
        leaf.flush()
        rest.write(b"".join(pem[1:]))
        rest.flush()
        anchors = ["-CAfile", roots, "-untrusted", rest.name] if roots else ["-partial_chain", "-CAfile", rest.name]
        words = ["openssl", "verify", *anchors, leaf.name]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
