"""The lab's settings: what is read from the environment, which network and addresses are taken, and what a refusal says."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.core import network as lab_network
from lab.core.settings import LabError, Settings, from_environment


def settings(**environment: str) -> Settings:
    return from_environment(environment)


def test_the_defaults(root: Path) -> None:
    lab = settings()
    assert (lab.name, lab.suite, lab.port, lab.subnet) == ("lab", "trixie", 8443, None)
    assert lab.inventory == root / "inventory" / "lab"
    assert lab.directory == root / ".lab" / "lab"


def test_empty_values_count_as_not_set() -> None:
    lab = settings(LAB_NAME="", LAB_SUITE="", LAB_PORT="", LAB_SUBNET="", LAB="")
    assert (lab.name, lab.suite, lab.port, lab.subnet) == ("lab", "trixie", 8443, None)


def test_everything_may_be_set(tmp_path: Path) -> None:
    lab = settings(LAB_NAME="two", LAB_SUITE="bookworm", LAB_PORT="0", LAB_SUBNET="10.90.7.0/24", LAB=f"{tmp_path}")
    assert (lab.name, lab.suite, lab.port) == ("two", "bookworm", 0)
    assert lab.subnet == ipaddress.IPv4Network("10.90.7.0/24")
    assert lab.inventory == tmp_path


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LAB_NAME": "My Lab"}, "use up to 20 small letters"),
        ({"LAB_NAME": "a" * 21}, "use up to 20 small letters"),
        ({"LAB_NAME": "../x"}, "use up to 20 small letters"),
        ({"LAB_SUITE": "sid"}, "choose bookworm or trixie"),
        ({"LAB_PORT": "https"}, "give a number from 1 to 65535"),
        ({"LAB_PORT": "65536"}, "give a number from 1 to 65535"),
        ({"LAB_PORT": "-1"}, "give a number from 1 to 65535"),
        ({"LAB_PORT": "²"}, "give a number from 1 to 65535"),
        ({"LAB_SUBNET": "10.90.7.1/24"}, "is no network"),
        ({"LAB_SUBNET": "fd00::/64"}, "is no network"),
        ({"LAB_SUBNET": "10.90.0.0/16"}, "with a /24 mask"),
        ({"LAB_SUBNET": "8.8.8.0/24"}, "a private network"),
        ({"LAB": "nowhere"}, "names no inventory: choose one of lab"),
        ({"LAB": "/absent/inventory"}, "names no inventory"),
    ],
)
def test_what_will_not_do_is_refused_with_what_will(environment: dict[str, str], words: str) -> None:
    with pytest.raises(LabError) as caught:
        from_environment(environment)
    (name, value) = next(iter(environment.items()))
    assert f"{name}={value}" in str(caught.value)
    assert words in str(caught.value)


class Podman:
    """Stands for Podman: knows networks."""

    def __init__(self, **networks: str) -> None:
        self._networks = [{"name": name, "subnets": [{"subnet": subnet}]} for name, subnet in networks.items()]

    def networks(self, *_filters: str) -> list[dict[str, Any]]:
        return self._networks


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The routes of this machine, as `ip -json route` would tell."""
    known: list[dict[str, str]] = [{"dst": "default", "gateway": "192.0.2.1"}, {"dst": "192.0.2.0/24"}]
    monkeypatch.setattr(
        lab_network,
        "run",
        lambda words, **_more: subprocess.CompletedProcess(words, 0, stdout=json.dumps(known), stderr=""),
    )
    return known


@pytest.mark.usefixtures("routes")
def test_a_lab_takes_the_same_free_network_each_time() -> None:
    first = lab_network.choose_subnet(settings(), Podman())
    assert first == lab_network.choose_subnet(settings(), Podman())
    assert first.subnet_of(ipaddress.IPv4Network("10.89.0.0/16"))
    assert first.prefixlen == 24


def test_labs_route_around_each_other_and_around_what_is_in_use(routes: list[dict[str, str]]) -> None:
    first = lab_network.choose_subnet(settings(), Podman())
    second = lab_network.choose_subnet(settings(), Podman(other=str(first)))
    assert not second.overlaps(first)
    routes.append({"dst": str(second)})
    assert not lab_network.choose_subnet(settings(), Podman(other=str(first))).overlaps(second)
    assert lab_network.choose_subnet(settings(), Podman(lab=str(first))) == first, "its own network is no obstacle"


def test_a_network_that_was_asked_for_and_is_in_use_is_refused(routes: list[dict[str, str]]) -> None:
    assert str(lab_network.choose_subnet(settings(LAB_SUBNET="10.90.7.0/24"), Podman())) == "10.90.7.0/24"
    routes.append({"dst": "10.90.0.0/16"})
    with pytest.raises(LabError, match=r"overlaps 10\.90\.0\.0/16, which is in use: give another, or none"):
        lab_network.choose_subnet(settings(LAB_SUBNET="10.90.7.0/24"), Podman())


def test_no_free_network_says_what_to_give(routes: list[dict[str, str]]) -> None:
    routes.append({"dst": "10.0.0.0/8"})
    with pytest.raises(LabError, match="give one with LAB_SUBNET="):
        lab_network.choose_subnet(settings(), Podman())


def test_hosts_keep_their_addresses_and_new_ones_take_free_ones() -> None:
    network = ipaddress.IPv4Network("10.90.7.0/24")
    assert lab_network.assign_addresses(["db1", "web1", "web2"], network, {"web1": "10.90.7.11"}) == {
        "db1": "10.90.7.12",
        "web1": "10.90.7.11",
        "web2": "10.90.7.13",
    }


def test_an_address_that_became_free_is_given_again_and_those_of_others_are_not() -> None:
    network = ipaddress.IPv4Network("10.90.7.0/24")
    taken = {"web2": "10.90.7.12", "db1": "10.90.7.13"}
    assert lab_network.assign_addresses(["web2", "web3", "web4"], network, taken) == {
        "web2": "10.90.7.12",
        "web3": "10.90.7.11",
        "web4": "10.90.7.14",
    }


def test_more_hosts_than_addresses_are_refused() -> None:
    network = ipaddress.IPv4Network("10.90.7.0/24")
    names = [f"web{number}" for number in range(245)]
    assert len(set(lab_network.assign_addresses(names[:244], network, {}).values())) == 244
    with pytest.raises(LabError, match=r"10\.90\.7\.0/24 has no address left for web244"):
        lab_network.assign_addresses(names, network, {})
