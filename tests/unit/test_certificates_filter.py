"""The filters of the role certificate."""

from __future__ import annotations

from types import ModuleType

import pytest
from ansible_collections.django_ec2.site.plugins.filter import certificates as filter_certificates


@pytest.fixture
def certificates() -> ModuleType:
    return filter_certificates


def test_a_request_gets_its_paths_and_keeps_the_rest(certificates: ModuleType) -> None:
    request = {"name": "postgres", "subject_alt_names": ["DNS:db1"], "owner": "postgres"}
    assert certificates.certificate_paths(request) == {
        **request,
        "certificate": "/etc/ssl/postgres/fullchain.pem",
        "key": "/etc/ssl/postgres/privkey.pem",
        "authority_file": "/etc/ssl/postgres/ca.pem",
    }
    assert certificates.certificate_directory("postgres") == {"path": "/etc/ssl/postgres"}


def test_what_was_signed_is_placed_beside_its_key_with_the_authority(certificates: ModuleType) -> None:
    signed = [{"item": {"name": name}, "certificate": f"CERTIFICATE {name}\n"} for name in ("board", "postgres")]
    files = certificates.certificate_files(signed, "AUTHORITY\n")
    assert {file["path"]: file["content"] for file in files} == {
        "/etc/ssl/board/fullchain.pem": "CERTIFICATE board\n",
        "/etc/ssl/board/ca.pem": "AUTHORITY\n",
        "/etc/ssl/postgres/fullchain.pem": "CERTIFICATE postgres\n",
        "/etc/ssl/postgres/ca.pem": "AUTHORITY\n",
    }
    assert not any("privkey" in file["path"] for file in files), "the key never leaves its host"


def test_the_filters_are_offered_to_ansible(certificates: ModuleType) -> None:
    assert set(certificates.FilterModule().filters()) == {
        "certificate_directory",
        "certificate_files",
        "certificate_paths",
        "trusted_authorities",
    }
