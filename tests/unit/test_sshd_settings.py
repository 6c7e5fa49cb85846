"""What sshd speaks, and what the host goes back to where a new connection does not get in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.sshd_settings import before, kept, way_back

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "templates"))
from render import SYSTEMS, evaluate, render


@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_weak_is_spoken(system: str) -> None:
    said = dict(
        line.split(" ", 1) for line in render("base", "sshd.conf.j2", system).splitlines() if line[:1].isupper()
    )
    exchanges = said["KexAlgorithms"].split(",")
    assert exchanges[0].startswith(("mlkem768", "sntrup761"))
    assert "curve25519-sha256" in exchanges
    for name in ("KexAlgorithms", "HostKeyAlgorithms"):
        assert "nistp" not in said[name]
    for name in ("KexAlgorithms", "MACs", "HostKeyAlgorithms"):
        assert not [one for one in said[name].split(",") if one.endswith(("sha1", "ssh-rsa")) or "group14" in one]
    assert said["PasswordAuthentication"] == "no"


@pytest.mark.parametrize("user", ["root", "admin", ""])
def test_the_account_of_a_run_changes_nothing(user: str) -> None:
    """A command line as root and AWX as admin would undo each other, and the second keep out the first."""
    assert evaluate("base", "base_ssh_root_login", ansible_user=user) == "prohibit-password"


def test_the_host_goes_back_to_what_was_confirmed_else_to_what_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "10-base.conf"
    assert before(path, tmp_path) == ""
    path.write_text(render("base", "sshd.conf.j2"))
    text = before(path, tmp_path)
    assert "PasswordAuthentication no\n" in text
    assert not [word for word in ("Kex", "Ciphers", "MACs", "HostKeyAlgorithms", "PermitRootLogin") if word in text]
    kept(path, tmp_path).write_text("Ciphers confirmed\n")
    assert before(path, tmp_path) == "Ciphers confirmed\n"


@pytest.mark.parametrize("text", ["A 'quoted' \"$word\" \\ %s\nB\n", ""])
def test_the_way_back_puts_the_text_back(tmp_path: Path, fake_bin, text: str) -> None:
    fake_bin("systemctl", f'echo "$@" >>{tmp_path}/told')
    path = tmp_path / "10-base.conf"
    path.write_text("new\n")
    subprocess.run(["sh", "-c", way_back(path, "ssh.service", text)], check=True)
    assert (path.read_text() if path.exists() else "") == text
    assert (tmp_path / "told").read_text() == "is-active --quiet ssh.service\n--no-block reload ssh.service\n"


def test_at_boot_sshd_reads_the_text_when_it_starts(tmp_path: Path, fake_bin) -> None:
    fake_bin("systemctl", f'echo "$@" >>{tmp_path}/told; exit 3')
    subprocess.run(["sh", "-c", way_back(tmp_path / "10-base.conf", "ssh.service", "kept\n")], check=False)
    assert (tmp_path / "10-base.conf").read_text() == "kept\n"
    assert "reload" not in (tmp_path / "told").read_text()
