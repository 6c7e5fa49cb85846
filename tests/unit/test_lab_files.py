"""The files of a lab: names, SSH, which inventory listed which host; and its kinds of hosts."""

from __future__ import annotations

import ipaddress
import json
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from lab import kinds
from lab.__main__ import _signed
from lab.core import containers, hosts, inventory, names, ssh
from lab.core.files import write_in_place, write_private
from lab.core.kind import Kind
from lab.core.model import Machine
from lab.core.settings import PROJECT, LabError, Settings

NETWORK = ipaddress.IPv4Network("10.90.7.0/24")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A lab whose directory lies in a temporary place."""
    monkeypatch.setattr(Settings, "directory", property(lambda _self: tmp_path))
    return Settings(name="lab", inventory=PROJECT / "inventory/lab", suite="trixie", port=0, subnet=None)


def test_who_signs_the_certificates_is_said_as_it_is(lab: Settings) -> None:
    web = Machine("web1", "lab-web1", "trixie", "debian", "10.90.7.2", shared=True)
    acme = Machine("ca1", "lab-ca1", "trixie", "acme", "10.90.7.3", shared=True)
    assert _signed(lab, [web]) == f"signed by the lab's own CA: {lab.directory / 'ca.pem'}"
    assert _signed(lab, [web, acme]).endswith("ssh -F .lab/lab/ssh_config ca1 sudo lab-acme root")


def test_hosts_ask_podman_alone_where_nobody_brings_names() -> None:
    assert names.resolver_file([], NETWORK) == "nameserver 10.90.7.1\n"


def test_hosts_ask_the_resolvers_first_in_a_fixed_order_and_podman_last() -> None:
    text = names.resolver_file(["10.90.7.100", "10.90.7.12", "10.90.7.12"], NETWORK)
    assert text.splitlines()[:3] == ["nameserver 10.90.7.12", "nameserver 10.90.7.100", "nameserver 10.90.7.1"]
    assert text.splitlines()[3:] == ["options timeout:1 attempts:4"], "one that is down delays a lookup by a second"


def test_the_names_are_written_in_place(lab: Settings) -> None:
    """Hosts have the file mounted: another inode would never reach them."""
    names.write(lab, ["10.90.7.12"], NETWORK)
    path = names.path(lab)
    inode = path.stat().st_ino
    assert "10.90.7.12" in path.read_text()
    names.write(lab, [], NETWORK)
    assert path.read_text() == names.resolver_file([], NETWORK), "a shorter text leaves nothing of the longer one"
    assert path.stat().st_ino == inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_that_says_it_already_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_in_place(path, "one\n")
    before = path.stat().st_mtime_ns
    write_in_place(path, "one\n")
    assert path.stat().st_mtime_ns == before


class Podman:
    """Stands for Podman: runs a script with another file in the place of /etc/resolv.conf."""

    def __init__(self, **files: Path) -> None:
        self._files = files

    def script(self, container: str, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        script = script.replace("/etc/resolv.conf", str(self._files[container]))
        return subprocess.run(["sh", "-c", script, "sh", *words], capture_output=True, text=True, check=False)


def test_hosts_without_the_mount_are_told_by_themselves(lab: Settings) -> None:
    names.write(lab, ["10.90.7.12"], NETWORK)
    old = lab.directory / "old"
    old.write_text("search dns.podman\nnameserver 10.90.7.1\n")
    podman = Podman(a=names.path(lab), b=old)
    assert names.tell_unmounted(lab, podman, {"web1": "a", "web2": "b"}) == ["web2"]
    assert old.read_text() == names.path(lab).read_text()
    assert names.tell_unmounted(lab, podman, {"web1": "a", "web2": "b"}) == []


def test_where_nobody_brings_names_podmans_own_file_will_do(lab: Settings) -> None:
    names.write(lab, [], NETWORK)
    old = lab.directory / "old"
    old.write_text("search dns.podman\nnameserver 10.90.7.1\nnameserver 192.0.2.1\n")
    assert names.tell_unmounted(lab, Podman(a=old), {"web1": "a"}) == []
    assert "search" in old.read_text()


def test_a_host_that_cannot_be_told_is_named(lab: Settings) -> None:
    names.write(lab, ["10.90.7.12"], NETWORK)
    directory = lab.directory / "directory"
    directory.mkdir()
    with pytest.raises(LabError, match=r"^web1 can't be told new names.* run 'make remove HOST=web1'"):
        names.tell_unmounted(lab, Podman(a=directory), {"web1": "a"})


def test_ssh_config_has_a_block_a_host_and_is_strict() -> None:
    text = ssh.config(Path("/lab dir"), {"db1": "10.90.7.11", "web1": "10.90.7.12"})
    assert "Host db1\n    HostName 10.90.7.11\n\nHost web1\n    HostName 10.90.7.12\n\nHost *\n" in text
    assert "StrictHostKeyChecking yes" in text
    assert 'IdentityFile "/lab dir/id_ed25519"' in text


def test_known_hosts_keeps_the_others_learns_the_new_and_forgets_the_gone() -> None:
    before = "10.90.7.11 ssh-ed25519 DB1\n10.90.7.12 ssh-ed25519 WEB1\n10.90.7.13 ssh-ed25519 WEB2\n"
    addresses = {"db1": "10.90.7.11", "web1": "10.90.7.12", "web3": "10.90.7.14"}
    text = ssh.known_hosts(before, addresses, {"web1": "ssh-ed25519 ANEW", "web3": "ssh-ed25519 WEB3"})
    assert text == "10.90.7.11 ssh-ed25519 DB1\n10.90.7.12 ssh-ed25519 ANEW\n10.90.7.14 ssh-ed25519 WEB3\n"


def test_a_host_that_is_gone_is_in_none_of_the_ssh_files(lab: Settings) -> None:
    ssh.write_files(
        lab, {"web1": "10.90.7.11", "web2": "10.90.7.12"}, {"web1": "ssh-ed25519 A", "web2": "ssh-ed25519 B"}
    )
    ssh.write_files(lab, {"web1": "10.90.7.11"})
    assert ssh.addresses(lab) == {"web1": "10.90.7.11"}
    assert (lab.directory / "known_hosts").read_text() == "10.90.7.11 ssh-ed25519 A\n"
    assert "web2" not in (lab.directory / "ssh_config").read_text()
    for name in ("ssh_config", "known_hosts", "hosts.json"):
        assert stat.S_IMODE((lab.directory / name).stat().st_mode) == 0o600


def test_a_lab_that_was_never_started_has_no_addresses(lab: Settings) -> None:
    assert ssh.addresses(lab) == {}


def test_which_inventory_listed_a_host_last_is_kept(lab: Settings) -> None:
    rds = Settings(name="lab", inventory=PROJECT / "inventory/lab-rds", suite="trixie", port=0, subnet=None)
    assert inventory.recorded(lab) == {}
    inventory.record(lab, ["db1", "web1"], [])
    inventory.record(rds, ["rds1", "web1"], ["db1", "web1"])
    assert {name: Path(path).name for name, path in inventory.recorded(lab).items()} == {
        "db1": "lab", "rds1": "lab-rds", "web1": "lab-rds",
    }  # fmt: skip
    inventory.record(lab, [], ["web1"])
    assert list(inventory.recorded(lab)) == ["web1"], "hosts that are gone are forgotten"


def test_an_inventory_is_called_as_it_is_given() -> None:
    assert inventory.title(PROJECT / "inventory/lab-rds") == "inventory/lab-rds"
    assert inventory.title(Path("/somewhere/else")) == "/somewhere/else"


def test_private_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret.json"
    write_private(path, "{}\n")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_text()) == (0o600, "{}\n")


@pytest.mark.parametrize(
    ("name", "there", "message"),
    [
        ("web9", ["db1", "web1"], r"the lab 'lab' has no host 'web9': give one of db1, web1\."),
        ("", ["db1", "web1"], r"HOST= is missing: give one of db1, web1\."),
        ("web1", [], r"the lab 'lab' does not run: start it with 'make up'\."),
    ],
)
def test_an_unknown_host_is_answered_with_those_that_there_are(
    lab: Settings, name: str, there: list[str], message: str
) -> None:
    hosts.check_known(lab, "web1", ["db1", "web1"])
    with pytest.raises(LabError, match=message):
        hosts.check_known(lab, name, there)


# Hosts of these kinds are made by the AWS endpoint: an inventory that asks for one is refused.
OF_AWS = ("aws", "balancer", "database")


@pytest.mark.parametrize("name", sorted(set(kinds.names()) - set(OF_AWS)))
def test_a_kind_brings_what_the_life_cycle_asks_for(name: str, lab: Settings) -> None:
    kind = kinds.find(name)
    assert isinstance(kind, Kind)
    assert type(kind).ensure_image is not Kind.ensure_image
    machine = Machine("one", "lab-one", "trixie", name, "10.90.7.12")
    assert all(isinstance(word, str) for word in kind.run_words(lab, machine))
    assert kind.resolver(machine) in ("", "10.90.7.12")
    assert all(path.is_relative_to(lab.directory) for path in kind.files(lab, machine)), "goes with the lab"


@pytest.mark.parametrize("name", OF_AWS)
def test_an_inventory_cannot_ask_for_what_the_aws_endpoint_makes(name: str, lab: Settings) -> None:
    with pytest.raises(LabError, match=f"one asks for lab_kind {name}: such hosts are made by the AWS endpoint"):
        kinds.find(name).run_words(lab, Machine("one", "lab-one", "trixie", name, "10.90.7.12"))


def test_the_kinds() -> None:
    assert {"debian", "rds"} <= set(kinds.names())
    with pytest.raises(LabError, match=r"there is no lab_kind 'mars': choose one of .*debian.*rds"):
        kinds.find("mars")


def test_only_the_host_that_plays_rds_brings_names_and_files(lab: Settings) -> None:
    machine = Machine("rds1", "lab-rds1", "trixie", "rds", "10.90.7.12")
    assert kinds.find("rds").resolver(machine) == "10.90.7.12"
    assert [path.name for path in kinds.find("rds").files(lab, machine)] == ["rds1.json", "rds1-ca.pem"]
    assert kinds.find("debian").resolver(machine) == ""
    assert kinds.find("debian").files(lab, machine) == []


def test_the_core_knows_no_kind_by_name() -> None:
    """But the default, and how containers of earlier versions are told apart."""
    for path in (PROJECT / "lab/core").glob("*.py"):
        source = path.read_text()
        for kind in kinds.names():
            assert f"lab.kinds.{kind}" not in source, path
            assert f"import {kind}" not in source, path


def test_every_inventory_asks_for_kinds_that_there_are() -> None:
    for path in (PROJECT / "inventory").glob("*/hosts.yml"):
        for word in path.read_text().split("lab_kind: ")[1:]:
            assert word.split("}")[0].split(",")[0].strip() in kinds.names(), path


def test_the_addresses_file_is_json_for_whoever_reads_it(lab: Settings) -> None:
    ssh.write_files(lab, {"web1": "10.90.7.11"})
    assert json.loads((lab.directory / "hosts.json").read_text()) == {"web1": "10.90.7.11"}


def test_a_host_has_booted_when_it_takes_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert containers.answers("127.0.0.1", time.monotonic() + 5, port)
    assert not containers.answers("127.0.0.1", time.monotonic() + 0.3, port)


def test_a_host_that_runs_and_cannot_be_reached_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    class Running:
        def script(self, *_words: str, **_options: float) -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess([], 0, "ssh-ed25519 AAAA host\n", "")

    monkeypatch.setattr(containers, "answers", lambda _address, _deadline: False)
    host = Machine(name="web1", address="10.90.7.2", suite="trixie", kind="debian", container="lab-web1")
    with pytest.raises(LabError, match=r"web1 runs, but port 22 of 10\.90\.7\.2 does not answer"):
        containers.wait_for_boot(Running(), host, "key")  # type: ignore[arg-type]


def test_a_lab_of_an_earlier_version_keeps_uploads_on_the_host(
    lab: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = (Machine(name, name, "trixie", "debian", "10.90.7.2", shared=name == "new") for name in ("new", "old"))
    note = lab.directory / "shared-files"
    hosts._note_shared_files(lab, [new])
    assert note.exists()
    hosts._note_shared_files(lab, [new, old])
    assert not note.exists()
    assert "made old, without the file system" in capsys.readouterr().err
