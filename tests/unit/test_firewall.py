# SPDX-License-Identifier: MIT
"""Rules of a host, the file that is made of them, and whom they would lock out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.firewall import lockout_problem
from ansible_collections.django_ec2.site.plugins.plugin_utils.network_flows import host_rules

sys.path.insert(0, str(Path(__file__).parents[1] / "templates"))
from render import render

FLOWS = [
    {"name": "ssh", "from": ["operators"], "to": "all", "port": 22},
    {"name": "http", "from": ["balancer"], "to": "web", "port": 80},
    {"name": "postgresql", "from": ["web", "database"], "to": "database", "port": "5432"},
]
HOSTS: dict[str, dict[str, Any]] = {
    "web1": {"private_address": "10.0.0.4", "nginx_trusted_proxies": ["10.0.1.0/24"]},
    "web2": {"private_address": "2001:db8::5"},
    "db1": {"private_address": "10.0.0.8", "network_operators": ["203.0.113.0/24"]},
}
GROUPS = {"web": ["web1", "web2"], "database": ["db1"], "redis": []}


def test_the_rules_of_each_host() -> None:
    assert host_rules(FLOWS, GROUPS, "web1", HOSTS) == [
        {"name": "ssh", "ports": [22], "protocol": "tcp", "networks": ["0.0.0.0/0", "::/0"]},
        {"name": "http", "ports": [80], "protocol": "tcp", "networks": ["10.0.1.0/24"]},
    ]
    assert host_rules(FLOWS, GROUPS, "db1", HOSTS) == [
        {"name": "ssh", "ports": [22], "protocol": "tcp", "networks": ["203.0.113.0/24"]},
        # Itself is not among them.
        {"name": "postgresql", "ports": [5432], "protocol": "tcp", "networks": ["10.0.0.4/32", "2001:db8::5/128"]},
    ]


def test_web_hosts_that_come_by_themselves_are_let_in_by_their_networks() -> None:
    hosts = {name: {**one, "web_networks": ["10.20.0.0/20"]} for name, one in HOSTS.items()}
    assert host_rules(FLOWS, GROUPS, "db1", hosts)[1]["networks"] == [
        "10.0.0.4/32",
        "10.20.0.0/20",
        "2001:db8::5/128",
    ]
    # Nobody else is let in by that.
    assert host_rules(FLOWS, GROUPS, "web1", hosts) == host_rules(FLOWS, GROUPS, "web1", HOSTS)


def test_a_group_that_has_no_hosts_any_more_has_no_flows() -> None:
    groups = {**GROUPS, "web": []}
    assert [rule["name"] for rule in host_rules(FLOWS, groups, "db1", HOSTS)] == ["ssh"]
    # Alone on its host, the database is reached by the loopback.
    groups = {"web": ["db1"], "database": ["db1"]}
    assert [rule["name"] for rule in host_rules(FLOWS, groups, "db1", HOSTS)] == ["ssh"]


def test_a_host_with_a_name_for_an_address_is_refused() -> None:
    hosts = {**HOSTS, "web2": {"private_address": "web2.example.org"}}
    with pytest.raises(ValueError, match=r"private_address of web2 is 'web2.example.org'.*private_address: 10.0.1.15"):
        host_rules(FLOWS, GROUPS, "db1", hosts)


def test_the_file_has_one_rule_for_each_family_and_nothing_of_others() -> None:
    text = render("firewall", "rules.nft.j2", firewall_rules=host_rules(FLOWS, GROUPS, "db1", HOSTS))
    assert '    ip saddr { 203.0.113.0/24 } tcp dport { 22 } accept comment "ssh"' in text.splitlines()
    assert '    ip6 saddr { 2001:db8::5/128 } tcp dport { 5432 } accept comment "postgresql"' in text.splitlines()
    assert "flush" not in text
    assert text.count("table inet site_firewall") == 3
    open_to_all = render("firewall", "rules.nft.j2", firewall_rules=host_rules(FLOWS, GROUPS, "web1", HOSTS))
    for family in ("ipv4", "ipv6"):
        assert f'    meta nfproto {family} tcp dport {{ 22 }} accept comment "ssh"' in open_to_all.splitlines()


@pytest.mark.skipif(shutil.which("nft") is None, reason="nft is not installed here; hosts check the file, too")
def test_nft_can_read_the_file() -> None:
    text = render("firewall", "rules.nft.j2", firewall_rules=host_rules(FLOWS, GROUPS, "db1", HOSTS))
    done = subprocess.run(["nft", "--check", "--file", "-"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "Operation not permitted" in done.stderr, done.stderr


RULES = [
    {"name": "ssh", "networks": ["203.0.113.0/24", "2001:db8::/32"], "ports": [22], "protocol": "tcp"},
    {"name": "names", "networks": ["0.0.0.0/0"], "ports": [2222], "protocol": "udp"},
]


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (None, ""),
        (("127.0.0.1", 22), ""),
        (("203.0.113.7", 22), ""),
        (("2001:db8::7", 22), ""),
        (("::ffff:203.0.113.7", 22), ""),
        (("198.51.100.7", 22), "comes from 198.51.100.7, which the rules would shut out: add it"),
        (("2001:db9::7", 22), "comes from 2001:db9::7"),
        (("203.0.113.7", 2222), "set network_ssh_port: 2222"),
    ],
)
def test_whom_the_rules_would_lock_out(connection: tuple[str, int] | None, said: str) -> None:
    problem = lockout_problem(RULES, connection)
    assert said in problem
    assert bool(problem) is bool(said)
