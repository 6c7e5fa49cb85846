# SPDX-License-Identifier: MIT
"""Tar archives that people bring, whole or not at all."""

from __future__ import annotations

import contextlib
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 20


class DamagedArchive(Exception):
    """It is no tar archive, or not all of one; the text says what was found."""


@contextlib.contextmanager
def open_whole(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar archive, compressed or not, and read it to its end.

    A compressed one has its check sum behind the end that tar itself looks for: who stops there takes damaged files for good ones.

    Raises:
        DamagedArchive: it can't be read to its end.
    """
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(tarfile.open(path))
            archive.getmembers()
            while archive.fileobj and archive.fileobj.read(BLOCK):
                pass
        except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise DamagedArchive(f"{path.name} is no whole tar archive ({error})") from None
        yield archive
