# SPDX-License-Identifier: MIT
"""Live values of the kernel. Knows /proc/sys; the file that keeps a value over a reboot is a file like any other."""

from __future__ import annotations

import os
import re
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError

PROC_SYS = "/proc/sys"


def compare(values: dict[str, Any], check_mode: bool) -> dict[str, tuple[str, str]]:
    """The keys whose live value is another one: what it is, and what is wanted."""
    different = {}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise HostConfigError(f"sysctl: {name}: write a number or a string instead of {value!r}.")
        wanted = " ".join(str(value).split())
        path = path_of(name)
        if not os.path.isfile(path):
            if check_mode and not os.path.isdir(PROC_SYS):
                continue
            raise HostConfigError(f"sysctl: this kernel has no key {name!r} ({path}). Correct it, or load its module.")
        current = read(path)
        if current != wanted:
            different[name] = (current, wanted)
    return different


def write(name: str, wanted: str) -> None:
    """Set a live value and make sure that the kernel took it."""
    path = path_of(name)
    try:
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(wanted + "\n")
    except OSError as error:
        raise HostConfigError(f"sysctl: the kernel refused {name} = {wanted}: {error.strerror}.") from error
    kept = read(path)
    if kept != wanted:
        raise HostConfigError(f"sysctl: the kernel made {kept!r} of {name} = {wanted}. Write that value instead.")


def read(path: str) -> str:
    """Live value, with single spaces where the kernel prints tabs."""
    with open(path, encoding="utf-8") as stream:
        return " ".join(stream.read().split())


def path_of(name: str) -> str:
    """Path of a key; with dots as separators a slash stands for a dot within a part, as sysctl(8) has it."""
    separator = re.search(r"[./]", name)
    if separator and separator.group() == ".":
        name = name.translate(str.maketrans("./", "/."))
    if ".." in name.split("/"):
        raise HostConfigError(f"sysctl: {name!r} is not a key.")
    return os.path.join(PROC_SYS, name.lstrip("/"))
