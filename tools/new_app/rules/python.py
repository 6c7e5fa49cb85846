# SPDX-License-Identifier: MIT
"""The Python version that it asks for, and those of the hosts."""

from __future__ import annotations

from tools.new_app.project import Draft, Project

# Python of the supported hosts.
PYTHONS = {"Debian 12": "3.11", "Debian 13": "3.13"}


def python(project: Project, draft: Draft) -> None:
    """Which hosts have a Python that the project accepts."""
    stated = project.requirements.requires_python
    if not stated:
        draft.found.append(
            f"No Python version is stated. The hosts have {' and '.join(f'{python} ({suite})' for suite, python in PYTHONS.items())}: "
            "make sure that the project runs with theirs."
        )
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - a part of the controller's .venv

    try:
        allowed = SpecifierSet(stated)
    except InvalidSpecifier:
        draft.open.append(f"The stated Python version '{stated}' cannot be read.")
        return
    # A patch release in the middle: ">=3.11.2" means the series 3.11.
    fit = [f"{suite} ({python})" for suite, python in PYTHONS.items() if allowed.contains(f"{python}.9")]
    if not fit:
        draft.questions.append(
            f"It asks for Python {stated}, which no supported Debian has, and a deploy refuses it. To loosen requires-python is a change "
            "of the project's code, for its developers to make and test; ignore_requires_python: true builds it as it is. Which of them?"
        )
    elif len(fit) < len(PYTHONS):
        draft.open.append(f"It asks for Python {stated}: the hosts have to be {fit[0]}.")
    else:
        draft.found.append(f"Python {stated} suits {' and '.join(fit)}.")
