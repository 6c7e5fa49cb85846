#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Look at the certificate that a PostgreSQL server shows, and at the authority that signed it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_certificate
short_description: When the certificate of a PostgreSQL server ends
description:
  - Begins a TLS connection as a client with sslmode verify-full does, and reads when the server's certificate and the
    authority above it end. Warns when either is near. No login is made.
  - A certificate that does not verify is an error that names the remedy.
options:
  host:
    description: Name of the server, which its certificate has to carry.
    type: str
    required: true
  port:
    description: TCP port.
    type: int
    default: 5432
  ca_file:
    description: Certificates of the authorities that may have signed the server's.
    type: path
    required: true
  warn_days:
    description: Days before the end at which to warn.
    type: int
    default: 30
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: A file of authorities that is not there yet, and a server that does not answer, are no errors.
"""

EXAMPLES = r"""
- name: Warn before the certificate ends
  django_ec2.site.postgres_certificate:
    host: board.c1a2b3.eu-central-1.rds.amazonaws.com
    ca_file: /etc/ssl/rds/ca.pem
"""

RETURN = r"""
certificates:
  description: The server's certificate, then those above it, with C(subject), C(ends) and C(days_left).
  returned: when the server answered
  type: list
  elements: dict
  sample: [{subject: board.c1a2b3.eu-central-1.rds.amazonaws.com, ends: "2027-03-01T00:00:00+00:00", days_left: 97}]
reason:
  description: Why nothing is known.
  returned: in check mode, when the server could not be asked
  type: str
"""

import datetime
import os
import socket
import ssl
import struct
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import explain

SECONDS = 10
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


def chain(host: str, port: int, ca_file: str) -> list[dict[str, Any]]:
    """The verified chain, from the server's certificate to the authority in the file."""
    context = ssl.create_default_context(cafile=ca_file)
    # libpq takes what OpenSSL takes by default; Python 3.13 alone asks for more.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with socket.create_connection((host, port), SECONDS) as plain:
        plain.sendall(SSL_REQUEST)
        if plain.recv(1) != b"S":
            raise OSError("the server does not speak TLS")
        with context.wrap_socket(plain, server_hostname=host) as secure:
            # Public since Python 3.13 only, and there without the dates.
            inner = getattr(secure, "_sslobj", None)
            if hasattr(inner, "get_verified_chain"):
                return [one.get_info() for one in inner.get_verified_chain()]
            return [secure.getpeercert() or {}]


def describe(certificate: dict[str, Any], now: datetime.datetime) -> dict[str, Any]:
    """Whose certificate it is and how long it lasts."""
    names = dict(pair for group in certificate.get("subject", ()) for pair in group)
    ends = datetime.datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), datetime.UTC)
    return {"subject": names.get("commonName", ""), "ends": ends.isoformat(), "days_left": (ends - now).days}


def warnings(certificates: list[dict[str, Any]], days: int) -> list[str]:
    """What to say about those that end soon: the first is the server's, the last the authority's in the bundle."""
    said = []
    for number, one in enumerate(certificates):
        if one["days_left"] >= days:
            continue
        text = f"The certificate of {one['subject']} ends on {one['ends'][:10]}, in {one['days_left']} days. "
        if number == 0:
            text += (
                "RDS renews it by itself; where it does not, apply the pending maintenance or choose a newer authority."
            )
        else:
            text += (
                "It is an authority: run playbooks/rds_ca_bundle.yml and site.yml first, and then give the instance a "
                "newer one (CACertificateIdentifier)."
            )
        said.append(f"{text} See docs/database.md.")
    return said


def reason(error: OSError) -> str:
    """An error in libpq's words, so that the same remedies fit."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if "Hostname mismatch" in str(error) or "doesn't match" in str(error):
            return f'server certificate for "{error.verify_message}" does not match host name'
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return f"could not translate host name: {error}"
    if isinstance(error, TimeoutError):
        return "timeout expired"
    return str(error)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "port": {"type": "int", "default": 5432},
            "ca_file": {"type": "path", "required": True},
            "warn_days": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode and not os.path.exists(given["ca_file"]):
        module.exit_json(changed=False, reason=f"{given['ca_file']} is not there yet")
    try:
        found = chain(given["host"], given["port"], given["ca_file"])
    except OSError as error:
        if module.check_mode and not isinstance(error, ssl.SSLError):
            module.warn(f"{explain(reason(error), given)} A run would stop here.")
            module.exit_json(changed=False, reason=str(error))
        module.fail_json(msg=explain(reason(error), given))
    now = datetime.datetime.now(datetime.UTC)
    certificates = [describe(one, now) for one in found]
    for text in warnings(certificates, given["warn_days"]):
        module.warn(text)
    module.exit_json(changed=False, certificates=certificates)


if __name__ == "__main__":
    main()
