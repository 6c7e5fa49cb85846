# SPDX-License-Identifier: MIT
"""What the generators of the docs share: a page is read, filled in between its marker comments, and compared or written.

A generator names its pages and how each is filled in; ``bring_up_to_date`` does the rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

# A page, and what makes its new text of its present one.
Page = tuple[Path, Callable[[str], str]]


class PageError(Exception):
    """A page cannot be filled in; the message says what is missing in it."""


def parser(description: str) -> argparse.ArgumentParser:
    """The words that every generator takes."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--check", action="store_true", help="change nothing; fail when a page is not up to date")
    return made


def between(text: str, start: str, end: str, content: str) -> str:
    """A page with ``content`` between two marker lines.

    Raises:
        PageError: it lacks one of them.
    """
    before, found, rest = text.partition(start)
    _old, closed, after = rest.partition(end)
    if not found or not closed:
        raise PageError(f"has no place for what is generated: add the lines '{start}' and '{end}'.")
    return f"{before}{start}\n{content}{end}{after}"


def bring_up_to_date(pages: Iterable[Page], check: bool) -> int:
    """Write the pages that are not as they should be, or with ``check`` say which those are.

    Returns:
        The exit code: 0, or 1 where a page is not up to date or cannot be filled in.
    """
    problems = []
    for path, fill in pages:
        try:
            before = path.read_text(encoding="utf-8")
            after = fill(before)
            if before != after and not check:
                path.write_text(after, encoding="utf-8")
                print(f"{path} written")
            elif before != after:
                problems.append(f"{path} is not up to date: run 'make docs'.")
        except FileNotFoundError as error:
            problems.append(f"{error.filename} is missing: write it, with the marker lines of a page like it.")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path} cannot be read or written: {error}")
        except PageError as error:
            problems.append(f"{path} {error}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0
