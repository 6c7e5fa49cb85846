# SPDX-License-Identifier: MIT
"""Variables that the settings read and no other rule knows."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project

SECRET = re.compile(r"KEY|TOKEN|PASSWORD|PASSWD|SECRET|DSN|CREDENTIAL")
# Those that playbooks/secrets.yml makes in any case.
MADE = ("secret_key", "api_token", "admin_password")
RELEASES = ("RELEASE", "SENTRY_RELEASE", "APP_RELEASE")


def variables(project: Project, draft: Draft) -> None:
    """What the settings do not start without, and what they can do without."""
    known = project.settings.variables
    needed: list[str] = []
    for variable in known.values():
        name = variable.name
        if name in draft.given or name == "DJANGO_SETTINGS_MODULE" or not variable.required:
            continue
        if not SECRET.search(name):
            draft.give(variable, "")
            needed.append(name)
            continue
        draft.give(variable, draft.secret(name.lower()), secretly=True)
        if name.lower() not in MADE:
            own = f"secrets.applications.{draft.name}.{name.lower()}"
            draft.questions.append(
                f"{name} is a secret of the project's own, and its settings do not start without it: write it to {own} "
                f"(docs/secrets.md), or add '{name.lower()}' to secrets_names when any random value will do."
            )
    if needed:
        values = "their values" if needed[1:] else "its value"
        draft.questions.append(
            f"The settings do not start without {', '.join(needed)}: write {values} into environment."
        )
    for name in RELEASES:
        if name in known:
            draft.give(known[name], "${release}")
    optional = sorted(set(known) - draft.given - {"DJANGO_SETTINGS_MODULE"})
    if optional:
        draft.found.append(
            f"The settings read further variables, which have defaults or can be left out: {', '.join(optional)}."
        )
