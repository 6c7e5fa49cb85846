#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Unpack a release beside the others."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_unpack
short_description: Unpack a release beside the others, with its own virtual environment and bytecode
description:
  - Brings an archive from the controller to the host and unpacks it into C(releases/<release>) of the application's
    directory. Then makes the virtual environment around its packages, without pip, and compiles the bytecode, which the
    application may not write.
  - A release that is complete is left as it is; one that an interrupted run left is begun anew. A run whose controller was
    killed goes on unpacking on the host all the same; this one waits for it.
  - A release that cannot be unpacked is removed again, so that it takes no room.
options:
  archive:
    description: The release's archive (C(.tar.gz)) on the controller.
    type: path
    required: true
  root:
    description: Directory of the application.
    type: path
    required: true
  release:
    description: The release's name.
    type: str
    required: true
  group:
    description: Group of the application's user, which may read the release.
    type: str
    required: true
  python:
    description: The interpreter that the virtual environment is made with.
    type: path
    default: /usr/bin/python3
  wait:
    description: Seconds to wait for another one who unpacks releases of this application here.
    type: int
    default: 300
author:
  - The maintainers
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: Unpack a release
  django_ec2.site.release_unpack:
    archive: build/releases/board-4be1d2c3a4f5.tar.gz
    root: /srv/board
    release: 4be1d2c3a4f5
    group: board
"""

RETURN = r"""
seconds:
  description: How long it took on the host.
  returned: changed
  type: float
"""

import grp
import os
import shutil
import subprocess
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.locks import lock


class Refusal(Exception):
    """What is told to the user."""


def run(what: str, words: list[str], good: tuple[int, ...] = (0,)) -> None:
    """Run a command; one that fails is told with the end of what it said."""
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode not in good:
        raise Refusal(f"{what} failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def unpack(given: dict, place: Path) -> None:
    """From nothing, or what an interrupted run left, to a complete release."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o750)
    os.chown(place, 0, grp.getgrnam(given["group"]).gr_gid)
    archive = ["--gzip", "--file", given["archive"]]
    run("Unpacking the archive", ["tar", "--extract", "--no-same-owner", *archive, "--directory", str(place)])
    venv = place / "venv"
    run("Making the virtual environment", [given["python"], "-m", "venv", "--without-pip", str(venv)])
    # 1: some file is no valid Python. Packages carry such files; one that is imported stops the start of the release.
    run(
        "Compiling the bytecode",
        [str(venv / "bin/python"), "-m", "compileall", "-q", "-j", "2", str(place / "app"), str(venv / "lib")],
        good=(0, 1),
    )
    (place / ".complete").touch(mode=0o644)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "archive": {"type": "path", "required": True},
            "root": {"type": "path", "required": True},
            "release": {"type": "str", "required": True},
            "group": {"type": "str", "required": True},
            "python": {"type": "path", "default": "/usr/bin/python3"},
            "wait": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    given = module.params
    began = time.monotonic()
    place = Path(given["root"], "releases", given["release"])
    if (place / ".complete").exists():
        module.exit_json(changed=False)
    if module.check_mode:
        module.exit_json(changed=True)
    os.umask(0o022)
    # What serves comes first.
    os.nice(10)
    try:
        with Path(given["root"], "unpack.lock").open("a") as handle:
            if not lock(handle, given["wait"]):
                raise Refusal(f"another run has been unpacking here for more than {given['wait']} seconds: try again.")
            changed = not (place / ".complete").exists()
            if changed:
                try:
                    unpack(given, place)
                except (Refusal, OSError):
                    shutil.rmtree(place, ignore_errors=True)
                    raise
    except (Refusal, OSError, KeyError) as error:
        module.fail_json(msg=f"{given['release']} could not be unpacked into {place}: {error}")
    module.exit_json(changed=changed, seconds=round(time.monotonic() - began, 2))


if __name__ == "__main__":
    main()
