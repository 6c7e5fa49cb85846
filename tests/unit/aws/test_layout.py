"""What an environment on AWS consists of: hosts, subnets, security groups, rights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.module_utils import ec2_host_keys
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import layout, policies

PRESETS = yaml.safe_load((Path(__file__).resolve().parents[3] / "group_vars/all/aws_presets.yml").read_text())[
    "aws_presets"
]
FLOWS = [
    {"name": "ssh", "from": ["operators"], "to": "all", "port": 22},
    {"name": "http", "from": ["world"], "to": "web", "port": 80},
    {"name": "https", "from": ["world"], "to": "web", "port": 443, "when": "False"},
    {"name": "postgresql", "from": ["web", "database"], "to": "database", "port": "5432"},
    {"name": "backups", "from": ["database"], "to": "backup", "port": 8432},
    {"name": "files", "from": ["web"], "to": "files", "port": 2049},
]
EVERYBODY = ["0.0.0.0/0", "::/0"]


def groups(
    mode: str, preset: str, operators: list[str] = EVERYBODY, access: str = ""
) -> dict[str, list[dict[str, Any]]]:
    """The rules of each security group of a preset."""
    given = PRESETS[preset]
    made = layout.security_groups(
        FLOWS, layout.hosts(given, mode), mode, given["entrance"], operators, given["files"], access or given["access"]
    )
    return {one["name"]: one["rules"] for one in made}


@pytest.mark.parametrize(
    ("preset", "mode", "wanted"),
    [
        ("single", "self_hosted", {"web1": ("web database", "public-a")}),
        ("single", "rds", {"web1": ("web", "public-a")}),
        ("small", "rds", {"web1": ("web", "public-a"), "web2": ("web", "public-b")}),
        (
            "small",
            "self_hosted",
            {"web1": ("web", "public-a"), "web2": ("web", "public-b"), "db1": ("database", "public-a")},
        ),
        (
            "highly_available",
            "self_hosted",
            {
                "web1": ("web", "private-a"),
                "web2": ("web", "private-b"),
                "db1": ("database", "private-a"),
                "db2": ("database", "private-b"),
            },
        ),
    ],
)
def test_hosts_of_a_preset_are_spread_over_the_zones(
    preset: str, mode: str, wanted: dict[str, tuple[str, str]]
) -> None:
    made = layout.hosts(PRESETS[preset], mode)
    assert {name: (" ".join(host["groups"]), host["subnet"]) for name, host in made.items()} == wanted


def test_the_range_of_the_network_is_divided_between_public_and_private_subnets() -> None:
    made = layout.subnets("10.20.0.0/16", ["eu-central-1a", "eu-central-1b"])
    assert [(one["name"], one["cidr"], one["public"]) for one in made] == [
        ("public-a", "10.20.0.0/20", True),
        ("public-b", "10.20.16.0/20", True),
        ("private-a", "10.20.128.0/20", False),
        ("private-b", "10.20.144.0/20", False),
    ]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [(["all", "env_production", "web"], "production"), (["env_lab", "env_lab_aws"], "lab-aws"), (["all"], "")],
)
def test_the_environment_is_named_by_its_group(names: list[str], wanted: str) -> None:
    assert layout.environment(dict.fromkeys(names)) == wanted


def test_behind_a_balancer_the_world_reaches_it_alone() -> None:
    made = groups("rds", "small")
    assert made["balancer"] == [
        {"proto": "tcp", "port": port, "network": network} for network in EVERYBODY for port in (443, 80)
    ]
    assert made["web"] == [{"proto": "tcp", "port": 80, "group": "balancer"}]


def test_a_single_host_is_reached_by_the_world_over_http() -> None:
    made = groups("self_hosted", "single")
    assert "balancer" not in made
    assert [rule["network"] for rule in made["web"]] == EVERYBODY


def test_the_database_is_reached_by_the_web_hosts_alone() -> None:
    assert groups("rds", "small")["database"] == [{"proto": "tcp", "port": 5432, "group": "web"}]
    assert groups("self_hosted", "small")["database"] == [
        {"group": "database", "port": 5432, "proto": "tcp"},
        {"group": "web", "port": 5432, "proto": "tcp"},
    ]


@pytest.mark.parametrize("preset", ["small", "highly_available"])
def test_the_file_system_is_reached_by_the_web_hosts_alone(preset: str) -> None:
    made = groups("self_hosted", preset, ["203.0.113.0/24"])
    assert made["files"] == [{"proto": "tcp", "port": 2049, "group": "web"}]
    assert "files" not in groups("self_hosted", "single")


def test_ssh_is_open_to_the_operators_networks_and_never_to_everybody() -> None:
    assert not [rule for rules in groups("self_hosted", "small").values() for rule in rules if rule["port"] == 22]
    made = groups("rds", "small", ["203.0.113.0/24"])
    assert {"proto": "tcp", "port": 22, "network": "203.0.113.0/24"} in made["web"]
    # An instance of RDS has no sshd.
    assert [rule["port"] for rule in made["database"]] == [5432]


def test_over_an_endpoint_ssh_is_open_to_it_alone() -> None:
    made = groups("rds", "highly_available", ["203.0.113.0/24"])
    assert made["endpoint"] == []
    assert [rule for rule in made["web"] if rule["port"] == 22] == [{"proto": "tcp", "port": 22, "group": "endpoint"}]
    assert not [rule for name in ("database", "files") for rule in made[name] if rule["port"] == 22]
    # Whoever has the database on a host reaches that, too.
    assert {"proto": "tcp", "port": 22, "group": "endpoint"} in groups("self_hosted", "highly_available")["database"]
    shut = groups("self_hosted", "small", ["203.0.113.0/24"], "none")
    assert not [rule for rules in shut.values() for rule in rules if rule["port"] == 22]
    assert "endpoint" not in shut


def test_rules_name_groups_by_id_and_networks_by_their_family() -> None:
    rules = [
        {"proto": "tcp", "port": 80, "group": "balancer"},
        {"proto": "tcp", "port": 80, "network": "::/0"},
        {"proto": "tcp", "port": 80, "network": "10.0.0.0/8"},
        {"proto": "tcp", "port": 80, "group": "not there yet"},
    ]
    both = {"proto": "tcp", "from_port": 80, "to_port": 80}
    assert layout.module_rules(rules, {"balancer": "sg-1"}) == [
        {**both, "group_id": "sg-1"},
        {**both, "cidr_ipv6": "::/0"},
        {**both, "cidr_ip": "10.0.0.0/8"},
    ]


def test_hosts_may_use_the_buckets_of_their_groups_and_nothing_else() -> None:
    buckets = {"backups": "b", "media": "m", "releases": "r"}
    web = policies.instance_policy(["web"], buckets, "aws", "")
    assert {one["Resource"][0] for one in web["Statement"]} == {
        "arn:aws:s3:::m", "arn:aws:s3:::m/*", "arn:aws:s3:::r", "arn:aws:s3:::r/*",
    }  # fmt: skip
    assert {
        action for one in web["Statement"] if one["Resource"] == ["arn:aws:s3:::r/*"] for action in one["Action"]
    } == {"s3:GetObject"}
    with_tokens = policies.instance_policy(["web"], {}, "aws", "arn:aws:rds-db:eu-central-1:1:dbuser:*/shop_iam")
    assert [one["Action"] for one in with_tokens["Statement"]] == [["rds-db:connect"]]
    assert policies.instance_policy(["redis"], buckets, "aws", "")["Statement"] == []


CONSOLE = """\
cloud-init[512]: boot
-----BEGIN SSH HOST KEY KEYS-----
ecdsa-sha2-nistp256 AAAAE2VjZHNh root@web1
ssh-ed25519 {} root@web1
-----END SSH HOST KEY KEYS-----
"""


def test_the_host_key_is_the_one_that_the_last_boot_printed() -> None:
    old, new = "A" * 68, "B" * 68
    assert ec2_host_keys.key_in(CONSOLE.format(old) + CONSOLE.format(new)) == f"ssh-ed25519 {new}"
    # A line that a program on the host printed outside of the block is none.
    assert ec2_host_keys.key_in(f"ssh-ed25519 {old}\n") == ""
