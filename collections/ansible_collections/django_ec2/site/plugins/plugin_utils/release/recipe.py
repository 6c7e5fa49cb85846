# SPDX-License-Identifier: MIT
"""What a release is made from, and what it is made for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import source as release_source

# Raise it when the layout of the archives changes: every release then gets another input key and another name.
LAYOUT = 3
KEY_DIGITS = 24
NAME_DIGITS = 12


class ReleaseError(Exception):
    """A release cannot be built; the message names the cause and the remedy."""


@dataclass(frozen=True)
class Target:
    """What a release is built for.

    Attributes:
        python: version of the host's Python, as ``3.13``.
        platform: uv's name of the host's platform, as ``x86_64-manylinux_2_28``.
    """

    python: str
    platform: str

    @property
    def tag(self) -> str:
        """The ABI tag of an extension module that this Python loads."""
        return "cpython-" + self.python.replace(".", "")


@dataclass(frozen=True)
class Recipe:
    """What goes into a release.

    Attributes:
        name: the application.
        source: directory of the project's source, or the URL of a git repository.
        requirements: requirement files, below the source; None takes the first usual one that is there.
        packages: further requirements, in pip's notation.
        version: branch, tag or commit of a git repository.
        deploy_key: path of the private SSH key for it.
        extras: extras and dependency groups of pyproject.toml.
        build_commands: commands that are run in a copy of the source before it is packed.
        release_commands: commands that a host will run in the release; another list makes another release.
        replace_packages: requirements that others take the place of, as pairs of name and requirement.
        ignore_requires_python: whether a project that asks for another Python than the hosts have is built all the same.
        support: directory of files that each release carries beside the project's own.
    """

    name: str
    source: Path | str
    requirements: tuple[str, ...] | None
    packages: tuple[str, ...]
    version: str = ""
    deploy_key: str = ""
    extras: tuple[str, ...] = ()
    build_commands: tuple[str, ...] = ()
    release_commands: tuple[str, ...] = ()
    replace_packages: tuple[tuple[str, str], ...] = ()
    ignore_requires_python: bool = False
    support: Path | None = None

    def input_key(self, identity: str, target: Target) -> str:
        """The name of everything that goes into the release, known before anything is built.

        Args:
            identity: of the source: a commit, or a digest of its files.
            target: what the release is for.
        """
        content = [
            LAYOUT, self.name, identity, asdict(target), self.requirements, self.packages, self.extras,
            self.build_commands, self.release_commands, self.support_digest(),
        ]  # fmt: skip
        content += [self.replace_packages] if self.replace_packages else []
        return digest(content)[:KEY_DIGITS]

    def release_name(self, tree: str, layer: str, target: Target) -> str:
        """The release's identifier: the digest of what was built.

        Args:
            tree: digest of the source after the build commands.
            layer: identifier of its dependencies.
            target: what it is for.
        """
        content = [LAYOUT, self.name, tree, layer, asdict(target), self.release_commands, self.support_digest()]
        return digest(content)[:NAME_DIGITS]

    def support_digest(self) -> str:
        """A digest of the support files; empty without any."""
        return release_source.digest(self.support, release_source.all_files(self.support)) if self.support else ""


def digest(content: object) -> str:
    """A digest of anything that JSON can write."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
