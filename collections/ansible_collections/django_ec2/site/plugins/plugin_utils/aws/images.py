# SPDX-License-Identifier: MIT
"""Images of web hosts: of which host one is baked, and which ones go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def source(instances: Iterable[Mapping[str, Any]], asked: str = "") -> Mapping[str, Any]:
    """The instance of which an image is made.

    Args:
        instances: those with the group web, as ``amazon.aws.ec2_instance_info`` describes them.
        asked: name of the host; empty takes the last one by name, as services that run once in a site run on the first one.

    Raises:
        AnsibleFilterError: there is none; the message says what to do.
    """
    hosts = {one["tags"]["Name"]: one for one in instances if one["tags"].get("Name")}
    pure = {name: one for name, one in hosts.items() if one["tags"].get("Role", "").split() == ["web"]}
    running = sorted(name for name, one in pure.items() if one["state"]["name"] == "running")
    if asked and asked not in hosts:
        raise AnsibleFilterError(
            f"host is {asked}, and AWS has no web host of this name: choose from {', '.join(running) or 'none'}, or run "
            "playbooks/aws_provision.yml, which makes what is missing."
        )
    if (asked and asked not in pure) or not pure:
        named = asked or ", ".join(sorted(hosts)) or "The environment"
        raise AnsibleFilterError(
            f"{named} has no host that is in web alone, and an image of one with a database, Redis or backups would have their data: "
            "give aws_fleet_hosts a host with groups: [web], as the preset small does, and run playbooks/aws_provision.yml and site.yml."
        )
    if asked not in (running if asked else [""]) or not running:
        raise AnsibleFilterError(
            f"{asked or ', '.join(sorted(pure))} does not run: start it by playbooks/aws_power.yml -e power=running."
        )
    return pure[asked or running[-1]]


def surplus(images: Iterable[Mapping[str, Any]], kept: int, pinned: str = "") -> list[str]:
    """Ids of the images that go: all but the newest ones, and never the one that the settings name.

    Args:
        images: the environment's, as ``amazon.aws.ec2_ami_info`` describes them.
        kept: how many stay.
        pinned: id of the one that new hosts start from; empty for none.
    """
    newest = sorted(images, key=lambda one: (one["creation_date"], one["name"]), reverse=True)
    return [one["image_id"] for one in newest[max(0, kept) :] if one["image_id"] != pinned]
