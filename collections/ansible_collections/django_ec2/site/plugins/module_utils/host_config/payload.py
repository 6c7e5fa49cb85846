# SPDX-License-Identifier: MIT
"""How the contents of files travel from the controller to a host. Knows both ends, and nothing of the files."""

from __future__ import annotations

import base64
import json
import zlib


def pack(contents: list[bytes]) -> str:
    """One string that carries all contents, binary ones too, and shows none of them."""
    texts = [base64.b64encode(content).decode("ascii") for content in contents]
    return base64.b64encode(zlib.compress(json.dumps(texts).encode("ascii"))).decode("ascii")


def unpack(payload: str | None) -> list[bytes]:
    """The contents in their order."""
    if not payload:
        return []
    return [base64.b64decode(text) for text in json.loads(zlib.decompress(base64.b64decode(payload)))]
