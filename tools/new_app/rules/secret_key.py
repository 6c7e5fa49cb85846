# SPDX-License-Identifier: MIT
"""The secret key."""

from __future__ import annotations

from tools.new_app.project import Draft, Project
from tools.new_app.rules.files import names_a_file


def secret_key(project: Project, draft: Draft) -> None:
    """From the variable that the settings read, or set by the product."""
    key = project.settings.get("SECRET_KEY")
    variable = next((one for one in key.variables if not names_a_file(one.name)), None) if key else None
    if variable is not None:
        draft.give(variable, draft.secret("secret_key"), secretly=True)
        further = project.settings.get("SECRET_KEY_FALLBACKS")
        for one in further.variables if further else ():
            draft.give(one, _further_keys(draft), secretly=True)
        return
    if key is None:
        reason = "there is no SECRET_KEY"
    elif key.variables:
        reason = f"SECRET_KEY is read from a file that {key.variables[0].name} names"
    else:
        reason = "the secret key is written in the settings, or made there"
    draft.manage("secret_key", reason)
    draft.give_name("SECRET_KEY", draft.secret("secret_key"), secretly=True)
    draft.give_name("SECRET_KEY_FALLBACKS", _further_keys(draft), secretly=True)


def _further_keys(draft: Draft) -> str:
    """None but while a rotation replaces the key."""
    return f"{{{{ secrets.applications.{draft.name}.secret_key_fallbacks | default('') }}}}"
