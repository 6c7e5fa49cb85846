"""What an environment on AWS consists of: hosts and subnets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import layout

PRESETS = yaml.safe_load((Path(__file__).resolve().parents[3] / "group_vars/all/aws_presets.yml").read_text())[
    "aws_presets"
]


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
