#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Take a newer bundle of RDS's authorities into the repository, after a look at what is in it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rds_ca_bundle
short_description: Replace the bundle of RDS's authorities by a newer one
description:
  - Reads a downloaded bundle, refuses one that is not what it should be, and writes it with its checksum and a list of
    fingerprints beside it. Runs on the controller and needs the Python package C(cryptography).
  - Refused are a bundle with something else than certificates in it, with a certificate that is no authority, is not
    Amazon RDS's by its subject, or is not signed by itself, and a bundle that no longer has an authority of the old one that
    has not ended.
options:
  source:
    description: The downloaded bundle (PEM).
    type: path
    required: true
  path:
    description: The bundle to replace. Its checksum lies in C(<path>.sha256), the fingerprints in C(<path without .pem>.fingerprints).
    type: path
    required: true
  allow_removal:
    description: Whether authorities that have not ended may be missing in the new bundle.
    type: bool
    default: false
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is written.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Take the new bundle
  django_ec2.site.rds_ca_bundle:
    source: build/global-bundle.pem
    path: roles/rds_client/files/rds-ca-bundle.pem
"""

RETURN = r"""
added:
  description: Subjects of the authorities that are new.
  type: list
  elements: str
  returned: always
removed:
  description: Subjects of the authorities that are gone.
  type: list
  elements: str
  returned: always
"""

import datetime
import hashlib
import os
import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)
OWNER = "Amazon RDS "


class Refused(Exception):
    """Why a bundle is not taken."""


def read(bundle: str) -> dict[str, Any]:
    """The certificates of a bundle by their fingerprint."""
    from cryptography import x509  # noqa: PLC0415 - the documentation is readable without it

    found = {}
    for part in PEM.finditer(bundle):
        certificate = x509.load_pem_x509_certificate(part.group().encode())
        found[hashlib.sha256(certificate.public_bytes(_der())).hexdigest()] = certificate
    return found


def _der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    return Encoding.DER


def name(certificate: Any) -> str:
    """The common name of a certificate's subject."""
    from cryptography import x509  # noqa: PLC0415

    return "".join(str(one.value) for one in certificate.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME))


def examine(text: str) -> dict[str, Any]:
    """The certificates of a new bundle.

    Raises:
        Refused: it is not a bundle of RDS's authorities.
    """
    from cryptography import x509  # noqa: PLC0415

    rest = [line for line in PEM.sub("", text).splitlines() if line.strip() and not line.startswith("#")]
    if rest:
        raise Refused(f"there is something else than certificates in it: {rest[0][:60]!r}")
    try:
        found = read(text)
    except ValueError as error:
        raise Refused(f"a certificate in it cannot be read: {error}") from None
    if not found:
        raise Refused("there is no certificate in it")
    for certificate in found.values():
        who = name(certificate)
        try:
            basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
            is_authority = basic.ca
        except x509.ExtensionNotFound:
            is_authority = False
        if not who.startswith(OWNER) or not is_authority:
            raise Refused(f"'{who}' is not an authority of Amazon RDS")
        try:
            certificate.verify_directly_issued_by(certificate)
        except Exception as error:
            raise Refused(f"'{who}' is not signed by itself: {error or type(error).__name__}") from None
    return found


def compare(
    old: dict[str, Any], new: dict[str, Any], now: datetime.datetime, allow: bool
) -> tuple[list[str], list[str]]:
    """Names that are new and names that are gone.

    Raises:
        Refused: one is gone that has not ended.
    """
    gone = [certificate for key, certificate in old.items() if key not in new]
    alive = sorted(name(certificate) for certificate in gone if certificate.not_valid_after_utc > now)
    if alive and not allow:
        raise Refused(
            f"{len(alive)} authorities that have not ended are missing in it: {', '.join(alive[:5])}. An instance may still "
            "use one. When AWS says that they are withdrawn, run this with -e rds_ca_bundle_allow_removal=true"
        )
    return sorted(name(new[key]) for key in new if key not in old), sorted(name(certificate) for certificate in gone)


def fingerprints(found: dict[str, Any]) -> str:
    """A line for each certificate: fingerprint, last day, subject."""
    lines = sorted(
        (name(certificate), f"{key}  {certificate.not_valid_after_utc:%Y-%m-%d}  {name(certificate)}\n")
        for key, certificate in found.items()
    )
    return "".join(line for _, line in lines)


def write(path: str, text: str) -> None:
    """Replace a file in one step."""
    with open(f"{path}.new", "w") as handle:
        handle.write(text)
    os.chmod(f"{path}.new", 0o644)
    os.replace(f"{path}.new", path)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "path": {"type": "path", "required": True},
            "allow_removal": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    texts = []
    for one in (module.params["source"], path):
        if not os.path.exists(one):
            module.fail_json(msg=f"{one} is not there.")
        with open(one) as handle:
            texts.append(handle.read())
    try:
        new, old = examine(texts[0]), read(texts[1])
        now = datetime.datetime.now(datetime.UTC)
        added, removed = compare(old, new, now, module.params["allow_removal"])
    except Refused as error:
        module.fail_json(msg=f"The new bundle is not taken: {error}.")
    changed = bool(added or removed)
    if changed and not module.check_mode:
        digest = hashlib.sha256(texts[0].encode()).hexdigest()
        write(path, texts[0])
        write(f"{path}.sha256", f"{digest}  {os.path.basename(path)}\n")
        write(f"{path.removesuffix('.pem')}.fingerprints", fingerprints(new))
    module.exit_json(
        changed=changed, added=added, removed=removed, diff={"before": fingerprints(old), "after": fingerprints(new)}
    )


if __name__ == "__main__":
    main()
