# SPDX-License-Identifier: MIT
"""What a host gets so that hosts which start from an image of it follow the bucket: the program, and what it knows of each application."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils import release
from ansible_collections.django_ec2.site.plugins.module_utils.release.follow import RELEASE, SLOT
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.environment import application_environment
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import releases
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.target import target_of
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.units import here

# What the program imports of the collection, which hosts have not.
PROGRAM = (
    "__init__", "alone", "bucket", "checks", "commands", "deploy_lock", "drain", "follow", "lock", "manifest", "mend", "owed", "ownership",
    "question", "room", "services", "slots", "stage", "static", "switch", "transfers", "unpack",
)  # fmt: skip
SLOTS = ("blue", "green")


def program_files(directory: str) -> list[dict[str, str]]:
    """The program as entries of host_config's ``files``: the modules of the collection, imported by their short names."""
    package = Path(next(iter(release.__path__)))
    prefix = release.__name__.removesuffix("release")
    return [
        {"path": f"{directory}/release/{name}.py", "content": (package / f"{name}.py").read_text().replace(prefix, "")}
        for name in PROGRAM
    ]


def program_directories(directory: str) -> list[dict[str, str]]:
    """The directories that ``program_files`` go to."""
    return [{"path": directory}, {"path": f"{directory}/release"}]


def description(
    applications: Iterable[Mapping[str, Any]],
    endpoints: Mapping[str, Any],
    redis_urls: Mapping[str, str],
    facts: Mapping[str, Any],
    platform: str,
    settings: Mapping[str, int],
) -> str:
    """What the program knows, as JSON; it has the secrets of the applications.

    Args:
        applications: all of this host, what ``resolve_applications`` returned.
        endpoints: where the database of each is, what ``database_endpoints`` returned.
        redis_urls: where each finds its Redis.
        facts: of this host.
        platform: that releases are built for.
        settings: ``kept``, ``start_timeout`` and ``drain_timeout``, as the options of the role release.
    """
    python, own_platform = target_of(facts, platform)
    nothing = {"releases": {}, "layers": {}, "slots": {}, "live": "", "history": []}
    found = []
    for one in applications:
        archives = {"release": RELEASE, "layer": "", "archive": "", "layer_archive": ""}
        staging = releases.staging(one, archives, nothing, SLOTS[0], 0)
        socket = application_server.socket(one["name"], "{slot}")
        own = (one, endpoints[one["name"]], RELEASE, SLOT)
        redis_url = redis_urls.get(one["name"], "")
        keys = ("name", "root", "user", "socket_name", "manage", "commands", "writable", "static_shared")
        found.append(
            {
                "staging": {**{key: staging[key] for key in keys}, "socket": socket},
                # Singletons run where Ansible does.
                "activation": releases.activation(one, here(one["services"], singletons=False)),
                "environment": application_environment(*own, owner=False, redis_url=redis_url),
                "owner_environment": application_environment(*own, owner=True, redis_url=redis_url),
            }
        )
    told = {"python": python, "platform": own_platform, **settings, "applications": found}
    return json.dumps(told, indent=1, sort_keys=True) + "\n"


def once(applications: Iterable[Mapping[str, Any]]) -> str:
    """The units that run on one host of a site alone, a line each: an image is made without them."""
    lines = []
    for one in applications:
        for process in one["services"]:
            if process["singleton"]:
                unit = names.service_unit(one["name"], process["name"])
                lines += [unit.replace("@.", f"@{slot}.") for slot in SLOTS]
        lines += [names.timer_unit(one["name"], process["name"]) for process in one["timers"] if process["singleton"]]
    return "".join(f"{line}\n" for line in lines)
