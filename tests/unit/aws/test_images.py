"""Of which host an image is baked, and which images go."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.module_utils import ec2_console
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws.images import source, surplus


def host(name: str, role: str = "web", state: str = "running") -> dict[str, Any]:
    return {"instance_id": f"i-{name}", "state": {"name": state}, "tags": {"Name": name, "Role": role}}


def test_the_last_host_that_runs_and_is_web_alone() -> None:
    """Services that run once in a site run on the first one."""
    hosts = [host("web2"), host("web1"), host("web3", state="stopped"), host("web4", role="web database")]
    assert source(hosts)["instance_id"] == "i-web2"
    assert source(hosts, "web1")["instance_id"] == "i-web1"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("web9", "AWS has no web host of this name: choose from web1"),
        ("all1", "would have their data"),
        ("web2", "web2 does not run: start it by playbooks/aws_power.yml"),
    ],
)
def test_a_host_of_which_none_is_made_is_refused_with_what_to_do(asked: str, said: str) -> None:
    hosts = [host("web1"), host("all1", role="web database"), host("web2", state="stopped")]
    with pytest.raises(AnsibleFilterError, match=said):
        source(hosts, asked)


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ([], "has no host that is in web alone"),
        ([host("all1", role="database web")], "all1 has no host that is in web alone"),
        ([host("web1", state="stopped")], "web1 does not run"),
    ],
)
def test_an_environment_without_such_a_host_is_refused(hosts: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        source(hosts)


def test_the_newest_images_stay_and_the_one_that_the_settings_name() -> None:
    images = [{"image_id": f"ami-{day}", "name": f"n{day}", "creation_date": f"2026-11-0{day}"} for day in (1, 3, 2, 4)]
    assert surplus(images, 2) == ["ami-2", "ami-1"]
    assert surplus(images, 2, "ami-1") == ["ami-2"]
    assert surplus(images, -1) == ["ami-4", "ami-3", "ami-2", "ami-1"]


def test_the_line_of_a_console_is_found_behind_what_cloud_init_and_the_kernel_write() -> None:
    console = "+ echo image-sealed ${live}\r\n[   12.5] cloud-init[512]: image-sealed board=4be1 \r\nmore\r\n"
    assert ec2_console.said(console, "image-sealed") == "board=4be1"
    assert ec2_console.said("nothing of it", "image-sealed") is None


def test_a_console_that_does_not_say_it_ends_the_wait_with_its_last_lines() -> None:
    class Client:
        def get_console_output(self, InstanceId: str) -> dict[str, str]:
            return {"Output": f"{InstanceId}\nKernel panic"}

    with pytest.raises(ec2_console.ConsoleError, match="Kernel panic"):
        ec2_console.wait(Client(), "i-1", "image-sealed", 0)
