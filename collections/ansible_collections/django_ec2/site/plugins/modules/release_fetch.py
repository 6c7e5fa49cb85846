#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Take a release from a host that has it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_fetch
short_description: Take the archives of a release and its layer from a host to the controller
description:
  - Hosts keep the archives that their releases were made of. A host that is new gets the release of the others from there, byte
    for byte, and a controller that has built nothing need not build it again.
  - A host is not asked for what lies on the controller already.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  root:
    description: Its directory on the host.
    type: path
    required: true
  release:
    description: The release's id; empty takes the layer alone.
    type: str
    default: ""
  layer:
    description: Id of the layer; empty for a release that carries its packages itself.
    type: str
    default: ""
  directory:
    description: Where builds are kept on the controller.
    type: path
    required: true
  place:
    description: The directory on the host that the archives are copied into; the action plugin says it. Not for use in playbooks.
    type: path
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Fetches in check mode too; no host is changed.
"""

EXAMPLES = r"""
- name: Take the live release from a host that has it
  django_ec2.site.release_fetch:
    name: board
    root: /srv/board
    release: 4be1d2c3a4f5
    layer: 77aa00bb11cc
    directory: /srv/checkout/build/releases
  delegate_to: web1
"""

RETURN = r"""
archive:
  description: Path of the release's archive on the controller; empty where the host keeps none.
  type: str
  returned: success
layer:
  description: Id of the layer.
  type: str
  returned: success
layer_archive:
  description: Path of the layer's archive on the controller; empty without one.
  type: str
  returned: success
fetched:
  description: Whether something was taken from the host now.
  type: bool
  returned: success
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.fetch import hand_out


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "release": {"type": "str", "default": ""},
            "layer": {"type": "str", "default": ""},
            "directory": {"type": "path", "required": True},
            "place": {"type": "path"},
        },
        supports_check_mode=True,
    )
    given = module.params
    root, place = Path(given["root"]), Path(given["place"])
    found = {}
    if given["release"]:
        found["release"] = hand_out(root / "releases" / given["release"], "release.json", place / "release.tar.gz")
    if given["layer"]:
        found["layer"] = hand_out(root / "layers" / given["layer"], "layer.json", place / "layer.tar.gz")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
