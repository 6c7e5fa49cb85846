# SPDX-License-Identifier: MIT
"""Python packages that the product adds."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project


def packages(project: Project, draft: Draft) -> None:
    """A driver for PostgreSQL, where its requirements name none."""
    needs = project.requirements
    if needs.has("psycopg", "psycopg2", "psycopg2-binary", "psycopg[binary]"):
        return
    old = re.search(r"==\s*([123]\.|4\.[01])", needs.packages.get("django", ""))
    driver = "psycopg2-binary" if old else "psycopg[binary]>=3.1"
    draft.entry["packages"] = [driver]
    draft.found.append(f"Its requirements name no driver for PostgreSQL: {driver} is added.")
