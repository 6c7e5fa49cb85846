"""The secret key."""

from __future__ import annotations

from tools.new_app.project import Draft, Project


def secret_key(project: Project, draft: Draft) -> None:
    """From the variable that the settings read, or set by the product."""
    key = project.settings.get("SECRET_KEY")
    if key and key.variables:
        draft.give(key.variables[0], draft.secret("secret_key"), secretly=True)
        return
    draft.manage(
        "secret_key", "the secret key is written in the settings, or made there" if key else "there is no SECRET_KEY"
    )
    draft.give_name("SECRET_KEY", draft.secret("secret_key"), secretly=True)
