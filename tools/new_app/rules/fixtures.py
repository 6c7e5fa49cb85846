# SPDX-License-Identifier: MIT
"""Data that pages may need from the first request on."""

from __future__ import annotations

from tools.new_app.project import Draft, Project


def fixtures(project: Project, draft: Draft) -> None:
    """Names the fixtures: whether pages need them, no file tells."""
    found = sorted(
        path.stem.partition(".")[0]
        for path in project.files
        if path.parent.name == "fixtures"
        and path.suffix in (".json", ".yaml", ".yml", ".xml", ".jsonl")
        and not {"tests", "test", "testing"} & set(path.parts)
        and "test" not in path.stem
    )
    if found:
        draft.questions.append(
            f"It has fixtures ({', '.join(dict.fromkeys(found))}): do its pages need one of them from the first request on? Then write "
            f"initial_commands: [loaddata {found[0]}]; if none is needed, remove this question."
        )
