# SPDX-License-Identifier: MIT
"""What values of an entry ask for as ``${name}``, and how it is filled in. ``$${name}`` stands for the characters themselves.

Text in braces that is no small word, such as ``${HOME}``, is no placeholder and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"(\$?)\$\{([a-z_]+)\}")


def placeholders(value: Any) -> list[str]:
    """The words that a value asks for; of a list or a mapping, those of all values inside."""
    if isinstance(value, Mapping):
        return [word for one in value.values() for word in placeholders(one)]
    if isinstance(value, (list, tuple)):
        return [word for one in value for word in placeholders(one)]
    return [word for escaped, word in _PLACEHOLDER.findall(str(value)) if not escaped]


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with the values of its placeholders. What the values hold is not looked at again."""
    return _PLACEHOLDER.sub(lambda found: found[0][1:] if found[1] else values[found[2]], text)


def filled_structure(value: Any, values: Mapping[str, str]) -> Any:
    """A value with all strings inside filled in."""
    if isinstance(value, Mapping):
        return {key: filled_structure(one, values) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled_structure(one, values) for one in value]
    return filled(value, values) if isinstance(value, str) else value
