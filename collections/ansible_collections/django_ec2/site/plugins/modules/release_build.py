#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Build a release of a Django project on the controller: the documentation. plugins/action/release_build.py does it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_build
short_description: Build a release of a Django project for another host's Python
description:
  - Puts the source of a project into one archive and every package it needs into another, its layer, for the Python and the
    platform of the hosts. Releases that need the same packages share a layer.
  - A release has two names. The input key (source, requirements, commands, target, layout) is known before anything is
    built; the id is the digest of what was built. One that was built before is found, without network.
  - Packages are resolved again when a file that names them changes, or with O(rebuild).
  - Runs on the controller and needs C(uv) there. It changes no host, and builds in check mode too, so that a check can
    tell whether the hosts have the release.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  source:
    description:
      - Directory of the project's source (what git ignores is left out), the URL of a git repository, or the path of a bare one.
    type: str
    required: true
  version:
    description: Branch, tag or commit of a git repository; empty is its default branch.
    type: str
    default: ""
  deploy_key:
    description:
      - Path of the private SSH key that may read the repository, and those that requirements name; empty leaves it to the user's
        own.
    type: str
    default: ""
  requirements:
    description:
      - Requirement files, below the source. C(pyproject.toml) stands for its dependencies, C(uv.lock) for exactly what it
        locks.
      - Left out, the first of C(uv.lock), C(requirements.txt) and C(pyproject.toml) that is there.
    type: list
    elements: str
  extras:
    description: Extras and dependency groups of C(pyproject.toml).
    type: list
    elements: str
    default: []
  build_commands:
    description:
      - Commands that are run in a copy of the source before it is packed. No shell runs them. They find the release's packages in
        a virtual environment of the controller.
    type: list
    elements: str
    default: []
  release_commands:
    description: Commands that a host will run in the release; another list makes another release.
    type: list
    elements: str
    default: []
  support:
    description: Directory of files that the release carries beside the project's own.
    type: path
  packages:
    description: Further requirements, in pip's notation.
    type: list
    elements: str
    default: []
  replace_packages:
    description: Requirements that others take the place of, name to requirement; an empty one leaves it out.
    type: dict
    default: {}
  ignore_requires_python:
    description: Whether a project that asks for another Python than the hosts have is built all the same.
    type: bool
    default: false
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
  layers:
    description:
      - The layers that every host has, by their key, each with its C(layer) and its C(packages). One of them is not built
        again, though its archive is not on this controller.
    type: dict
    default: {}
  rebuild:
    description: Whether to build it and to resolve the packages anew, whatever is there.
    type: bool
    default: false
  key_only:
    description: Whether to say the input key and the version alone, and to build nothing.
    type: bool
    default: false
  keep_going:
    description: Whether a release that can't be built is an answer, RV(problem), so that a loop goes on with the others.
    type: bool
    default: false
  live_source:
    description:
      - With O(key_only), what the source of the live release was, in a run that is no deploy. Only another exact version (a tag, a
        commit) then moves it.
      - Empty in a deploy, and before the first one.
    type: str
    default: ""
  keep_live:
    description: With O(live_source), whether another exact version does not move it either.
    type: bool
    default: false
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Builds in check mode too; no host is changed.
"""

EXAMPLES = r"""
- name: Build the sample application
  django_ec2.site.release_build:
    name: board
    source: /srv/checkout/django_app
    requirements: [requirements.txt]
    python: "3.13"
    platform: x86_64-manylinux_2_28
    directory: /srv/checkout/build/releases
  delegate_to: localhost
"""

RETURN = r"""
problem:
  description: Why it can't be built; nothing else is returned then.
  type: str
  returned: with O(keep_going), when it can't be built
input_key:
  description: The name of everything that goes into the release.
  type: str
  returned: success
key_now:
  description: The input key of the source as it is now; another one than RV(input_key) where the live release stays.
  type: str
  returned: success, with O(key_only)
moves:
  description: Whether the release takes the place of the one that is live.
  type: bool
  returned: success, with O(key_only)
differs:
  description: How the source differs from that of the live release, which stays; empty otherwise.
  type: str
  returned: success, with O(key_only)
commit:
  description: The commit of the live release; empty for one from a directory.
  type: str
  returned: success, with O(key_only)
release:
  description: The release's id, twelve hexadecimal digits of the digest of what was built.
  type: str
  returned: success, without O(key_only)
archive:
  description: Path of the archive on the controller.
  type: str
  returned: success, without O(key_only)
layer:
  description: Id of the layer with its packages.
  type: str
  returned: success, without O(key_only)
layer_key:
  description: The name of what asked for the packages.
  type: str
  returned: success, without O(key_only)
layer_archive:
  description: Path of the layer's archive on the controller; empty where there is none, because the hosts have the layer.
  type: str
  returned: success, without O(key_only)
version:
  description: Version of the source, for people to read; empty when nothing tells it.
  type: str
  returned: success
size:
  description: Size of the archive in bytes.
  type: int
  returned: success, without O(key_only)
packages:
  description: The packages that are in it, as C(name==version).
  type: list
  elements: str
  returned: success, without O(key_only)
built:
  description: Whether it was built now; false when it was found.
  type: bool
  returned: success, without O(key_only)
"""
