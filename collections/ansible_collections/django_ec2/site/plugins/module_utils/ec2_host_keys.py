# SPDX-License-Identifier: MIT
"""Host keys from the consoles of instances, kept as tags."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

TAG = "HostKey"
PAUSE = 5.0
# What cloud-init prints at the first boot.
BLOCK = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
KEY = re.compile(r"ssh-ed25519 [A-Za-z0-9+/]{68}=*")


class HostKeyError(Exception):
    """An instance shows no key; the message names it and what to do."""


def key_in(console: str) -> str:
    """The host key that a console shows, as ``ssh-ed25519 <base64>``; empty while there is none. The newest boot counts."""
    blocks = BLOCK.findall(console)
    found = KEY.search(blocks[-1]) if blocks else None
    return found[0] if found else ""


def without_key(client: Any, instances: Mapping[str, str]) -> dict[str, str]:
    """Those of the instances whose key is no tag yet."""
    filters = [{"Name": "resource-id", "Values": sorted(instances.values())}, {"Name": "key", "Values": [TAG]}]
    known = {one["ResourceId"] for one in client.describe_tags(Filters=filters)["Tags"]}
    return {name: instance for name, instance in instances.items() if instance not in known}


def keep(client: Any, instances: Mapping[str, str], seconds: int) -> None:
    """Wait for the consoles and write the tags.

    Raises:
        HostKeyError: a console shows none within these seconds.
    """
    until = time.monotonic() + seconds
    left = dict(instances)
    while left:
        for name, instance in list(left.items()):
            key = key_in(client.get_console_output(InstanceId=instance).get("Output", ""))
            if key:
                client.create_tags(Resources=[instance], Tags=[{"Key": TAG, "Value": key}])
                del left[name]
        if left and time.monotonic() > until:
            raise HostKeyError(
                f"The console of {', '.join(sorted(left))} shows no SSH host key after {seconds} seconds. See what it says: "
                f"aws ec2 get-console-output --latest --instance-id {next(iter(left.values()))}. An image without cloud-init "
                f"prints none: write the key yourself as the tag {TAG}, as in 'ssh-ed25519 AAAA…', and run it again."
            )
        if left:
            time.sleep(PAUSE)
