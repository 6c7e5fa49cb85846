# SPDX-License-Identifier: MIT
"""Build a release: the source of a Django project and a layer with every package it needs, for another Python than the one here.

Runs on the controller and needs ``uv`` beside the running interpreter. A release has two names. Its *input key* (source, lock,
commands, target, layout) is known before anything is built, so that hosts can be asked for it first. Its *id* is the digest of
what was built.
"""

from __future__ import annotations

import fcntl
import json
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import archive, layer
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import source as release_source
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import Recipe, ReleaseError, Target
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.source import Source, SourceError

BUILD_SECONDS = 1800
# By key: the ``layer`` (its id) and its ``packages``.
Layers = Mapping[str, Mapping[str, Any]]


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One build of an application at a time on this controller; the others wait and find it done."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run_build_commands(recipe: Recipe, directory: Path) -> None:
    """Run the project's own build in a copy of its source."""
    for command in recipe.build_commands:
        try:
            done = subprocess.run(
                shlex.split(command), cwd=directory, capture_output=True, text=True, check=False,
                timeout=BUILD_SECONDS, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise ReleaseError(
                f"applications.{recipe.name}: build_commands: '{command}' cannot run, because {error.filename} is not on "
                "this controller: install it here (npm is Debian's package npm)."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise ReleaseError(f"applications.{recipe.name}: '{command}' took more than {BUILD_SECONDS} s.") from error
        if done.returncode != 0:
            raise ReleaseError(
                f"applications.{recipe.name}: build_commands: '{command}' failed with {done.returncode}:\n"
                f"{(done.stdout + done.stderr).strip()[-3000:]}"
            )
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and path.name in release_source.SKIPPED_DIRECTORIES:
            shutil.rmtree(path)


def input_key(recipe: Recipe, target: Target, directory: Path) -> dict[str, str]:
    """What the release would be made from, without building anything.

    Args:
        recipe: what goes in.
        target: what it is for.
        directory: where builds are kept.

    Returns:
        ``input_key`` and ``version`` (of the source, for people).

    Raises:
        ReleaseError: the source cannot be had.
    """
    try:
        identity, version = release_source.identified(
            str(recipe.source), recipe.version, recipe.deploy_key, directory / "git"
        )
    except SourceError as error:
        raise ReleaseError(f"applications.{recipe.name}: {error}") from error
    return {"input_key": recipe.input_key(identity, target), "version": version}


def build(
    recipe: Recipe, target: Target, directory: Path, layers: Layers | None = None, rebuild: bool = False
) -> dict[str, object]:
    """Build a release, or find it built.

    Args:
        recipe: what goes in.
        target: what it is for.
        directory: where builds are kept.
        layers: the layers that every host has, by their key; they are not built for want of an archive here.
        rebuild: build all of it and resolve the packages anew, whatever is there.

    Returns:
        ``release`` (its id), ``input_key``, ``archive`` (path), ``size`` (bytes), ``layer`` (its id), ``layer_archive`` (path;
        empty where the hosts have it), ``packages``, ``version`` (of the source, for people) and ``built`` (False when it
        was there).

    Raises:
        ReleaseError: it cannot be built.
    """
    kept = directory / recipe.name
    with locked(kept):
        try:
            with release_source.obtained(
                str(recipe.source), recipe.version, recipe.deploy_key, directory / "git"
            ) as source:
                return _find_or_build(recipe, source, target, kept, layers or {}, rebuild)
        except SourceError as error:
            raise ReleaseError(f"applications.{recipe.name}: {error}") from error


def _find_or_build(
    recipe: Recipe, source: Source, target: Target, kept: Path, layers: Layers, rebuild: bool
) -> dict[str, object]:
    key = recipe.input_key(source.identity, target)
    known = kept / f"{key}.json"
    result = _read(known)
    built = rebuild or not result or not _archives_are_there(kept, result, layers)
    if built:
        work = Path(tempfile.mkdtemp(prefix=".build-", dir=kept))
        try:
            result = _build(recipe, target, source, work, kept, {} if rebuild else layers, rebuild)
            _keep(known, result)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    layer_archive = kept / "layers" / str(result["layer_archive"]) if result["layer_archive"] else None
    return {
        **result,
        "archive": str(kept / str(result["archive"])),
        "layer_archive": str(layer_archive) if layer_archive and layer_archive.exists() else "",
        "version": source.version,
        "built": built,
    }


def _archives_are_there(kept: Path, result: Mapping[str, object], layers: Layers) -> bool:
    if not Path(kept, str(result["archive"])).exists():
        return False
    return any(one["layer"] == result["layer"] for one in layers.values()) or (
        bool(result["layer_archive"]) and (kept / "layers" / str(result["layer_archive"])).exists()
    )


def _read(path: Path) -> dict[str, object]:
    """A record of this directory; empty where there is none, or one that a full disk cut short."""
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _keep(path: Path, content: Mapping[str, object]) -> None:
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(content))
    partial.replace(path)


def _layer(
    recipe: Recipe, source: Path, target: Target, kept: Path, tree: str, layers: Layers, rebuild: bool
) -> dict[str, object]:
    """The layer of a release: the one that the hosts have, the one that is kept here, or a new one."""
    key = layer.layer_key(recipe, source, target, tree)
    directory = kept / "layers"
    known = {} if rebuild else _read(directory / f"{key}.json")
    if known and (directory / str(known["layer_archive"])).exists():
        return known
    if key in layers:
        return {"layer_key": key, "layer_archive": "", **{name: layers[key][name] for name in ("layer", "packages")}}
    found = layer.build(recipe, source, target, key, directory)
    _keep(directory / f"{key}.json", found)
    return found


def _build(
    recipe: Recipe, target: Target, source: Source, work: Path, kept: Path, layers: Layers, rebuild: bool
) -> dict[str, object]:
    application = work / "tree" / "app"
    for path in source.files:
        place = application / path.relative_to(source.directory)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place, follow_symlinks=False)
    layer.check_python(recipe, application, target)
    run_build_commands(recipe, application)
    tree = archive.tree_digest(application)
    below = _layer(recipe, application, target, kept, tree, layers, rebuild)
    if recipe.support:
        shutil.copytree(recipe.support, work / "tree" / "support", ignore=shutil.ignore_patterns("__pycache__"))
    release = recipe.release_name(tree, str(below["layer"]), target)
    key = recipe.input_key(source.identity, target)
    description = {
        "release": release,
        "input_key": key,
        "layer": below["layer"],
        "application": recipe.name,
        "source": source.identity,
        **asdict(target),
        "packages": below["packages"],
    }
    (work / "tree" / "release.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")
    packed = work / f"{release}.tar.gz"
    archive.write(work / "tree", packed)
    packed.replace(kept / packed.name)
    return {
        "release": release,
        "input_key": key,
        "archive": packed.name,
        "size": (kept / packed.name).stat().st_size,
        **below,
    }
