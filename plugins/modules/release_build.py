#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Build a release of a Django project on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_build
short_description: Build a release of a Django project for another host's Python
description:
  - Puts the source of a project and every package it needs into one archive, for the Python and the platform of the
    hosts. The release is named by its content; one that was built before is found, without network.
  - Runs on the controller and needs C(uv) there. It changes no host, and builds in check mode too, so that a check can
    tell whether the hosts have the release.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  source:
    description: Directory of the project's source. What git ignores is left out.
    type: path
    required: true
  requirements:
    description: Requirement files, below the source.
    type: list
    elements: str
    default: []
  packages:
    description: Further requirements, in pip's notation.
    type: list
    elements: str
    default: []
  python:
    description: Version of the hosts' Python, as V(3.13).
    type: str
    required: true
  platform:
    description: Platform of the hosts in uv's words, as V(x86_64-manylinux_2_28).
    type: str
    required: true
  directory:
    description: Where builds are kept.
    type: path
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Builds in check mode too; no host is changed.
"""

EXAMPLES = r"""
- name: Build the board
  release_build:
    name: board
    source: /srv/checkout/django_app
    requirements: [requirements.txt]
    python: "3.13"
    platform: x86_64-manylinux_2_28
    directory: /srv/checkout/build/releases
  delegate_to: localhost
"""

RETURN = r"""
release:
  description: Name of the release, twelve hexadecimal digits.
  type: str
  returned: success
archive:
  description: Path of the archive on the controller.
  type: str
  returned: success
size:
  description: Size of the archive in bytes.
  type: int
  returned: success
packages:
  description: The packages that are in it, as C(name==version).
  type: list
  elements: str
  returned: success
built:
  description: Whether it was built now; false when it was found.
  type: bool
  returned: success
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.release import Recipe, ReleaseError, Target, build


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "source": {"type": "path", "required": True},
            "requirements": {"type": "list", "elements": "str", "default": []},
            "packages": {"type": "list", "elements": "str", "default": []},
            "python": {"type": "str", "required": True},
            "platform": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    recipe = Recipe(
        name=given["name"],
        source=Path(given["source"]).resolve(),
        requirements=tuple(given["requirements"]),
        packages=tuple(given["packages"]),
    )
    try:
        result = build(recipe, Target(python=given["python"], platform=given["platform"]), Path(given["directory"]))
    except ReleaseError as error:
        module.fail_json(msg=str(error))
    # No host was changed: a build is a file in the controller's own cache.
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
