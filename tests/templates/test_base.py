"""Settings of the kernel: a host of its own gets them, and a container's machine keeps what it has."""

from __future__ import annotations

from typing import Any

from render import evaluate, render

WANTED = {"kernel.kptr_restrict": 2, "net.ipv4.conf.all.rp_filter": 2}


def facts(*guest: str) -> dict[str, Any]:
    return {
        "ansible_facts": {
            "virtualization_tech_guest": list(guest),
            "distribution": "Debian",
            "distribution_major_version": "13",
        }
    }


def test_an_instance_gets_the_settings_and_a_container_none() -> None:
    for guest in ((), ("kvm",)):
        found = evaluate("base", "__base_own_sysctl", **facts(*guest))
        assert found.items() >= WANTED.items()
    assert evaluate("base", "__base_own_sysctl", **facts("container", "podman")) == {}


def test_the_file_has_a_line_for_each() -> None:
    lines = render("base", "sysctl.conf.j2", **facts("kvm"), base_sysctl={"vm.swappiness": 10, **WANTED}).splitlines()
    assert lines[-3:] == ["kernel.kptr_restrict = 2", "net.ipv4.conf.all.rp_filter = 2", "vm.swappiness = 10"]
