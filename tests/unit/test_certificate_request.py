"""The module certificate_request, with the machine's own openssl."""

from __future__ import annotations

import grp
import json
import os
import pwd
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.configuration import sets_that_hold
from ansible_collections.django_ec2.site.plugins.modules import certificate_request as module_certificate_request

NAMES = ["DNS:db1.example.org", "IP:192.0.2.5"]


def openssl(*words: str, stdin: str = "") -> str:
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=True, input=stdin).stdout


class Host:
    """A directory that stands for a host, and the authority that signs for it."""

    def __init__(self, directory: Path, ask: Callable[..., dict[str, Any]]) -> None:
        self.directory = directory
        self._ask = ask
        self.certificate = directory / "ssl" / "fullchain.pem"
        self.key = directory / "ssl" / "privkey.pem"
        self.copy = directory / "ssl" / "ca.pem"
        self.authority = self.new_authority("ca")

    def new_authority(self, name: str) -> Path:
        certificate = self.directory / f"{name}.pem"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", str(self.directory / f"{name}.key"), "-out", str(certificate), "-days", "90",
        )  # fmt: skip
        return certificate

    def ask(
        self, check_mode: bool = False, names: list[str] = NAMES, renew_days: int = 30, **more: Any
    ) -> dict[str, Any]:
        wanted = {
            "name": "postgres",
            "certificate": str(self.certificate),
            "key": str(self.key),
            "authority_file": str(self.copy),
            "subject_alt_names": names,
            "owner": pwd.getpwuid(os.getuid()).pw_name,
            "group": grp.getgrgid(os.getgid()).gr_name,
            "mode": "0640",
        }
        return self._ask(
            check_mode=check_mode,
            certificates=[wanted],
            authority=self.authority.read_text(),
            renew_days=renew_days,
            **more,
        )

    def reason(self, **arguments: Any) -> str:
        (request,) = self.ask(**arguments)["requests"]
        return request["reason"]

    def issue(self, days: int = 60, names: list[str] = NAMES, **more: Any) -> None:
        """What the controller does: sign and place."""
        (request,) = self.ask(names=names, **more)["requests"]
        csr = self.directory / "request.pem"
        csr.write_text(request["csr"])
        openssl(
            "x509", "-req", "-in", str(csr), "-CA", str(self.authority), "-CAkey", str(self.authority.with_suffix(".key")),
            "-CAcreateserial", "-copy_extensions", "copy", "-days", str(days), "-out", str(self.certificate),
        )  # fmt: skip
        self.certificate.chmod(0o644)
        self.copy.write_text(self.authority.read_text())
        self.copy.chmod(0o644)


@pytest.fixture
def host(run_module: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    # Who runs the tests has what root has on a host.
    me = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
    monkeypatch.setattr(module_certificate_request, "PUBLIC", me)
    return Host(tmp_path, lambda **arguments: run_module(module_certificate_request, **arguments))


def test_a_missing_certificate_gets_a_key_and_a_request(host: Host) -> None:
    answer = host.ask()
    (request,) = answer["requests"]
    assert answer["changed"] is True
    assert request["reason"] == "it is missing"
    said = openssl("req", "-noout", "-text", "-verify", stdin=request["csr"])
    assert "DNS:db1.example.org, IP Address:192.0.2.5" in said
    assert "CN = db1.example.org" in said or "CN=db1.example.org" in said
    assert stat.S_IMODE(host.key.stat().st_mode) == 0o640
    assert "PRIVATE KEY" not in repr(answer), "the key stays on the host"
    assert [path.name for path in host.key.parent.iterdir()] == ["privkey.pem"]


def test_a_good_certificate_asks_for_nothing(host: Host) -> None:
    host.issue()
    answer = host.ask()
    assert (answer["changed"], answer["requests"], answer["repaired"]) == (False, [], [])


def test_the_key_is_kept_when_a_certificate_is_issued_anew(host: Host) -> None:
    host.issue()
    before = host.key.read_bytes()
    assert host.reason(renew_days=70) == "it ends within 70 days"
    assert host.key.read_bytes() == before


@pytest.mark.parametrize(
    "names", [["DNS:db1.example.org"], [*NAMES, "DNS:more.example.org"], ["DNS:db2.example.org", "IP:192.0.2.5"]]
)
def test_other_names_ask_for_another_certificate(host: Host, names: list[str]) -> None:
    host.issue()
    assert host.reason(names=names) == "it is for other names"


def test_the_order_of_names_does_not_matter(host: Host) -> None:
    host.issue()
    assert host.ask(names=NAMES[::-1])["requests"] == []


def test_ipv6_addresses_are_compared_as_addresses(host: Host) -> None:
    names = ["DNS:db1", "IP:2001:db8::5"]
    host.issue(names=names)
    assert host.ask(names=names)["requests"] == []
    assert host.reason(names=["DNS:db1", "IP:2001:db8::6"]) == "it is for other names"


def test_another_authority_asks_for_another_certificate(host: Host) -> None:
    host.issue()
    host.authority = host.new_authority("other")
    assert "not signed by this authority" in host.reason()


def test_another_key_asks_for_another_certificate(host: Host) -> None:
    host.issue()
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(host.key))
    assert host.reason() == "its key is another one"


def test_a_damaged_certificate_is_issued_anew(host: Host) -> None:
    host.issue()
    host.certificate.write_text("nothing\n")
    assert "not signed by this authority" in host.reason()


def test_check_mode_makes_no_key(host: Host) -> None:
    answer = host.ask(check_mode=True)
    assert answer["changed"] is True
    assert "csr" not in answer["requests"][0]
    assert not host.key.parent.exists()


def test_a_host_without_openssl_says_what_to_do(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible.module_utils.basic.AnsibleModule.get_bin_path", lambda *_words, **_more: None)
    assert "run the role base first" in host.ask()["msg"]
    assert host.ask(check_mode=True)["requests"][0]["reason"] == "it is missing"


def test_certificates_that_are_good_are_remembered(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = host.directory / "memory"
    monkeypatch.setattr(module_certificate_request.memory, "DIRECTORY", str(memory))
    host.ask()
    host.issue(days=60)
    assert host.ask(check_mode=True, digest="d")["requests"] == []
    assert not memory.exists(), "a check keeps nothing"
    host.ask(digest="d")
    record = json.loads((memory / "certificates-postgres.json").read_text())
    assert {entry["path"] for entry in record["params"]["files"]} == {
        str(one) for one in (host.certificate, host.key, host.copy)
    }
    assert record["params"]["directories"][0]["path"] == str(host.key.parent)
    assert abs(record["until"] - time.time() - 30 * 86400) < 3600
    assert "PRIVATE" not in json.dumps(record)


@pytest.mark.parametrize(
    ("name", "mode", "wrong"), [("key", 0o640, 0o644), ("certificate", 0o644, 0o666), ("copy", 0o644, 0o600)]
)
def test_another_mode_is_repaired_and_a_check_says_so(host: Host, name: str, mode: int, wrong: int) -> None:
    host.issue()
    path: Path = getattr(host, name)
    path.chmod(wrong)
    expected = [{"name": "postgres", "path": str(path)}]
    checked = host.ask(check_mode=True)
    assert (checked["changed"], checked["repaired"], checked["requests"]) == (True, expected, [])
    assert f"mode: {wrong:04o}" in checked["diff"][0]["before"]
    assert stat.S_IMODE(path.stat().st_mode) == wrong
    assert host.ask()["repaired"] == expected
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert host.ask()["changed"] is False


def test_a_directory_that_others_may_write_is_repaired(host: Host) -> None:
    host.issue()
    host.key.parent.chmod(0o777)
    assert [one["path"] for one in host.ask()["repaired"]] == [str(host.key.parent)]
    assert stat.S_IMODE(host.key.parent.stat().st_mode) == 0o755


@pytest.mark.parametrize("content", [None, "another\n"])
def test_the_copy_of_the_authority_is_written_again(host: Host, content: str | None) -> None:
    host.issue()
    host.copy.unlink() if content is None else host.copy.write_text(content)
    assert host.ask(check_mode=True)["repaired"] == [{"name": "postgres", "path": str(host.copy)}]
    assert host.copy.exists() is (content is not None)
    assert host.ask()["repaired"] == [{"name": "postgres", "path": str(host.copy)}]
    assert host.copy.read_text() == host.authority.read_text()
    assert stat.S_IMODE(host.copy.stat().st_mode) == 0o644
    assert host.ask()["changed"] is False


@pytest.mark.parametrize("name", ["key", "certificate", "copy"])
def test_what_is_remembered_is_the_mode_that_is_wanted(host: Host, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(module_certificate_request.memory, "DIRECTORY", str(host.directory / "memory"))
    host.issue()
    host.ask(digest="d")
    assert sets_that_hold() == {"certificates-postgres": "d"}
    path: Path = getattr(host, name)
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o604)
    assert sets_that_hold() == {}
    path.chmod(mode)
    host.key.parent.chmod(0o777)
    assert sets_that_hold() == {}


def test_the_key_of_a_certificate_that_is_issued_anew_is_repaired(host: Host) -> None:
    host.issue()
    host.key.chmod(0o644)
    host.copy.unlink()
    answer = host.ask(renew_days=70)
    assert [one["reason"] for one in answer["requests"]] == ["it ends within 70 days"]
    assert answer["repaired"] == [{"name": "postgres", "path": str(host.key)}]
    assert stat.S_IMODE(host.key.stat().st_mode) == 0o640


def public(of: str, path: Path) -> str:
    words = ("pkey", "-in", str(path), "-pubout") if of == "key" else ("x509", "-in", str(path), "-noout", "-pubkey")
    return openssl(*words)


def test_an_old_key_is_replaced_with_its_certificate_and_serves_until_then(host: Host) -> None:
    host.issue()
    old = public("key", host.key)
    now = time.time() + 5
    answer = host.ask(keys_before=now)
    assert [one["reason"] for one in answer["requests"]] == ["its key is to be replaced"]
    # A service that starts now finds a pair.
    assert public("key", host.key) == public("certificate", host.certificate) == old
    # Cut here and asked again: the same new key.
    waiting = host.key.with_name("privkey.pem.next").read_text()
    host.issue(keys_before=now)
    assert host.key.with_name("privkey.pem.next").read_text() == waiting
    # Cut here: a call of any run takes the key.
    assert host.ask(check_mode=True)["requests"] == []
    taken = host.ask()
    assert taken["requests"] == []
    assert [one["path"] for one in taken["repaired"]] == [str(host.key)]
    assert host.key.read_text() == waiting
    assert stat.S_IMODE(host.key.stat().st_mode) == 0o640
    assert public("key", host.key) == public("certificate", host.certificate) != old
    assert not host.key.with_name("privkey.pem.next").exists()
    assert host.ask()["changed"] is False


def test_another_authority_that_counts_is_placed_and_nothing_is_issued(host: Host) -> None:
    host.issue()
    host.ask()
    both = host.authority.read_text() + host.new_authority("next").read_text()
    found = host.ask(trusted=both)
    assert (found["requests"], [one["path"] for one in found["repaired"]]) == ([], [str(host.copy)])
    assert host.copy.read_text() == both
    assert host.ask(trusted=both)["changed"] is False
    # It signs: what the one before has signed does not do, though it is trusted.
    host.authority = host.directory / "next.pem"
    assert "not signed by this authority" in host.reason(trusted=both)
