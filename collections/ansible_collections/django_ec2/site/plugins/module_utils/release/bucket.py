# SPDX-License-Identifier: MIT
"""The releases in a bucket of S3, for hosts that no controller ships to.

<application>/releases/<release>.tar.gz     <application>/live/<python>-<platform>.json
<application>/layers/<layer>.tar.gz

A *manifest* below ``live/`` says which release is live and which archives it is made of. It is written after them, so that whoever reads
it finds them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.manifest import sha256

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import ClientError

FORMAT = 1
ARCHIVES = ("archive", "layer_archive")
ABSENT = ("404", "NoSuchKey", "NotFound")


def manifest_key(release: Mapping[str, Any]) -> str:
    """Where the manifest of an application's live release lies, for one kind of host."""
    return f"{release['name']}/live/{release['python']}-{release['platform']}.json"


def release_key(name: str, release: str) -> str:
    """Where the archive of a release lies."""
    return f"{name}/releases/{release}.tar.gz"


def layer_key(name: str, layer: str) -> str:
    """Where the archive of a layer lies."""
    return f"{name}/layers/{layer}.tar.gz"


class Bucket:
    """A bucket with releases.

    Attributes:
        uploaded: keys of the archives that were uploaded, or in check mode would be.
        moved: what became live in the bucket, as ``shop: 4be1 -> 77aa``.
        removed: keys of the archives that were removed.
        lacking: releases of which an archive is neither in the bucket nor on this machine.
    """

    def __init__(self, client: Any, name: str, check: bool = False) -> None:
        self._client, self._name, self._check = client, name, check
        self.uploaded: list[str] = []
        self.moved: list[str] = []
        self.removed: list[str] = []
        self.lacking: list[dict[str, Any]] = []

    def publish(self, release: Mapping[str, Any], kept: int) -> None:
        """Make a release the live one in the bucket; nothing where it is.

        Args:
            release: ``name``, ``release``, ``version``, ``layer``, ``python``, ``platform``, and the paths ``archive`` and
                ``layer_archive`` of what lies on this machine.
            kept: how many releases of an application stay in the bucket.
        """
        there = self.live(release)
        if self._whole(there, release):
            return
        own = {"archive": (release_key(release["name"], release["release"]), release["archive"])}
        if release["layer"]:
            own["layer_archive"] = (layer_key(release["name"], release["layer"]), release["layer_archive"])
        archives = {what: self._archive(key, path, release) for what, (key, path) in own.items()}
        if not all(archives.values()):
            self.lacking.append(dict(release))
            return
        said = {key: release[key] for key in ("release", "version", "layer", "python", "platform")}
        content = {"format": FORMAT, "application": release["name"], **said, **archives}
        self.moved.append(f"{release['name']}: {there.get('release') or 'nothing'} -> {release['release']}")
        if not self._check:
            self._client.put_object(
                Bucket=self._name, Key=manifest_key(release), Body=json.dumps(content, sort_keys=True).encode(),
                ContentType="application/json",
            )  # fmt: skip
            before = release_key(release["name"], there.get("release", ""))
            self._prune(release["name"], before, kept)

    def _whole(self, there: Mapping[str, Any], release: Mapping[str, Any]) -> bool:
        """Whether a manifest is that of a release, and the bucket has what it names."""
        if (there.get("format"), there.get("release"), there.get("layer")) != (
            FORMAT,
            release["release"],
            release["layer"],
        ):
            return False
        return all(self._head(there[what]["key"]) == there[what] for what in ARCHIVES if what in there)

    def live(self, release: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest for an application and a kind of host; empty where there is none."""
        return self._read(manifest_key(release))

    def _read(self, key: str) -> dict[str, Any]:
        try:
            body = self._client.get_object(Bucket=self._name, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return {}
            raise
        try:
            content = json.loads(body)
        except ValueError:
            return {}
        return content if isinstance(content, dict) else {}

    def _archive(self, key: str, path: str, release: Mapping[str, Any]) -> dict[str, Any]:
        """Key, digest and size of an archive, uploaded where the bucket has not the same; empty where nobody here has it."""
        known = self._head(key)
        if not path:
            return known
        local = {"key": key, "sha256": sha256(Path(path)), "size": Path(path).stat().st_size}
        if known != local:
            self.uploaded.append(key)
            if not self._check:
                described = {"sha256": local["sha256"], "layer": release["layer"]}
                self._client.upload_file(path, self._name, key, ExtraArgs={"Metadata": described})
        return local

    def _head(self, key: str) -> dict[str, Any]:
        """Key, digest and size of an archive in the bucket; empty where it is not there, or not one of ours."""
        try:
            found = self._client.head_object(Bucket=self._name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return {}
            raise
        digest = found["Metadata"].get("sha256", "")
        return {"key": key, "sha256": digest, "size": found["ContentLength"]} if digest else {}

    def _list(self, prefix: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        return [one for page in pages for one in page.get("Contents", [])]

    def _prune(self, name: str, before: str, kept: int) -> None:
        """Remove the archives of releases that are neither live nor among the newest, and layers that none of those needs.

        The one that was live before stays, too: a rollback comes soon or never.
        """
        live = [self._read(one["Key"]) for one in self._list(f"{name}/live/")]
        needed = {one[what]["key"] for one in live for what in ARCHIVES if what in one}
        releases = sorted(self._list(f"{name}/releases/"), key=lambda one: one["LastModified"], reverse=True)
        stay = staying([one["Key"] for one in releases], {*needed, before}, kept)
        layers = self._list(f"{name}/layers/")
        if len(stay) < len(releases) or len(layers) > kept:
            heads = (self._client.head_object(Bucket=self._name, Key=key) for key in stay)
            needed |= {layer_key(name, layer) for one in heads if (layer := one["Metadata"].get("layer"))}
            gone = [one["Key"] for one in [*releases, *layers] if one["Key"] not in {*stay, *needed}]
            for key in gone:
                self._client.delete_object(Bucket=self._name, Key=key)
            self.removed += gone


def staying(newest_first: Iterable[str], live: Iterable[str], kept: int) -> list[str]:
    """The keys that stay: what is live, and of the others the newest, ``kept`` in all."""
    keys, live = list(newest_first), set(live)
    others = [key for key in keys if key not in live]
    there = [key for key in keys if key in live]
    return [*there, *others[: max(0, kept - len(there))]]
