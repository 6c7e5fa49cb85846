# SPDX-License-Identifier: MIT
"""Passwords as PostgreSQL stores them (SCRAM-SHA-256, RFC 5803), so that none is sent in clear."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

ITERATIONS = 4096


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def scram_verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """What PostgreSQL stores of a password (RFC 5803). SASLprep leaves printable ASCII as it is; nothing else is taken."""
    salt = salt or os.urandom(16)
    stored, server = (base64.b64encode(key).decode() for key in _keys(password, salt, iterations))
    return f"SCRAM-SHA-256${iterations}:{base64.b64encode(salt).decode()}${stored}:{server}"


def verifier_matches(verifier: str | None, password: str) -> bool:
    """Whether a stored verifier is that of a password; an MD5 one never is, so that it is replaced."""
    try:
        scheme, parameters, keys = (verifier or "").split("$")
        iterations, salt = parameters.split(":")
        stored = base64.b64decode(keys.split(":")[0])
        found = _keys(password, base64.b64decode(salt), int(iterations))[0]
    except (ValueError, UnicodeEncodeError):
        return False
    return scheme == "SCRAM-SHA-256" and hmac.compare_digest(stored, found)
