#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make the collected static files of a release ready for nginx."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: static_publish
short_description: Compress the static files of a release and keep its hashed ones reachable
description:
  - Writes a C(.gz) and a C(.br) beside each file that gets smaller by it, for nginx's C(gzip_static) and
    C(brotli_static).
  - Links the files into a directory that all kept releases share, so that a page of the release before still finds its
    assets, and removes from it what no kept release holds any more.
  - Hands the files to root, so that the application cannot change them.
options:
  directory:
    description: The release's static files.
    type: path
    required: true
  shared:
    description: The directory that all kept releases share, on the same file system.
    type: path
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is written.
"""

EXAMPLES = r"""
- name: Publish the static files
  django_ec2.site.static_publish:
    directory: /srv/board/releases/4be1d2c3a4f5/static
    shared: /srv/board/shared/static
"""

RETURN = r"""
files:
  description: Static files that were collected.
  returned: success
  type: int
compressed:
  description: Files that have a compressed variant.
  returned: success
  type: int
removed:
  description: Files of releases that are gone, removed from the shared directory.
  returned: success
  type: int
"""

import gzip
import os
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

# Already compressed formats only grow.
SUFFIXES = {
    ".css", ".js", ".mjs", ".json", ".map", ".svg", ".txt", ".html", ".xml", ".ico", ".ttf", ".otf", ".eot", ".wasm",
    ".webmanifest", ".csv", ".md",
}  # fmt: skip
SMALLEST = 512
WORTH_IT = 0.95


def compress(path: Path, brotli: bool) -> bool:
    """Write the variants of one file; those that are not worth it are left out."""
    content = path.read_bytes()
    zipped = gzip.compress(content, 9, mtime=0)
    if len(zipped) > WORTH_IT * len(content):
        return False
    variants = [Path(f"{path}.gz"), Path(f"{path}.br")] if brotli else [Path(f"{path}.gz")]
    for variant in variants:
        variant.unlink(missing_ok=True)  # it may be a link that the application made
    variants[0].write_bytes(zipped)
    if brotli:
        subprocess.run(["brotli", "--best", "--force", "--output=" + str(variants[1]), str(path)], check=True)
    stat = path.stat()
    for variant in variants:
        # nginx serves a variant only beside its original; the same time gives the same ETag on every host.
        os.utime(variant, (stat.st_mtime, stat.st_mtime))
        variant.chmod(0o644)
    return True


def link(source: Path, target: Path) -> None:
    """Make ``target`` another name of ``source``, as one step."""
    partial = Path(f"{target}.new")
    partial.unlink(missing_ok=True)
    os.link(source, partial, follow_symlinks=False)
    partial.replace(target)
    # rename(2) does nothing when both are names of one file already, as after an interrupted run.
    partial.unlink(missing_ok=True)


def owned(directory: Path) -> list[Path]:
    """Hand a tree to root, readable by all, and return what is in it.

    Symbolic links are left out: the application made the tree, and what a link of its names is none of our business.
    """
    paths = [directory, *(path for path in sorted(directory.rglob("*")) if not path.is_symlink())]
    for path in paths:
        os.chown(path, 0, 0)
        path.chmod(0o755 if path.is_dir() else 0o644)
    return paths


def prune(shared: Path) -> int:
    """Remove what no release holds: its only name is the one here."""
    removed = 0
    for path in list(shared.rglob("*")):
        if not path.is_symlink() and path.is_file() and path.stat().st_nlink == 1:
            path.unlink()
            removed += 1
    return removed


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "shared": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=True, files=0, compressed=0, removed=0)
    # What serves comes first.
    os.nice(10)
    directory, shared = Path(module.params["directory"]), Path(module.params["shared"])
    brotli = module.get_bin_path("brotli") is not None
    shared.mkdir(parents=True, exist_ok=True)
    originals = [path for path in owned(directory) if path.is_file() and path.suffix not in (".gz", ".br")]
    compressed = sum(
        compress(path, brotli) for path in originals if path.suffix in SUFFIXES and path.stat().st_size >= SMALLEST
    )
    for path in owned(directory):
        place = shared / path.relative_to(directory)
        if path.is_file():
            link(path, place)
        elif path != directory:
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
    removed = prune(shared)
    module.exit_json(changed=True, files=len(originals), compressed=compressed, removed=removed)


if __name__ == "__main__":
    main()
