# SPDX-License-Identifier: MIT
"""The certificate that ACM of the rehearsal has, signed by the lab's own authority, as nobody else would sign these names; and RDS's."""

from __future__ import annotations

import datetime
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lab.core.files import write_private
from lab.kinds import rds

DAYS = 365
RENEW_DAYS = 30
# In the endpoint's directory: what AWS publishes, and what no client has.
DATABASES_AUTHORITY, DATABASES = "rds-ca.pem", "rds.json"


def ensure_databases(home: Path, region: str) -> None:
    """An authority and one certificate for all instances of RDS, and the password of their replicas."""
    if not (home / DATABASES).exists():
        # moto's word for the account's part of each endpoint.
        issued = rds.certificates([f"*.aaaaaaaaaa.{region}.rds.amazonaws.com"])
        (home / DATABASES_AUTHORITY).write_text(issued.pop("authority"))
        write_private(home / DATABASES, json.dumps({**issued, "replicator": secrets.token_urlsafe(24)}))


def issue(authority: str, authority_key: str, names: Sequence[str]) -> tuple[str, str]:
    """A server certificate and its key: PEM texts.

    Args:
        authority: the certificate of the authority, PEM.
        authority_key: its key, PEM.
        names: the DNS names.
    """
    issuer = x509.load_pem_x509_certificate(authority.encode())
    signer = serialization.load_pem_private_key(authority_key.encode(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, names[0][:64])]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(signer, hashes.SHA256())  # type: ignore[arg-type]
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def holds(certificate: str, authority: str, names: Sequence[str]) -> bool:
    """Whether a certificate is the authority's, has these names, and does not end soon."""
    mine, issuer = (x509.load_pem_x509_certificate(text.encode()) for text in (certificate, authority))
    try:
        mine.verify_directly_issued_by(issuer)
    except Exception:  # another issuer, or another key of it
        return False
    listed = mine.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.DNSName
    )
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=RENEW_DAYS)
    return set(listed) == set(names) and mine.not_valid_after_utc > soon
