# SPDX-License-Identifier: MIT
"""Archives become directories: a layer with its virtual environment, a release beside the others.

Both are complete or not there. A layer is unpacked beside its place and renamed; a release carries the mark ``.complete``.
"""

from __future__ import annotations

import grp
import json
import os
import shutil
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.release import manifest
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import run

COMPLETE = ".complete"
# What was shipped stays with what was made of it, so that another host can get the same.
ARCHIVE = "archive.tar.gz"
# Nobody activates this environment, and the scripts would carry the path where it was made.
ACTIVATION = ("activate", "activate.csh", "activate.fish", "Activate.ps1")


def _extract(archive: str, place: Path) -> None:
    run(
        f"Unpacking {archive}",
        ["tar", "--extract", "--gzip", "--no-same-owner", "--file", archive, "--directory", str(place)],
    )


def _compile(python: str, partial: Path, final: Path, *directories: Path) -> None:
    """Compile the bytecode, which the application may not write.

    Some file may be no valid Python (exit code 1): packages carry such files; one that is imported stops the start of the release.
    """
    words = [python, "-m", "compileall", "-q", "-j", "2", "-s", str(partial), "-p", str(final)]
    run("Compiling the bytecode", [*words, *map(str, directories)], good=(0, 1))


def _begin(place: Path, group: str) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o750, parents=True)
    os.chown(place, 0, grp.getgrnam(group).gr_gid)


def unpack_layer(archive: str, place: Path, group: str, python: str) -> None:
    """Make a layer of an archive, around it a virtual environment without pip.

    Args:
        archive: path on this host; it is moved into the layer.
        place: the layer's directory, which is not there yet.
        group: of the application's user, which may read it.
        python: the interpreter of the environment.
    """
    partial = place.with_name(f".{place.name}.partial")
    try:
        make_layer(archive, partial, place, group, python)
        manifest.write(partial)
        partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def make_layer(archive: str, partial: Path, place: Path, group: str, python: str) -> None:
    """Make the tree of a layer at another path than its own; the arguments are those of ``unpack_layer``."""
    _begin(partial, group)
    _extract(archive, partial)
    run("Making the virtual environment", [python, "-m", "venv", "--without-pip", str(partial)])
    for name in ACTIVATION:
        (partial / "bin" / name).unlink(missing_ok=True)
    _compile(str(partial / "bin/python"), partial, place, partial / "lib")
    _keep_archive(archive, partial)


def unpack_release(archive: str, place: Path, group: str, layer: str) -> None:
    """Make a release of an archive.

    Args:
        archive: path on this host; it is moved into the release.
        place: the release's directory; what an interrupted run left there is removed.
        group: of the application's user, which may read it.
        layer: id of the layer with its packages.
    """
    try:
        make_release(archive, place, place, group, layer)
        (place / COMPLETE).touch(mode=0o644)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def make_release(archive: str, partial: Path, place: Path, group: str, layer: str) -> None:
    """Make the tree of a release, perhaps at another path than its own; the arguments are those of ``unpack_release``."""
    _begin(partial, group)
    _extract(archive, partial)
    (partial / "venv").symlink_to(f"../../layers/{layer}")
    _compile(str(place.parent.parent / "layers" / layer / "bin/python"), partial, place, partial / "app")
    _keep_archive(archive, partial)


def _keep_archive(archive: str, place: Path) -> None:
    shutil.move(archive, place / ARCHIVE)
    os.chown(place / ARCHIVE, 0, 0)
    (place / ARCHIVE).chmod(0o600)


def remove_releases(root: Path, names: list[str]) -> list[str]:
    """Remove releases, and the layers that no release needs any more; returns what was removed."""
    removed = []
    for name in names:
        place = root / "releases" / name
        if place.is_dir():
            # Without its mark it counts no more, should this be interrupted.
            (place / COMPLETE).unlink(missing_ok=True)
            shutil.rmtree(place)
            removed.append(name)
    return removed + _remove_layers(root)


def _remove_layers(root: Path) -> list[str]:
    layers = root / "layers"
    needed = {layer_of(place) for place in (root / "releases").glob("*") if place.is_dir()}
    gone = [one for one in layers.glob("*") if one.is_dir() and one.name not in needed]
    for one in gone:
        shutil.rmtree(one)
    return [one.name for one in gone]


def complete(release: Path) -> bool:
    """Whether a release is here as a whole, with its packages."""
    return (release / COMPLETE).exists() and (release / "venv").exists()


def layer_of(release: Path) -> str:
    """The id of the layer that a release runs on; empty for one that carries its packages itself."""
    venv = release / "venv"
    return venv.readlink().name if venv.is_symlink() else ""


def describe_layers(root: Path) -> dict[str, dict[str, object]]:
    """The layers of a host by their key: ``layer`` (id) and ``packages``."""
    found = {}
    for file in (root / "layers").glob("[!.]*/layer.json"):
        try:
            content = json.loads(file.read_text())
        except (OSError, ValueError):
            continue
        found[content["key"]] = {"layer": content["layer"], "packages": content["packages"]}
    return found
