# SPDX-License-Identifier: MIT
"""The dependencies of a release: a layer of their own, resolved and built once, shared by the releases that need the same.

A layer has two names. Its *key* is made from what asks for packages: the requirement files, the entry's packages and extras, the
target. Its *id* is the digest of what was installed. Packages are resolved anew when the key is another one, or when that is asked
for: two releases with the same requirement files run on the same packages.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.application_server import REPLACED_REQUIREMENTS
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import archive, requirements
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import (
    KEY_DIGITS,
    LAYOUT,
    NAME_DIGITS,
    Recipe,
    ReleaseError,
    Target,
    digest,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.uv import (
    override_lines,
    run_uv,
    source_only,
    target_words,
)

EXTENSION = re.compile(r"\.(?P<tag>(cpython|pypy|abi3|cp\d)[\w-]*)\.so$")
MACHINES = ("x86_64", "aarch64")
# A script of the layer starts the interpreter beside it, wherever the layer lies; sh reads line 2, Python skips it.
SCRIPT_HEAD = b'#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(readlink -f -- "$0")")/python" "$0" "$@"\n\' \'\'\'\n'


def layer_key(recipe: Recipe, source: Path, target: Target, tree: str) -> str:
    """The name of what asks for packages.

    Args:
        recipe: of the release.
        source: the project, after its build commands.
        target: what the layer is for.
        tree: digest of the source; it counts where a requirement is a path below it.
    """
    texts = requirements.texts_of(source, requirements.requirement_files(recipe, source))
    local = tree if requirements.uses_the_source(recipe, source, texts) else ""
    content = [LAYOUT, sorted(texts.items()), recipe.packages, recipe.extras, asdict(target), local]
    # Only where it is said: nothing of what is deployed is resolved anew for a key that it does not use.
    content += [recipe.replace_packages] if recipe.replace_packages else []
    return digest(content)[:KEY_DIGITS]


def install_words(recipe: Recipe, source: Path, scratch: Path, git: Mapping[str, str]) -> list[str]:
    """uv's options for what a project needs; the interpreter and the place are the caller's.

    Requirements on the source itself become packages like any other: an editable one would point to a directory of this build. The
    application server's own name as a requirement is left out: the wheel in the entry's packages takes its place.

    Args:
        recipe: of the release.
        source: the project.
        scratch: an empty directory.
        git: variables with which git reaches private repositories.
    """
    lines, added = override_lines({**dict.fromkeys(REPLACED_REQUIREMENTS, ""), **dict(recipe.replace_packages)})
    overrides = scratch / "overrides.txt"
    overrides.write_text("".join(f"{line}\n" for line in lines))
    words = requirements.requirement_words(recipe, source, scratch, git)
    return ["--no-editable", "--overrides", str(overrides), *words, *recipe.packages, *added]


def install_packages(recipe: Recipe, source: Path, site: Path, target: Target, git: Mapping[str, str]) -> None:
    """Install what the project needs into ``site``, for the target."""
    words = [
        "pip",
        "install",
        "--quiet",
        "--no-config",
        "--target",
        str(site),
        "--link-mode",
        "copy",
        *target_words(target),
    ]
    with tempfile.TemporaryDirectory() as scratch:
        run_uv(recipe, [*words, *install_words(recipe, source, Path(scratch), git)], source, git)


def place_scripts(site: Path, scripts: Path) -> None:
    """Move the console scripts of the packages into ``scripts``, freed from the controller's interpreter."""
    scripts.mkdir(parents=True, exist_ok=True)
    for path in sorted((site / "bin").glob("*")):
        content = path.read_bytes()
        first, _, rest = content.partition(b"\n")
        if not (first.startswith(b"#!") and b"python" in first) or path.name.startswith("python"):
            continue
        if rest.startswith(b"'''exec'"):  # uv's own form for long paths: three lines
            rest = rest.split(b"\n", 2)[2]
        place = scripts / path.name
        place.write_bytes(SCRIPT_HEAD + rest)
        place.chmod(0o755)
    shutil.rmtree(site / "bin", ignore_errors=True)


def _fits(tag: str, machine: str) -> bool:
    """Whether an ABI tag such as ``cpython-313-aarch64-linux-gnu`` is for this machine; one that names none is."""
    named = [word for word in MACHINES if word in tag]
    return not named or machine in named


def check_extensions(site: Path, target: Target) -> None:
    """Stop when an extension module was built for another Python than the target's."""
    foreign: dict[str, str] = {}
    machine = target.platform.split("-", 1)[0]
    for path in site.rglob("*.so"):
        found = EXTENSION.search(path.name)
        if found and not (
            found["tag"].startswith("abi3")
            or (re.match(rf"{target.tag}(-|$)", found["tag"]) and _fits(found["tag"], machine))
        ):
            foreign.setdefault(path.relative_to(site).parts[0], path.name)
    if foreign:
        listed = ", ".join(f"{package} ({name})" for package, name in sorted(foreign.items()))
        raise ReleaseError(
            f"these packages exist only as source and were built for the controller's Python, not for {target.python} "
            f"on {target.platform}: {listed}. {source_only(*sorted(foreign))}"
        )


def installed_packages(site: Path) -> list[str]:
    """``name==version`` of every distribution in ``site``, sorted."""
    return sorted("==".join(path.name.removesuffix(".dist-info").rsplit("-", 1)) for path in site.glob("*.dist-info"))


def _forget_places(site: Path) -> None:
    """Remove what tells where and when on this controller a package of the source was built: another one has other places."""
    for path in site.glob("*.dist-info"):
        origin = path / "direct_url.json"
        if not origin.is_file() or '"file:' not in origin.read_text(errors="replace"):
            continue
        record = path / "RECORD"
        for name in ("direct_url.json", "uv_cache.json", "uv_build.json"):
            (path / name).unlink(missing_ok=True)
            if record.is_file():
                lines = record.read_text().splitlines(keepends=True)
                record.write_text("".join(line for line in lines if f"/{name}," not in line))


def build(
    recipe: Recipe, source: Path, target: Target, key: str, kept: Path, git: Mapping[str, str]
) -> dict[str, object]:
    """Resolve and install the packages, and keep them as an archive.

    Args:
        recipe: of the release.
        source: the project, after its build commands.
        target: what the layer is for.
        key: what ``layer_key`` said.
        kept: where layers are kept.
        git: variables with which git reaches private repositories.

    Returns:
        ``layer`` (its id), ``layer_key``, ``layer_archive`` (name below ``kept``), ``packages``.
    """
    kept.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".build-", dir=kept))
    try:
        tree = work / "tree"
        site = tree / "lib" / f"python{target.python}" / "site-packages"
        site.mkdir(parents=True)
        install_packages(recipe, source, site, target, git)
        place_scripts(site, tree / "bin")
        (site / ".lock").unlink(missing_ok=True)
        check_extensions(site, target)
        _forget_places(site)
        packages = installed_packages(site)
        layer = digest([LAYOUT, asdict(target), archive.tree_digest(tree)])[:NAME_DIGITS]
        description = {"layer": layer, "key": key, **asdict(target), "packages": packages}
        (tree / "layer.json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")
        packed = work / f"{layer}.tar.gz"
        archive.write(tree, packed)
        packed.replace(kept / packed.name)
        return {"layer": layer, "layer_key": key, "layer_archive": packed.name, "packages": packages}
    finally:
        shutil.rmtree(work, ignore_errors=True)
