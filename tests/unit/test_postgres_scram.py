"""Passwords as PostgreSQL stores them."""

from __future__ import annotations

import base64
import hmac

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import scram


def test_verifier_is_the_one_of_the_standard() -> None:
    # The exchange of RFC 7677: from the stored server key follows the signature that it shows.
    verifier = scram.scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    said = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
    key = base64.b64decode(verifier.rsplit(":", 1)[1])
    assert (
        base64.b64encode(hmac.digest(key, said.encode(), "sha256")) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    )
    assert scram.verifier_matches(verifier, "pencil")
    assert not scram.verifier_matches(verifier, "pen")


@pytest.mark.parametrize("stored", [None, "", "md5abcdef", "SCRAM-SHA-256$broken", "SCRAM-SHA-256$x:y$z:q"])
def test_other_forms_never_match(stored: str | None) -> None:
    assert not scram.verifier_matches(stored, "pencil")
