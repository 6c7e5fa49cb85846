# SPDX-License-Identifier: MIT
"""Extensions of PostgreSQL that its migrations ask for."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project

EXTENSIONS = {
    "TrigramExtension": "pg_trgm", "CITextExtension": "citext", "HStoreExtension": "hstore", "UnaccentExtension": "unaccent",
    "BtreeGinExtension": "btree_gin", "BtreeGistExtension": "btree_gist", "CryptoExtension": "pgcrypto",
    "BloomExtension": "bloom", "VectorExtension": "vector",
}  # fmt: skip


def extensions(project: Project, draft: Draft) -> None:
    """``database``: the extensions, and the passwords of its two roles."""
    found: set[str] = set()
    for path in project.files:
        if path.suffix == ".py" and "migrations" in path.parts:
            text = project.text(path)
            found |= {extension for operation, extension in EXTENSIONS.items() if f"{operation}(" in text}
            found |= set(re.findall(r"CreateExtension\(\s*(?:name\s*=\s*)?[\"']([\w-]+)", text))
            found |= set(re.findall(r"CREATE EXTENSION (?:IF NOT EXISTS )?\"?(\w+)", text, re.IGNORECASE))
    if found:
        draft.found.append(f"Its migrations ask for extensions of PostgreSQL: {', '.join(sorted(found))}.")
    # A URL says the engine by its scheme.
    geographic = "django.contrib.gis" in project.settings.strings("INSTALLED_APPS")
    url = "${database_url}" in draft.entry.get("secret_environment", {}).values()
    draft.entry["database"] = {
        **({"url_scheme": "postgis"} if geographic and url else {}),
        **({"extensions": sorted(found)} if found else {}),
        # Two logins take turns when passwords are replaced.
        "login": draft.secret("database_login | default('')"),
        "password": draft.secret("database_password"),
        "owner_password": draft.secret("database_owner_password"),
    }
