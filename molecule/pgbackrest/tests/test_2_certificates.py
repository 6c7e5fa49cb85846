"""A server of another authority, or of another name, is refused, and it is said why."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import play, until
from site_visitor import LAB, address

PLACE = "/etc/ssl/pgbackrest"


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def forged(directory: Path, name: str, authority: dict[str, str] | None) -> dict[str, bytes]:
    """A certificate for a name, by the project's authority or by itself."""
    key, certificate, request = directory / "key.pem", directory / "cert.pem", directory / "request.pem"
    words = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        str(key),
        "-subj",
        "/CN=pgbackrest-db1",
    ]
    if authority is None:
        openssl("req", "-x509", *words, "-out", str(certificate), "-days", "2", "-addext", f"subjectAltName=DNS:{name}")
    else:
        for part, text in authority.items():
            (directory / f"ca-{part}.pem").write_text(text)
        extensions = directory / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{name}\n")
        openssl("req", "-new", *words, "-out", str(request))
        openssl(
            "x509", "-req", "-in", str(request), "-CA", str(directory / "ca-certificate.pem"), "-CAkey", str(directory / "ca-key.pem"),
            "-CAcreateserial", "-out", str(certificate), "-days", "2", "-extfile", str(extensions),
        )  # fmt: skip
    return {"privkey.pem": key.read_bytes(), "fullchain.pem": certificate.read_bytes()}


@pytest.fixture
def kept(db1: Any) -> Iterator[None]:
    """The database host's certificate, back after the test."""
    db1.check_output(f"cp -a {PLACE} /root/kept-ssl")
    try:
        yield
    finally:
        db1.check_output(f"cp -a /root/kept-ssl/. {PLACE}/ && rm -r /root/kept-ssl && systemctl reload pgbackrest")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("own", "words"), [(False, "was not signed by the project's authority"), (True, "certificate is for another name")]
)
def test_it_is_refused(db1: Any, backup1: Any, tmp_path: Path, own: bool, words: str) -> None:
    authority = yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]["authority"] if own else None
    for file, content in forged(tmp_path, "elsewhere.test" if own else address("db1"), authority).items():
        text = base64.b64encode(content).decode()
        db1.check_output(f"sh -c 'echo {text} | base64 -d > {PLACE}/{file}'")
    db1.check_output("systemctl reload pgbackrest")
    until(10, lambda: backup1.run("runuser -u postgres -- pgbackrest --stanza=main --io-timeout=10 check").rc != 0)
    run = play("playbooks/database_backup.yml", "-e", "backup_type=incr")
    assert run.code == 2, run.output
    assert words in " ".join(run.output.split()), run.output


def test_site_yml_mends_a_certificate_and_tries_the_way_again(db1: Any) -> None:
    db1.check_output(f"rm {PLACE}/fullchain.pem")
    run = play("site.yml", "--limit", "database:backup", "--tags", "pgbackrest")
    assert run.code == 0, run.output
    assert play("playbooks/database_backup.yml", "-e", "backup_type=incr").code == 0
    status = play("playbooks/database_status.yml")
    assert status.code == 0, status.output
