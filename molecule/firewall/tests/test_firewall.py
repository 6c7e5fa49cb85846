"""Who reaches what, from a stranger and between groups; and rules that would lock out who sets them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from controller import LAB, connect, log_in, play

WEB, DATABASE, STRANGER = "firewall-13", "firewall-12", "firewall-stranger"
BOTH = [WEB, DATABASE]
ADDRESSES = json.loads((LAB / "hosts.json").read_text())
LISTENING = {WEB: [80, 443, 8000, 9100], DATABASE: [80, 5432, 8432]}
RULES, TABLE = "/etc/site-firewall/rules.nft", "inet site_firewall"
# A container's boots differ in this, not in the kernel's own number.
BOOTED = "systemctl show --property UserspaceTimestampMonotonic --value"
LISTEN = "systemd-run --quiet --unit=listen-{port} python3 -m http.server --bind :: --directory /var/empty {port}"


@pytest.fixture(scope="module", autouse=True)
def services() -> Iterator[None]:
    """Something behind each port, so that one that is closed is closed by the rules."""
    for name, ports in LISTENING.items():
        host = connect(name)
        host.check_output("mkdir -p /var/empty")
        for port in ports:
            host.check_output(LISTEN.format(port=port))
            until(lambda host=host, port=port: host.run(f"ss -Hltn sport = :{port} | grep -q .").rc == 0)
    yield
    for name, ports in LISTENING.items():
        connect(name).run(f"systemctl stop {' '.join(f'listen-{port}' for port in ports)}")


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that is about to happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.5)


def reaches(name: str, address: str, port: int) -> bool:
    """Whether a connection from one host gets through."""
    return connect(name).run(f"timeout 2 bash -c '</dev/tcp/{address}/{port}'").rc == 0


def rules(host: Any) -> str:
    return host.check_output(f"nft --stateless list table {TABLE}")


@pytest.mark.parametrize(
    ("source", "to", "port", "expected"),
    [
        (STRANGER, WEB, 22, True),
        (STRANGER, WEB, 80, True),
        (STRANGER, WEB, 443, True),
        (STRANGER, WEB, 8000, False),
        (STRANGER, WEB, 9100, False),
        (STRANGER, DATABASE, 22, True),
        (STRANGER, DATABASE, 80, False),
        (STRANGER, DATABASE, 5432, False),
        (WEB, DATABASE, 5432, True),
        (WEB, DATABASE, 8432, False),
        (DATABASE, WEB, 9100, True),
        (DATABASE, WEB, 8000, False),
        (DATABASE, DATABASE, 8432, True),
    ],
)
def test_who_reaches_what(source: str, to: str, port: int, expected: bool) -> None:
    assert reaches(source, ADDRESSES[to], port) is expected


@pytest.mark.parametrize(("name", "closed"), [(WEB, 8000), (DATABASE, 5432)])
def test_ipv6_has_the_same_rules(name: str, closed: int) -> None:
    said = connect(name).check_output("ip -6 -json address show scope link")
    address = json.loads(said)[0]["addr_info"][0]["local"]
    interface = json.loads(connect(STRANGER).check_output("ip -json route show default"))[0]["dev"]
    assert reaches(STRANGER, f"{address}%{interface}", 22)
    assert not reaches(STRANGER, f"{address}%{interface}", closed)


@pytest.mark.parametrize("name", BOTH)
def test_what_somebody_took_away_is_back_and_tables_of_others_stay(name: str) -> None:
    host = connect(name)
    wanted = rules(host)
    host.check_output("nft add table inet somebodys")
    host.check_output(f"nft delete table {TABLE}")
    play("firewall/converge.yml", limit=name)
    assert rules(host) == wanted
    assert "inet somebodys" in host.check_output("nft list tables")
    host.check_output("nft delete table inet somebodys")


def test_rules_that_shut_out_the_run_are_refused() -> None:
    done = play(
        "firewall/converge.yml", "-e", json.dumps({"network_operators": ["203.0.113.0/24"]}), limit=WEB, check=False
    )
    assert done.returncode != 0
    assert "which the rules would shut out: add it, or its network, to network_operators" in done.stdout
    done = play("firewall/converge.yml", "-e", "network_ssh_port=2222", limit=WEB, check=False)
    assert "set network_ssh_port: 22," in done.stdout
    assert log_in(WEB).returncode == 0
    # It is owed, and the next run brings the right ones.
    play("firewall/converge.yml", limit=WEB)


def test_rules_that_nobody_gets_through_are_taken_back() -> None:
    before = {name: rules(connect(name)) for name in BOTH}
    for name in BOTH:
        connect(name).check_output(f"sed -i.kept '/comment \"ssh\"/d' {RULES}")
    done = play("firewall/apply.yml", limit=",".join(BOTH), check=False)
    assert done.returncode != 0
    for name in BOTH:
        assert f"{name} could not be reached with the new rules" in done.stdout
        host = connect(name)
        assert rules(host) == before[name]
        host.check_output(f"mv {RULES}.kept {RULES}")


@pytest.mark.parametrize("name", BOTH)
def test_after_a_reboot_the_confirmed_rules_are_loaded_and_tried_ones_are_not(name: str) -> None:
    host = connect(name)
    wanted = rules(host)
    boot = host.check_output(BOOTED)
    # As a run would leave it that is cut after it has tried its rules.
    host.check_output(f"nft add rule {TABLE} input tcp dport 8432 accept")
    host.check_output("systemd-run --on-active=1 systemctl reboot")
    until(lambda: log_in(name, command=BOOTED).stdout.strip() not in ("", boot.strip()))
    assert rules(connect(name)) == wanted
    assert json.loads(connect(name).check_output("/etc/ansible/facts.d/firewall.fact")) == {"as_confirmed": True}


def test_without_the_role_everything_is_open_and_nothing_is_left() -> None:
    play("firewall/converge.yml", "-e", json.dumps({"firewall_enabled": False}), limit=WEB)
    host = connect(WEB)
    assert TABLE not in host.check_output("nft list tables")
    assert not host.file("/etc/systemd/system/site-firewall.service").exists
    assert not host.file("/etc/site-firewall").exists
    play("firewall/converge.yml", limit=WEB)
    assert TABLE in host.check_output("nft list tables")
