"""Filters of the role rds_client, and the bundle of authorities that it carries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter import rds as filter_rds
from ansible_collections.django_ec2.site.plugins.module_utils import authority
from ansible_collections.django_ec2.site.plugins.modules import rds_ca_bundle as module_rds_ca_bundle

FILES = Path(__file__).resolve().parents[2] / "roles/rds_client/files"
BUNDLE = FILES / "rds-ca-bundle.pem"


@pytest.fixture
def rds() -> ModuleType:
    return filter_rds


@pytest.fixture
def bundles() -> ModuleType:
    return module_rds_ca_bundle


def test_of_the_bundle_the_region_s_authorities_are_trusted(rds: ModuleType) -> None:
    text = BUNDLE.read_text()
    chosen = rds.rds_authorities(text, rds.rds_region("board.c1a2b3.eu-central-1.rds.amazonaws.com"))
    assert chosen.count("BEGIN CERTIFICATE") == 3
    assert rds.rds_authorities(text, "mars-north-1").count("BEGIN CERTIFICATE") == text.count("BEGIN CERTIFICATE")
    assert rds.rds_region("database.example.org") == ""


def test_checksum_and_fingerprints_are_those_of_the_bundle(bundles: ModuleType) -> None:
    digest, name = (FILES / "rds-ca-bundle.pem.sha256").read_text().split()
    assert (digest, name) == (hashlib.sha256(BUNDLE.read_bytes()).hexdigest(), BUNDLE.name)
    assert (
        bundles.fingerprints(bundles.examine(BUNDLE.read_text())) == (FILES / "rds-ca-bundle.fingerprints").read_text()
    )


def test_a_new_bundle_is_taken_with_its_checksum(
    bundles: ModuleType, run_module: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    parts = [found.group() for found in bundles.PEM.finditer(BUNDLE.read_text())]
    old, new = tmp_path / "bundle.pem", tmp_path / "new.pem"
    old.write_text("".join(parts[1:]))
    new.write_text("".join(parts))
    given = {"source": str(new), "path": str(old)}
    assert run_module(bundles, check_mode=True, **given)["changed"] is True
    assert old.read_text() != new.read_text()
    assert run_module(bundles, **given)["added"] == [bundles.name(next(iter(bundles.read(parts[0]).values())))]
    assert run_module(bundles, **given)["changed"] is False
    assert (tmp_path / "bundle.pem.sha256").read_text().split()[0] == hashlib.sha256(new.read_bytes()).hexdigest()
    # Back to the older one: an authority that has not ended would be gone.
    new.write_text("".join(parts[1:]))
    assert "have not ended are missing" in run_module(bundles, **given)["msg"]
    assert run_module(bundles, allow_removal=True, **given)["changed"] is True


def test_what_is_no_bundle_of_rds_is_refused(
    bundles: ModuleType, run_module: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    other = authority.make()["certificate"]
    for text, words in (
        ("<html>not found</html>", "something else than certificates"), ("", "no certificate in it"),
        (BUNDLE.read_text() + other, "is not an authority of Amazon RDS"),
    ):  # fmt: skip
        source = tmp_path / "new.pem"
        source.write_text(text)
        assert words in run_module(bundles, source=str(source), path=str(BUNDLE))["msg"]


def test_an_instance_that_is_being_renamed_has_no_endpoint_and_is_gone_on_with(rds: ModuleType) -> None:
    """What a cut restore or promotion left: the playbook that ends it needs none."""
    given = {"host": "", "region": "", "sslmode": "verify-full", "authentication": "password"}
    given |= {"master_user": "postgres", "master_password": ""}
    assert any("rds_client_host is empty" in one for one in rds.rds_problems(given))
    assert rds.rds_problems(given | {"renamed": True}) == []
    assert rds.rds_problems(given | {"renamed": True, "host": "10.0.0.1", "master_password": "x"}) != []
