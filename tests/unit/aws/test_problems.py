"""What preflight refuses of the settings of an environment on AWS."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws import layout, problems

SETTINGS: dict[str, Any] = {
    "name": "shop-production",
    "database_mode": "rds",
    "files": "efs",
    "network": {
        "cidr": "10.20.0.0/16",
        "may_overlap": False,
        "subnets": layout.subnets("10.20.0.0/16", ["eu-central-1a", "eu-central-1b"]),
        "nat": "none",
        "access": "operators",
    },
    "fleet": {
        "hosts": {"web1": {"groups": ["web"], "type": "t3.small", "subnet": "public-a", "disk_gb": 30}},
        "architecture": "x86_64",
        "entrance": "elastic_ip",
        "database_mode": "rds",
        "certificate": "",
        "tls_mode": "project_ca",
        "trusted_proxies": [],
        "public_key": "ssh-ed25519 AAAA me",
        "zone": "",
    },
    "database": {
        "engine_version": "17",
        "class": "db.t4g.small",
        "storage_gb": 20,
        "iops": 0,
        "throughput": 0,
        "public": False,
        "retention_days": 7,
        "backup_window": "02:00-03:00",
        "maintenance_window": "sun:03:30-sun:04:30",
        "parameters": {},
    },
}
FOUND: dict[str, Any] = {
    "zones": ["eu-central-1a", "eu-central-1b"],
    "networks": [],
    "instance_types": {"t3.small": {"vcpus": 2, "architectures": ["x86_64"]}},
    "disks": {},
    "hosted_zones": ["example.org"],
    "engine_versions": ["16.9", "17.5"],
    "database_classes": ["db.t4g.small"],
    "parameters": ["work_mem", "rds.force_ssl"],
    "quotas": {"vcpus": 32, "addresses": 5, "networks": 5, "databases": 40},
    "used": {"vcpus": 4, "addresses": 1, "networks": 1, "databases": 1},
}


def put(mapping: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one value changed."""
    made = copy.deepcopy(mapping)
    *way, last = path.split("/")
    at = made
    for key in way:
        at = at[int(key) if isinstance(at, list) else key]
    at[last] = value
    return made


def test_good_settings_are_taken() -> None:
    assert problems.problems(SETTINGS, FOUND) == []
    # Nothing could be asked.
    assert problems.problems(SETTINGS, {}) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("name", "Shop Production", "small letters, digits and single hyphens"),
        ("name", "", "env_<environment>"),
        ("name", "a-very-long-name-of-a-project-x", "longer than 28"),
        ("files", "nfs", "choose efs or none"),
        ("network/cidr", "10.20.0.0/33", "is no network"),
        ("network/cidr", "8.8.0.0/16", "give a private network"),
        ("network/access", "ssh", "choose operators, endpoint or none"),
        ("network/nat", "two", "choose none, one or per_zone"),
        ("network/subnets/1/cidr", "10.20.0.0/20", "overlap: give each a range of its own"),
        ("network/subnets/1/cidr", "10.99.0.0/20", "lies outside of aws_network_cidr"),
        ("network/subnets/1/zone", "eu-central-1z", "which this account has not"),
        ("network/subnets/1/public", False, "two zones each"),
        ("fleet/hosts/web1/type", "t3.gigantic", "no instance type of this region"),
        ("fleet/architecture", "arm64", "choose two that fit"),
        ("fleet/hosts/web1/subnet", "private-a", "reaches no package server"),
        ("fleet/hosts/web1/subnet", "public-c", "choose from public-a"),
        ("fleet/hosts/web1/disk_gb", 4, "from 8 to"),
        ("fleet/hosts/web1", {"groups": ["web"]}, "lacks type, disk_gb, subnet"),
        ("fleet/hosts/web1/groups", ["wbe"], "choose from web, database"),
        ("fleet/hosts/web1/groups", ["web", "database"], "a host of the group database"),
        ("fleet/entrance", "balancer", "aws_fleet_certificate is empty"),
        ("fleet/entrance", "balancer", "write nginx_tls_mode: none"),
        ("fleet/public_key", "", "public SSH key"),
        ("fleet/zone", "example.net", "no public hosted zone"),
        ("database/engine_version", "9.6", "choose from 16, 17"),
        ("database/class", "db.t4g.tiny", "no class for this version and region"),
        ("database/storage_gb", 10, "gp3 has from 20"),
        ("database/public", True, "never reached from outside"),
        ("database/retention_days", 0, "give 1 to 35"),
        ("database/backup_window", "2-3", "02:00-03:00"),
        ("database/maintenance_window", "sunday", "sun:03:30-sun:04:30"),
        ("database/maintenance_window", "sun:02:30-sun:03:30", "overlap, which RDS refuses"),
        ("database/backup_window", "23:30-00:30", ""),
        ("database/parameters", {"work_memm": 1}, "near are work_mem"),
        ("database/parameters", {"rds.force_ssl": 0}, "Leave it out"),
        ("database/iops", 6000, "below 400 GiB"),
    ],
)
def test_what_aws_would_refuse_is_refused_with_the_remedy(path: str, value: Any, said: str) -> None:
    found = " ".join(problems.problems(put(SETTINGS, path, value), FOUND))
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    ("storage", "iops", "throughput", "said"),
    [
        (400, 0, 0, ""),
        (400, 12000, 500, ""),
        (400, 12000, 0, "both together"),
        (400, 3000, 500, "both together"),
        (400, 80000, 500, "at most 64000"),
        (400, 12000, 4000, "at least 16000 IOPS"),
    ],
)
def test_gp3_from_400_gib_on_takes_iops_and_throughput_together(
    storage: int, iops: int, throughput: int, said: str
) -> None:
    own = put(
        SETTINGS, "database", {**SETTINGS["database"], "storage_gb": storage, "iops": iops, "throughput": throughput}
    )
    found = " ".join(problems.problems(own, FOUND))
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("database", {"storage_gb": 50, "engine_version": "17.5"}, "RDS shrinks no storage. Write 50 or more"),
        ("database", {"storage_gb": 20, "engine_version": "18.1"}, "no version goes back"),
        ("database", {"storage_gb": 19, "engine_version": "17.5"}, "would make 21 of it. Write 21 or more"),
        ("instance_types/t3.small", {"vcpus": 2, "memory_mb": 512, "architectures": ["x86_64"]}, "512 MiB of memory"),
        ("disks", {"web1": 60}, "AWS shrinks none. Write 60 or more"),
        ("networks", [{"cidr": "10.20.128.0/20", "name": "office"}], "of the VPC office"),
        ("quotas", {"vcpus": 5}, "needs 2 more"),
        ("quotas", {"vcpus": 5}, "--service-code ec2 --quota-code L-1216C47A --desired-value 6"),
        ("quotas", {"databases": 1}, "instances of RDS"),
        ("quotas", {"addresses": 1}, "Elastic IP addresses"),
    ],
)
def test_what_the_account_has_is_respected(path: str, value: Any, said: str) -> None:
    assert said in " ".join(problems.problems(SETTINGS, put(FOUND, path, value)))


def test_a_host_that_is_there_needs_no_quota() -> None:
    there = {
        **FOUND,
        "disks": {"web1": 30},
        "network_is_there": True,
        "quotas": {"vcpus": 4, "addresses": 1, "networks": 1},
    }
    assert problems.problems(SETTINGS, there) == []


def test_a_larger_type_needs_the_difference() -> None:
    there = {
        **FOUND,
        "instance_types": {"t3.small": {"vcpus": 8, "architectures": ["x86_64"]}},
        "disks": {"web1": 30},
        "vcpus": {"web1": 2},
        "network_is_there": True,
        "quotas": {"vcpus": 9},
    }
    (problem,) = problems.problems(SETTINGS, there)
    assert "may have 9 vCPUs of standard instances, uses 4, and this environment needs 6 more" in problem
    assert problems.problems(SETTINGS, {**there, "quotas": {"vcpus": 10}}) == []


def test_a_balancer_that_is_not_there_needs_a_quota() -> None:
    balanced = {
        **SETTINGS,
        "fleet": {**SETTINGS["fleet"], "entrance": "balancer", "certificate": "arn:aws:acm:x", "tls_mode": "none"},
    }
    balanced["fleet"]["trusted_proxies"] = ["10.20.0.0/20"]
    full = {**FOUND, "quotas": {"balancers": 50}, "used": {"balancers": 50}}
    (problem,) = problems.problems(balanced, full)
    assert "Application Load Balancers" in problem
    assert problems.problems(balanced, {**full, "network_is_there": True}) == []


@pytest.mark.parametrize(
    ("environment", "rehearsal", "is_a_test", "said"),
    [
        ({}, False, False, ""),
        ({"AWS_PROFILE": "shop"}, False, False, ""),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}, False, False, "this inventory is no rehearsal's"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:5000"}, False, False, "AWS_ENDPOINT_URL_S3"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}, True, False, ""),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}, False, True, ""),
        ({"AWS_ENDPOINT_URL": "https://ec2.amazonaws.com"}, True, False, "has to be of this machine"),
        ({}, True, False, "would reach the real AWS"),
        ({}, False, True, "would reach the real AWS"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:5", "EC2_URL": "https://ec2.amazonaws.com"}, True, False, "EC2_URL"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1.example.org"}, True, False, "has to be of this machine"),
    ],
)
def test_a_rehearsal_never_reaches_aws_and_no_other_run_an_endpoint(
    environment: dict[str, str], rehearsal: bool, is_a_test: bool, said: str
) -> None:
    found = " ".join(problems.endpoint_problems(environment, rehearsal, is_a_test))
    assert said in found
    assert bool(said) == bool(found)


GROUP = {"min": 2, "max": 6, "most": 7, "cpu_percent": 60, "type": "t3.small", "disk_gb": 30, "subnets": ["public-a"]}


def autoscaling(image: str, found: dict[str, Any] | None = None, **group: Any) -> list[str]:
    fleet = {**SETTINGS["fleet"], "autoscaling": {**GROUP, **group}, "image": image}
    return problems.problems({**SETTINGS, "fleet": fleet}, {**FOUND, **(found or {})})


def test_instances_that_nobody_configures_need_an_image_that_serves_alone() -> None:
    assert autoscaling("ami-1", {"image": {"Follows": "bucket"}}) == []
    # The account could not be asked.
    assert autoscaling("ami-1") == []
    assert "needs an image that its instances start from: run site.yml" in autoscaling("")[0]
    assert "ami-1, which is no image of this account" in autoscaling("ami-1", {"image": {}})[0]
    assert "was baked before its host was prepared for it" in autoscaling("ami-1", {"image": {"Name": "web"}})[0]


def test_instances_of_the_group_count_as_hosts_do() -> None:
    assert "its instances are t9.small, which is no type of this region" in autoscaling("ami-1", type="t9.small")[0]
    arm = {"instance_types": {**FOUND["instance_types"], "t4g.small": {"vcpus": 2, "architectures": ["arm64"]}}}
    assert "aws_fleet_architecture is x86_64" in autoscaling("ami-1", arm, type="t4g.small")[0]
    # 4 are used, web1 needs 2, and 7 instances 14.
    assert "uses 4, and this environment needs 16 more" in autoscaling("ami-1", {"quotas": {"vcpus": 19}})[0]
    assert autoscaling("ami-1", {"quotas": {"vcpus": 20}}) == []
    assert autoscaling("ami-1", {"quotas": {"vcpus": 16}, "autoscaled_vcpus": 4}) == []
