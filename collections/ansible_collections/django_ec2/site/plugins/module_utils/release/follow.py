# SPDX-License-Identifier: MIT
"""A host that no controller ships to brings itself to the live releases of a bucket.

``/etc/release-follow/applications.json`` says what there is to know of each application (role release), ``bucket.json`` beside it where
the releases are. What cannot be done is said, and the host goes on with what it has.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release import owed
from ansible_collections.django_ec2.site.plugins.module_utils.release.bucket import (
    FORMAT,
    Bucket,
    layer_key,
    manifest_key,
    release_key,
)
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.room import explain
from ansible_collections.django_ec2.site.plugins.module_utils.release.slots import live_slot, read_history, read_slot
from ansible_collections.django_ec2.site.plugins.module_utils.release.stage import Stage
from ansible_collections.django_ec2.site.plugins.module_utils.release.switch import Switch
from ansible_collections.django_ec2.site.plugins.module_utils.release.unpack import complete

DIRECTORY = Path("/etc/release-follow")
# In texts that are the same for each release and slot.
RELEASE, SLOT = "@RELEASE@", "@SLOT@"
# Ids become names of directories.
ID = re.compile(r"[0-9a-f]{8,64}")
# Where archives lie while they are downloaded: one directory, so that passes that are killed do not fill the disk.
WORK = ".follow"
# A download that is cut is begun again at once; then by the next pass.
ATTEMPTS = 3
CHUNK_BYTES = 1 << 20
# A release that did not become live is tried again after this time: what it waits for may have come.
AGAIN_SECONDS = 600
WAIT_SECONDS = 300


class Failed(Exception):
    """Something cannot be done; the text says what and why."""


class Host:
    """What modules of Ansible have of ``AnsibleModule``, for a program that is none."""

    check_mode = False

    def __init__(self, params: Mapping[str, Any], say: Callable[[str], None]) -> None:
        """Prepare.

        Args:
            params: the options that the module would be given.
            say: takes a sentence for the journal.
        """
        self.params, self._say = dict(params), say

    def run_command(self, words: list[str]) -> tuple[int, str, str]:
        """Run a command: its exit code, standard output and standard error."""
        try:
            done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            return 127, "", str(error)
        return done.returncode, done.stdout, done.stderr

    def warn(self, text: str) -> None:
        """Say something that does not end the work."""
        self._say(text)

    def fail_json(self, msg: str, **_more: Any) -> None:
        """End the work.

        Raises:
            Failed: always.
        """
        raise Failed(msg)


class Follower:
    """One application on its way to the release that is live in the bucket."""

    def __init__(
        self, own: Mapping[str, Any], given: Mapping[str, Any], bucket: Any, say: Callable[[str], None]
    ) -> None:
        """Prepare.

        Args:
            own: of the application: ``staging``, ``activation``, ``environment`` and ``owner_environment``.
            given: of the host: ``python``, ``platform`` and ``kept``.
            bucket: a `Download`.
            say: takes a sentence for the journal.
        """
        self.own, self.given, self.bucket, self.say = own, given, bucket, say
        self.name = str(own["staging"]["name"])
        self.root = Path(own["staging"]["root"])

    def run(self) -> str:
        """Bring the host to the live release; what was done, or an empty text.

        Raises:
            Failed: it cannot be done.
        """
        wanted = self.wanted()
        live = live_slot(str(self.root))
        host = Host({**self.own["activation"], "drain_timeout": self.given["drain_timeout"]}, self.say)
        # Whatever release is wanted: also when that one is bad.
        if owed.owed(str(self.root)):
            owed.settle(host)
        if live and read_slot(str(self.root / "slots" / live)).get("release") == wanted["release"]:
            return ""
        self._refuse_bad(wanted["release"])
        slot = "green" if live == "blue" else "blue"
        self._stage(wanted, slot)
        told = self._switch(wanted, slot)
        return f"{self.name}: {told['old_release'] or 'nothing'} -> {wanted['release']} in {told['seconds_live']} s"

    def wanted(self) -> dict[str, Any]:
        """The manifest of the live release.

        Raises:
            Failed: there is none, or it is none of ours.
        """
        asked = {"name": self.name, "python": self.given["python"], "platform": self.given["platform"]}
        found = self.bucket.live(asked)
        where = f"{manifest_key(asked)} of {self.bucket.name}"
        if not found:
            raise Failed(f"there is no {where}: no deploy has put a release for hosts of this kind there")
        if found.get("format") != FORMAT or found.get("application") != self.name:
            raise Failed(
                f"{where} is no manifest of {self.name} that this host can read: bake a new image (docs/aws.md)"
            )
        release, layer = str(found.get("release", "")), str(found.get("layer") or "")
        keys = {"archive": release_key(self.name, release)}
        if layer:
            keys["layer_archive"] = layer_key(self.name, layer)
        ids = all(ID.fullmatch(one) for one in (release, *([layer] if layer else [])))
        if not ids or any((found.get(what) or {}).get("key") != key for what, key in keys.items()):
            raise Failed(f"{where} names other archives than those of its release")
        return found

    def _refuse_bad(self, release: str) -> None:
        """A release that just failed here would fail again, and its start takes what visitors need.

        Raises:
            Failed: it did.
        """
        mark = self.root / "releases" / release / ".bad"
        try:
            age = time.time() - mark.stat().st_mtime
            reason = mark.read_text().strip()
        except OSError:
            return
        if age < AGAIN_SECONDS:
            raise Failed(
                f"{release} did not become live {age:.0f} seconds ago ({reason}), and is tried again after {AGAIN_SECONDS}"
            )

    def _stage(self, wanted: Mapping[str, Any], slot: str) -> None:
        release, layer = wanted["release"], str(wanted.get("layer") or "")
        work = self.root / WORK
        try:
            # Of a pass that was killed.
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(mode=0o700)
            archives = {"archive": "", "layer_archive": ""}
            if not complete(self.root / "releases" / release):
                archives["archive"] = self._fetch(wanted["archive"], work / "release.tar.gz")
                if layer and not (self.root / "layers" / layer).is_dir():
                    archives["layer_archive"] = self._fetch(wanted["layer_archive"], work / "layer.tar.gz")
            marks = {RELEASE: release, SLOT: slot}
            staging = {
                **self.own["staging"], **archives, "release": release, "layer": layer, "slot": slot,
                "socket": self.own["staging"]["socket"].replace("{slot}", slot),
                "environment": _filled(self.own["environment"], marks),
                "owner_environment": _filled(self.own["owner_environment"], marks),
                # The database is the business of the deploy that wrote the manifest.
                "gate": False, "remove": self.surplus(release), "python": "/usr/bin/python3", "wait": WAIT_SECONDS,
            }  # fmt: skip
            Stage(staging, brotli=shutil.which("brotli") is not None).run()
        except (Refusal, KeyError) as error:
            raise Failed(str(error)) from error
        except OSError as error:
            raise Failed(explain(error, str(self.root))) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _fetch(self, archive: Mapping[str, Any], path: Path) -> str:
        """Download an archive that is what the manifest says of it; the path.

        Raises:
            Failed: it does not come, or is another one.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.bucket.fetch(archive, path)
            except Failed as error:
                if attempt == ATTEMPTS:
                    raise
                self.say(f"{self.name}: {error}; trying again")
            else:
                break
        return str(path)

    def surplus(self, release: str) -> list[str]:
        """Releases to remove: all but the newest, those that were live before others, and never what is live or becomes so."""
        live = live_slot(str(self.root))
        held = {release, read_slot(str(self.root / "slots" / live)).get("release", "") if live else ""}
        others = [one for one in (self.root / "releases").glob("[!.]*") if one.is_dir() and one.name not in held]
        lived = {line["release"] for line in read_history(str(self.root))}
        newest = sorted(others, key=lambda one: (one.name in lived, one.stat().st_mtime), reverse=True)
        return sorted(one.name for one in newest[max(0, int(self.given["kept"]) - len(held - {""})) :])

    def _switch(self, wanted: Mapping[str, Any], slot: str) -> dict[str, Any]:
        switch = Switch(
            Host(
                {
                    **self.own["activation"], "slot": slot, "release": wanted["release"],
                    # What a controller would compare; none looks at this host.
                    "fingerprint": "", "migrations": None, "restore_point": "", "action": "deploy",
                    "version": str(wanted.get("version") or ""), "who": "the bucket", "run": {},
                    "start_timeout": self.given["start_timeout"], "drain_timeout": self.given["drain_timeout"],
                },
                self.say,
            )
        )  # fmt: skip
        return switch.run()


class Download(Bucket):
    """The bucket, as a host reads it."""

    def __init__(self, client: Any, name: str) -> None:
        super().__init__(client, name)
        self.name = name

    def fetch(self, archive: Mapping[str, Any], path: Path) -> None:
        """Bring an archive here, whole and unchanged.

        Raises:
            Failed: it is not what the manifest says, or the connection ended.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - a test's bucket needs none

        digest, size = hashlib.sha256(), 0
        try:
            body = self._client.get_object(Bucket=self.name, Key=archive["key"])["Body"]
            with path.open("wb") as file:
                for chunk in iter(lambda: body.read(CHUNK_BYTES), b""):
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
        except (BotoCoreError, ClientError) as error:
            raise Failed(f"{archive['key']} of {self.name} does not come: {error}") from error
        if (digest.hexdigest(), size) != (archive["sha256"], archive["size"]):
            raise Failed(
                f"{archive['key']} of {self.name} has {size} bytes with the SHA-256 {digest.hexdigest()}, and its manifest says "
                f"{archive['size']} bytes with {archive['sha256']}: it was not unpacked"
            )


def _filled(text: str, marks: Mapping[str, str]) -> str:
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


def follow(directory: Path, client: Callable[[Mapping[str, str]], Any], say: Callable[[str], None]) -> bool:
    """One pass over all applications of this host; whether all of them are what the bucket says.

    Args:
        directory: with ``applications.json`` and ``bucket.json``.
        client: makes a client of S3 for what ``bucket.json`` says.
        say: takes a sentence for the journal.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

    try:
        place = json.loads((directory / "bucket.json").read_text())
        given = json.loads((directory / "applications.json").read_text())
        bucket = Download(client(place), place["bucket"])
    except (OSError, ValueError, KeyError, BotoCoreError) as error:
        say(f"{directory} can't be read: {error!r}. This host goes on with the releases that it has.")
        return False
    good = True
    for own in given["applications"]:
        name = own["staging"]["name"]
        try:
            told = Follower(own, given, bucket, say).run()
        except (Failed, OSError, BotoCoreError, ClientError) as error:
            say(f"{name} stays as it is: {error}")
            good = False
        else:
            if told:
                say(told)
    return good


def s3(place: Mapping[str, str]) -> Any:
    """A client with the credentials of the instance's role."""
    import botocore.session  # noqa: PLC0415 - a second, and the tests of what is above do without
    from botocore.config import Config  # noqa: PLC0415

    settings = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
    return botocore.session.get_session().create_client(
        "s3", region_name=place["region"], endpoint_url=place.get("endpoint") or None, config=settings
    )


def main(words: list[str]) -> int:
    """One pass; 1 when an application is not what the bucket says.

    Args:
        words: of the command; a directory may be the first.
    """
    os.umask(0o022)
    return 0 if follow(Path(words[0]) if words else DIRECTORY, s3, lambda text: print(text, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
