# SPDX-License-Identifier: MIT
"""Who may reach what: the flows that we ship, for environments of several shapes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.django_ec2.site.plugins.plugin_utils.network_flows import (
    flow_problems,
    network_problems,
    networks_of,
    resolve_flows,
)

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = {
    "aws_tunnelled": False,
    "database_backups": "pgbackrest",
    "pgbackrest_repository": {"type": "host"},
    "file_backups": "restic",
    "rds_client_host": "",
    "database_move_networks": ["0.0.0.0/0", "::/0"],
    "redis_is_local": False,
}
SHIPPED = ROOT / "group_vars/all/network_flows.yml"


def shipped(groups: list[str], **variables: Any) -> list[dict[str, Any]]:
    """The flows of this repository, resolved for an environment."""
    loader = DataLoader()
    found = loader.load_from_file(str(SHIPPED), trusted_as_template=True)
    return resolve_flows(
        Templar(loader, variables={**DEFAULTS, **found, **variables}).template(found["network_flows"]), groups
    )


def lines(flows: list[dict[str, Any]]) -> set[str]:
    return {
        f"{','.join(flow['from'])} -> {flow['to']}:{','.join(map(str, flow['ports']))}/{flow['protocol']}"
        for flow in flows
    }


def test_over_an_endpoint_of_aws_ssh_comes_from_the_private_subnets() -> None:
    subnets = [{"cidr": "10.20.0.0/20", "public": True}, {"cidr": "10.20.128.0/20", "public": False}]
    flows = shipped(["web"], aws_tunnelled=True, aws_network_subnets=subnets)
    assert [flow["from"] for flow in flows if flow["name"] == "ssh"] == [["10.20.128.0/20"]]


def test_one_host_with_everything():
    flows = shipped(["web", "database"], redis_is_local=True, database_backups="none")
    assert lines(flows) == {
        "operators -> all:22/tcp",
        "world -> web:80/tcp",
        "world -> web:443/tcp",
        "web,database -> database:5432/tcp",
    }


def test_a_fleet_with_backups_and_redis():
    flows = shipped(["web", "database", "redis", "backup"])
    assert lines(flows) == {
        "operators -> all:22/tcp",
        "world -> web:80/tcp",
        "world -> web:443/tcp",
        "web,database -> database:5432/tcp",
        "web -> redis:6379/tcp",
        "database -> backup:8432/tcp",
        "backup -> database:8432/tcp",
        "web -> backup:8433/tcp",
    }


def test_on_rds_there_is_no_database_host_and_behind_a_balancer_nobody_else_reaches_the_sites():
    flows = shipped(
        ["web"], nginx_tls_mode="none", nginx_trusted_proxies=["10.0.0.0/16"], rds_client_host="db.example.org"
    )
    assert lines(flows) == {"operators -> all:22/tcp", "balancer -> web:80/tcp"}


def test_what_a_user_set_is_followed():
    flows = shipped(
        ["web", "database", "redis", "backup"],
        ansible_port=2222,
        nginx_http_port=8080,
        nginx_https_port=8443,
        postgres_port=5433,
        redis_port=6390,
        pgbackrest_port=9432,
        restic_port=9433,
        rds_client_host="db.example.org",
        database_move_networks=["10.0.3.0/24"],
        network_extra_flows=[{"name": "dns", "from": ["web"], "to": "all", "port": [53, 853], "protocol": "udp"}],
    )
    assert lines(flows) == {
        "operators -> all:2222/tcp",
        "world -> web:8080/tcp",
        "world -> web:8443/tcp",
        "web,database -> database:5433/tcp",
        "10.0.3.0/24 -> database:5433/tcp",
        "web -> redis:6390/tcp",
        "database -> backup:9432/tcp",
        "backup -> database:9432/tcp",
        "web -> backup:9433/tcp",
        "web -> all:53,853/udp",
    }


def test_backups_in_s3_need_no_port():
    flows = shipped(["web", "database"], pgbackrest_repository={"type": "s3"})
    assert not [flow for flow in flows if "backups" in flow["name"]]


def test_the_ports_are_the_defaults_of_the_roles():
    """group_vars can't see the defaults of a role; here they are compared."""
    loader = DataLoader()
    roles = {
        "nginx": ["nginx_http_port", "nginx_https_port"],
        "postgres": ["postgres_port"],
        "redis": ["redis_port"],
        "pgbackrest": ["pgbackrest_port"],
        "restic": ["restic_port"],
    }
    text = SHIPPED.read_text()
    for role, names in roles.items():
        defaults = loader.load_from_file(str(ROOT / f"roles/{role}/defaults/main.yml"))
        for name in names:
            assert f"{name} | default({defaults[name]})" in text
    defaults = loader.load_from_file(str(ROOT / "roles/nginx/defaults/main.yml"))
    assert f"nginx_tls_mode | default('{defaults['nginx_tls_mode']}')" in text
    assert defaults["nginx_trusted_proxies"] == []


def test_networks_of_sources():
    members = {
        "web": ["10.0.0.4", "10.0.0.5", "10.0.0.4", "2001:db8::4"],
        "operators": ["203.0.113.0/24"],
        "balancer": [],
    }
    assert networks_of(["web"], members) == ["10.0.0.4/31", "2001:db8::4/128"]
    assert networks_of(["operators", "web", "203.0.113.7", "198.51.100.0/24"], members) == [
        "10.0.0.4/31",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "2001:db8::4/128",
    ]
    assert networks_of(["web", "world"], members) == ["0.0.0.0/0", "::/0"]
    assert networks_of(["balancer", "nobody"], members) == []


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ("metrics", "has no name"),
        ({"from": ["web"], "to": "web", "port": 1}, "has no name"),
        ({"name": "a;b", "from": ["web"], "to": "web", "port": 1}, "has no name"),
        ({"name": "a", "to": "web", "port": 1}, "it has no key from"),
        ({"name": "a", "from": "web", "to": "web", "port": 1}, "from must be a list"),
        ({"name": "a", "from": [], "to": "web", "port": 1}, "from must be a list"),
        ({"name": "a", "from": ["wbe"], "to": "web", "port": 1}, "'wbe', which is no group: known are "),
        ({"name": "a", "from": ["10.0.0.0/33"], "to": "web", "port": 1}, "'10.0.0.0/33', which is no group"),
        ({"name": "a", "from": ["web"], "to": "wbe", "port": 1}, "to is 'wbe'"),
        ({"name": "a", "from": ["web"], "to": "web", "port": 70000}, "port 70000 is none"),
        ({"name": "a", "from": ["web"], "to": "web", "port": "http"}, "port 'http' is none"),
        ({"name": "a", "from": ["web"], "to": "web", "port": 1, "protocol": "icmp"}, "write tcp or udp"),
        ({"name": "a", "from": ["web"], "to": "web", "ports": 1, "port": 1}, "there is no key ports"),
    ],
)
def test_what_is_refused(flow: Any, said: str):
    problems = flow_problems([flow], ["web", "database"])
    assert len(problems) == 1
    assert said in problems[0]


def test_two_of_one_name_and_what_does_not_hold():
    one = {"name": "a", "from": ["web"], "to": "web", "port": 1}
    assert flow_problems([one], ["web"]) == []
    assert "two flows are named a" in flow_problems([one, one], ["web"])[0]
    # The groups of a site may be missing in an inventory.
    assert flow_problems([{**one, "to": "backup"}], ["web"]) == []
    # Its port may be one that is not known where it does not hold.
    assert flow_problems([{**one, "when": False, "port": ""}], ["web"]) == []


def test_lists_of_networks():
    assert network_problems("network_operators", ["203.0.113.0/24", "::/0", "192.0.2.1"]) == []
    assert "must be a list" in network_problems("network_operators", "203.0.113.0/24")[0]
    assert "'home.example.org' is no network" in network_problems("network_operators", ["home.example.org"])[0]
