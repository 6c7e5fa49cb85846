# SPDX-License-Identifier: MIT
"""The static files of a release, made ready for nginx: compressed once, kept beside those of earlier releases."""

from __future__ import annotations

import filecmp
import gzip
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.release.ownership import take_for_everyone

# Already compressed formats only grow.
SUFFIXES = {
    ".css", ".js", ".mjs", ".json", ".map", ".svg", ".txt", ".html", ".xml", ".ico", ".ttf", ".otf", ".eot", ".wasm",
    ".webmanifest", ".csv", ".md",
}  # fmt: skip
SMALLEST = 512
WORTH_IT = 0.95
VARIANTS = (".gz", ".br")
AT_ONCE = 2


def compress(path: Path, brotli: bool) -> bool:
    """Write the variants of one file; those that are not worth it are left out."""
    content = path.read_bytes()
    zipped = gzip.compress(content, 9, mtime=0)
    if len(zipped) > WORTH_IT * len(content):
        return False
    variants = [Path(f"{path}.gz"), Path(f"{path}.br")] if brotli else [Path(f"{path}.gz")]
    for variant in variants:
        variant.unlink(missing_ok=True)  # one that the application brought may be another name of the original
    variants[0].write_bytes(zipped)
    if brotli:
        subprocess.run(["brotli", "--best", "--force", "--output=" + str(variants[1]), str(path)], check=True)
    changed = path.stat().st_mtime
    for variant in variants:
        # nginx serves a variant only beside its original; the same time gives the same ETag on every host.
        os.utime(variant, (changed, changed))
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


def take_over(path: Path, kept: Path) -> bool:
    """Put a kept file of the same content in the place of a new one, with its compressed variants.

    The kept file's time goes with it, so that browsers that hold it find it unchanged.

    Returns:
        Whether nothing is left to compress.
    """
    if kept.is_symlink() or not kept.is_file() or not filecmp.cmp(path, kept, shallow=False):
        return False
    link(kept, path)
    for suffix in VARIANTS:
        variant = Path(f"{kept}{suffix}")
        if variant.is_file() and not variant.is_symlink():
            link(variant, Path(f"{path}{suffix}"))
    return True


def prune(shared: Path) -> int:
    """Remove what no release holds: its only name is the one here."""
    removed = 0
    for path in list(shared.rglob("*")):
        if not path.is_symlink() and path.is_file() and path.stat().st_nlink == 1:
            path.unlink()
            removed += 1
    return removed


def clear(directory: Path, public: Path) -> None:
    """Leave nothing of what an earlier attempt collected or published."""
    for path in (directory, public):
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)
    directory.mkdir(mode=0o755)


def publish(directory: Path, public: Path, shared: Path, brotli: bool) -> dict[str, int]:
    """Make the collected files of a release ready.

    Args:
        directory: the release's static files, as the application wrote them. The application finds them there afterwards, too.
        public: where they lie for nginx afterwards, without a link among them; beside ``directory``.
        shared: the directory that all kept releases share, on the same file system.
        brotli: whether the command ``brotli`` is there.

    Returns:
        ``files`` (collected), ``unchanged`` (taken over from an earlier release), ``compressed`` (now) and ``removed`` (from
        ``shared``, because no release holds them).
    """
    shared.mkdir(parents=True, exist_ok=True)
    take_for_everyone(directory)
    originals = [path for path in sorted(directory.rglob("*")) if path.is_file() and path.suffix not in VARIANTS]
    new = [path for path in originals if not take_over(path, shared / path.relative_to(directory))]
    worth = [path for path in new if path.suffix in SUFFIXES and path.stat().st_size >= SMALLEST]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        compressed = sum(pool.map(lambda path: compress(path, brotli), worth))
    for path in sorted(directory.rglob("*")):
        place = shared / path.relative_to(directory)
        if path.is_file():
            link(path, place)
        else:
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
    directory.rename(public)
    directory.symlink_to(public.name)
    return {
        "files": len(originals),
        "unchanged": len(originals) - len(new),
        "compressed": compressed,
        "removed": prune(shared),
    }
