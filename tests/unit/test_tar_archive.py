"""A tar archive that somebody brings is taken whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports import dump
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.media import place
from ansible_collections.django_ec2.site.plugins.module_utils.tar_archive import DamagedArchive, open_whole

# Bytes that no compression makes smaller: damage among them is seen by the check sum alone.
SIZE = 100_000


def packed(name: str) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = SIZE
        archive.addfile(member, io.BytesIO(os.urandom(SIZE)))
    return gzip.compress(plain.getvalue())


def cut(whole: bytes) -> bytes:
    return whole[: SIZE // 2]


def altered(whole: bytes) -> bytes:
    middle = SIZE // 2
    return whole[:middle] + bytes(byte ^ 255 for byte in whole[middle : middle + 64]) + whole[middle + 64 :]


def without_check_sum(whole: bytes) -> bytes:
    return whole[:-8]


def test_a_whole_one_is_opened(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(packed("a.jpg"))
    with open_whole(tmp_path / "x.tar.gz") as archive:
        assert archive.getnames() == ["a.jpg"]


@pytest.mark.parametrize("damage", [cut, altered, without_check_sum])
def test_a_damaged_one_is_refused_by_its_name(tmp_path: Path, damage) -> None:
    path = tmp_path / "x.tar.gz"
    path.write_bytes(damage(packed("toc.dat")))
    with pytest.raises(DamagedArchive, match=r"x\.tar\.gz is no whole tar archive"), open_whole(path):
        pass
    with pytest.raises(dump.DumpRefused, match=r"no whole tar archive .*Make it again"):
        dump.look(path, tmp_path / "room")
    target = tmp_path / "media"
    target.mkdir()
    with pytest.raises(Refusal, match="no whole tar archive"):
        place(path, target, "nobody-here", tmp_path / "kept", apply=True)
    assert list(target.iterdir()) == []
