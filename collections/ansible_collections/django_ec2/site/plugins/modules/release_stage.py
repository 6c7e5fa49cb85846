#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Bring a release to a host and into its idle slot."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_stage
short_description: Bring a release to a host and into its idle slot, so that it could start
description:
  - Ships the archives of a release and of its layer where they are missing, unpacks them, compiles the bytecode, writes the slot's
    environment, runs the release's own commands and makes its static files ready for nginx. Nothing of it changes what
    visitors get.
  - Releases that need the same packages share one layer, with its virtual environment. It is shipped once.
  - Static files that an earlier release has, too, are taken over with their compressed variants; the others get a C(.gz) and a
    C(.br) beside them, for nginx's C(gzip_static) and C(brotli_static). All are linked into a directory that the kept releases
    share, so that a page of the release before still finds its assets.
  - A release that is there is compared with what was shipped, contents too, and what somebody changed is put back.
  - What an interrupted run left is begun anew. A run whose controller was killed goes on on the
    host all the same; this one waits for it.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  root:
    description: Its directory.
    type: path
    required: true
  user:
    description: The application's user; its group of the same name may read the release.
    type: str
    required: true
  release:
    description: The release's id.
    type: str
    required: true
  layer:
    description: Id of the layer with its packages; empty for a release that is on the host already.
    type: str
    default: ""
  archive:
    description: The release's archive on the controller. It is shipped where the release is missing.
    type: path
  layer_archive:
    description: The layer's archive on the controller. It is shipped where the layer is missing.
    type: path
  slot:
    description: The slot that it goes into, which is not live.
    type: str
    choices: [blue, green]
    required: true
  socket:
    description: Where the slot's server listens. A link of the same name in the slot leads there.
    type: path
    required: true
  socket_name:
    description: Name of that link.
    type: str
    required: true
  environment:
    description: The environment file of the application.
    type: str
    required: true
  owner_environment:
    description: The environment file for commands that use the database as its owner.
    type: str
    required: true
  manage:
    description: The application's manage command on the host.
    type: path
    required: true
  commands:
    description: The release's own commands, each a list of words after C(manage.py).
    type: list
    elements: list
    default: []
  writable:
    description: What of the release the application may write while those commands run.
    type: list
    elements: str
    default: [static]
  static_shared:
    description: The directory that holds the static files of all kept releases, on the same file system.
    type: path
    required: true
  remove:
    description: Releases to remove before the new one comes.
    type: list
    elements: str
    default: []
  gate:
    description: Whether to ask the release which migrations it has and which the database lacks.
    type: bool
    default: false
  python:
    description: The interpreter that the virtual environment is made with.
    type: path
    default: /usr/bin/python3
  wait:
    description: Seconds to wait for another one who brings releases of this application here.
    type: int
    default: 300
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is shipped and nothing written.
"""

EXAMPLES = r"""
- name: Stage a release
  django_ec2.site.release_stage:
    name: board
    root: /srv/board
    user: board
    release: 4be1d2c3a4f5
    layer: 77aa00bb11cc
    archive: build/releases/board/4be1d2c3a4f5.tar.gz
    layer_archive: build/releases/board/layers/77aa00bb11cc.tar.gz
    slot: green
    socket: /run/server-board/green/server.sock
    socket_name: server.sock
    environment: "{{ environment }}"
    owner_environment: "{{ owner_environment }}"
    manage: /usr/local/sbin/board-manage
    commands: [[collectstatic, --noinput]]
    static_shared: /srv/board/shared/static
"""

RETURN = r"""
unpacked:
  description: Ids of the layer and the release that were not here.
  returned: success
  type: list
  elements: str
removed:
  description: Ids of the releases and layers that were removed.
  returned: success
  type: list
  elements: str
mended:
  description: Paths below O(root) that were not as they were shipped, and were put back.
  returned: success
  type: list
  elements: str
finished:
  description: Whether the release's commands were run now.
  returned: success
  type: bool
static:
  description: How many static files there are, how many an earlier release had, how many were compressed and removed.
  returned: when its commands were run
  type: dict
  sample: {files: 130, unchanged: 128, compressed: 2, removed: 0}
gate:
  description: What the release says of its migrations; see support/release_gate.py. An C(error) where it cannot.
  returned: success
  type: dict
  sample: {migrations: {board.0001_initial: []}, plan: []}
seconds:
  description: How long each step took.
  returned: success
  type: dict
  sample: {unpack: 0.4, commands: 1.3, publish: 0.3}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.room import explain
from ansible_collections.django_ec2.site.plugins.module_utils.release.stage import Stage


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "release": {"type": "str", "required": True},
            "layer": {"type": "str", "default": ""},
            "archive": {"type": "path"},
            "layer_archive": {"type": "path"},
            "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
            "socket": {"type": "path", "required": True},
            "socket_name": {"type": "str", "required": True},
            "environment": {"type": "str", "required": True, "no_log": True},
            "owner_environment": {"type": "str", "required": True, "no_log": True},
            "manage": {"type": "path", "required": True},
            "commands": {"type": "list", "elements": "list", "default": []},
            "writable": {"type": "list", "elements": "str", "default": ["static"]},
            "static_shared": {"type": "path", "required": True},
            "remove": {"type": "list", "elements": "str", "default": []},
            "gate": {"type": "bool", "default": False},
            "python": {"type": "path", "default": "/usr/bin/python3"},
            "wait": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, unpacked=[], removed=[], mended=[], finished=False, gate={}, seconds={})
    stage = Stage(module.params, brotli=module.get_bin_path("brotli") is not None)
    try:
        module.exit_json(changed=True, **stage.run())
    except (Refusal, OSError, KeyError) as error:
        said = explain(error, module.params["root"]) if isinstance(error, OSError) else str(error)
        module.fail_json(msg=f"Release {module.params['release']} of {module.params['name']} cannot be staged: {said}")


if __name__ == "__main__":
    main()
