# SPDX-License-Identifier: MIT
"""The project's own certificate authority: how it is made, and which of them are trusted while one takes the place of another."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Mapping

YEARS = 10
# Beside `certificate` and `key` while it is replaced: the one that will sign, certificate and key in one text, so that it is written whole
# or not at all; and the certificate of the one that signed before.
NEXT, OLD = "next", "old_certificate"
_END = "-----END CERTIFICATE-----\n"


def make() -> dict[str, str]:
    """Another one: certificate and key as PEM texts."""
    # Imported here: the documentation of modules must be readable without the package.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Project authority " + secrets.token_hex(4))])
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return {
        "certificate": certificate.public_bytes(encoding).decode(),
        "key": key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain).decode(),
    }


def joined(one: Mapping[str, str]) -> str:
    """Certificate and key of an authority in one text."""
    return one["certificate"] + one["key"]


def parted(text: str) -> dict[str, str]:
    """What ``joined`` made one text of."""
    certificate, end, key = text.partition(_END)
    return {"certificate": certificate + end, "key": key}


def trusted(own: Mapping[str, str]) -> str:
    """The certificates (PEM) of all authorities that count, the one that signs first.

    Args:
        own: the mapping ``secrets.authority``; empty where there is none.
    """
    texts = [own.get("certificate") or ""]
    if own.get(NEXT):
        texts.append(parted(own[NEXT])["certificate"])
    if own.get(OLD):
        texts.append(own[OLD])
    # A single one stays as it was written.
    return texts[0] if len(texts) == 1 else "".join(f"{text.strip()}\n" for text in dict.fromkeys(texts))
