# SPDX-License-Identifier: MIT
"""Build a release: the source of a Django project and a layer with every package it needs, for another Python than the one here.

Runs on the controller and needs ``uv`` beside the running interpreter. A release has two names. Its *input key* (source, lock,
commands, target, layout) is known before anything is built, so that hosts can be asked for it first. Its *id* is the digest of
what was built.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import archive, layer, store
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import source as release_source
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.build_commands import run_build_commands
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.prune import prune
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import Recipe, ReleaseError, Target
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.requirements import check_python
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.source import Source, SourceError
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.uv import git_variables

# By key: the ``layer`` (its id) and its ``packages``.
Layers = Mapping[str, Mapping[str, Any]]


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One build of an application at a time on this controller; the others wait and find it done."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def input_key(
    recipe: Recipe, target: Target, directory: Path, live_source: str = "", keep_live: bool = False
) -> dict[str, object]:
    """What the release would be made from, without building anything.

    Args:
        recipe: what goes in.
        target: what it is for.
        directory: where builds are kept.
        live_source: the source's identity that the live release was made from, in a run that is no deploy: then only another exact
            version moves it. Empty in a deploy, and before the first one.
        keep_live: whether another exact version does not move it either.

    Returns:
        ``input_key``, ``key_now`` (of the source as it is now) and ``version`` (of the source, for people), ``moves`` (whether it takes
        the place of what is live), ``differs`` (how the source differs from that of the live release, which stays) and ``commit`` (of
        the live release).

    Raises:
        ReleaseError: the source cannot be had.
    """
    try:
        now = release_source.identified(str(recipe.source), recipe.version, recipe.deploy_key, directory / "git")
    except SourceError as error:
        raise ReleaseError(f"applications.{recipe.name}: {error}") from error
    moves = not live_source or (now.exact and not keep_live)
    differs = "" if moves or now.digest == live_source else _difference(recipe, now, live_source)
    return {
        "input_key": recipe.input_key(live_source if differs else now.digest, target),
        "key_now": recipe.input_key(now.digest, target),
        "version": now.version,
        "moves": moves,
        "differs": differs,
        "commit": release_source.commit_of(live_source),
    }


def _difference(recipe: Recipe, now: release_source.Identity, live_source: str) -> str:
    commit, live_commit = release_source.commit_of(now.digest), release_source.commit_of(live_source)
    if bool(commit) != bool(live_commit):
        return f"the live release was made from another source than {recipe.source}"
    if not commit:
        return f"{recipe.source} has changed since the live release was made from it"
    branch = recipe.version or "the default branch"
    return f"{branch} of {recipe.source} is at {commit[:12]}, and the live release is from {live_commit[:12]}"


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
    result = store.read(known)
    built = rebuild or not result or not _archives_are_there(kept, result, layers)
    if built:
        work = Path(tempfile.mkdtemp(prefix=".build-", dir=kept))
        try:
            result = _build(recipe, target, source, work, kept, {} if rebuild else layers, rebuild)
            store.write(known, result)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        prune(kept)
    else:
        # The last ones that were used are kept.
        known.touch()
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


class _Layering:
    """The layers of one build: those that the hosts have, those that are kept here, and new ones."""

    def __init__(
        self, recipe: Recipe, target: Target, kept: Path, layers: Layers, rebuild: bool, git: Mapping[str, str]
    ) -> None:
        self.recipe, self.target, self.git = recipe, target, git
        self.layers, self.rebuild = layers, rebuild
        self.directory = kept / "layers"
        self.made: dict[str, dict[str, object]] = {}

    def of(self, source: Path, tree: str) -> dict[str, object]:
        """The layer that a source asks for; ``tree`` is its digest."""
        key = layer.layer_key(self.recipe, source, self.target, tree)
        if key not in self.made:
            self.made[key] = self._found(key) or self._new(key, source)
        return self.made[key]

    def _found(self, key: str) -> dict[str, object]:
        known = {} if self.rebuild else store.read(self.directory / f"{key}.json")
        if known and (self.directory / str(known["layer_archive"])).exists():
            return known
        if key not in self.layers:
            return {}
        record = self.layers[key]
        return {"layer_key": key, "layer_archive": "", **{name: record[name] for name in ("layer", "packages")}}

    def _new(self, key: str, source: Path) -> dict[str, object]:
        found = layer.build(self.recipe, source, self.target, key, self.directory, self.git)
        store.write(self.directory / f"{key}.json", found)
        return found


def _build(
    recipe: Recipe, target: Target, source: Source, work: Path, kept: Path, layers: Layers, rebuild: bool
) -> dict[str, object]:
    application = work / "tree" / "app"
    for path in source.files:
        place = application / path.relative_to(source.directory)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place, follow_symlinks=False)
    check_python(recipe, application, target)
    git = git_variables(recipe, kept.parent)
    layering = _Layering(recipe, target, kept, layers, rebuild, git)

    def packages() -> list[str]:
        return [str(one) for one in layering.of(application, archive.tree_digest(application))["packages"]]  # type: ignore[attr-defined]

    run_build_commands(recipe, application, target, work / "commands", packages, git)
    tree = archive.tree_digest(application)
    below = layering.of(application, tree)
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
