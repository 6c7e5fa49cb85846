#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Bring uploads of a site that lived elsewhere into the directory of an application."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: media_import
short_description: Bring an archive of uploads into the directory of an application
description:
  - Adds the files of a tar archive to a directory, as the application's account. What is there with the same bytes stays; what has other
    bytes is moved to O(kept).
  - Files alone are taken. Links, devices, and names that lead out of the archive are left out, and named.
  - A directory C(media) that holds all of the archive stands for the application's own.
options:
  archive:
    description: A tar archive on this host, compressed or not.
    type: path
    required: true
  target:
    description: The application's directory of uploads.
    type: path
    required: true
  user:
    description: The application's account.
    type: str
    required: true
  kept:
    description: Where files go that have other bytes than those of the archive. It is made when it is needed.
    type: path
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Compares sizes alone.
"""

EXAMPLES = r"""
- name: Bring the uploads
  django_ec2.site.media_import:
    archive: /var/lib/database-import/shop/media.tar.gz
    target: /srv/shop/shared/media
    user: shop
    kept: /srv/shop/shared/media-before-20261126T101500Z
"""

RETURN = r"""
lines:
  description: What was found and done, for people.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.media import place


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "archive": {"type": "path", "required": True},
            "target": {"type": "path", "required": True},
            "user": {"type": "str", "required": True},
            "kept": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        found = place(
            Path(given["archive"]), Path(given["target"]), given["user"], Path(given["kept"]), not module.check_mode
        )
    except (Refusal, OSError) as error:
        module.fail_json(msg=f"{str(error).rstrip('.')}.")
    lines = [
        f"Media, {found.bytes / 1e6:.1f} MB: {found.added} new files, {found.same} that are there, {found.replaced} in the place of others."
    ]
    if found.replaced and not module.check_mode:
        lines.append(f"The others are in {given['kept']}.")
    if found.left_out:
        lines.append(f"Left out, as they are no files: {', '.join(found.left_out[:5])} ({len(found.left_out)} in all).")
    module.exit_json(changed=bool(found.added or found.replaced), lines=lines)


if __name__ == "__main__":
    main()
