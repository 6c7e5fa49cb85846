# SPDX-License-Identifier: MIT
"""DEBUG, and cookies that travel by TLS alone."""

from __future__ import annotations

import re

from tools.new_app.expressions import Variable
from tools.new_app.project import Draft, Project
from tools.new_app.settings import Value


def security(project: Project, draft: Draft) -> None:
    """Off by the variable that the settings read, or by the product."""
    debug = project.settings.get("DEBUG")
    if debug and debug.variables:
        _debug(debug, debug.variables[0], draft)
    if debug and debug.literal is True:
        draft.manage("security", "DEBUG is True")
    elif not project.settings.get("SESSION_COOKIE_SECURE") and "security" not in draft.managed:
        draft.manage("security", "SESSION_COOKIE_SECURE is not set, so cookies would travel without TLS, too")


def _debug(value: Value, variable: Variable, draft: Draft) -> None:
    if value.bare:
        draft.open.append(
            f"DEBUG is the text of {variable.name} as it is, so every text but an empty one turns it on. It is left out here; "
            "'security' in managed_settings keeps DEBUG off in any case."
        )
        draft.manage("security", f"DEBUG depends on {variable.name} in a way that is easily got wrong")
    elif not (variable.default in (False, None, "", 0, "0", "False", "false", "no") and not variable.required):
        equal = re.search(r"== ?['\"](\w+)['\"]", value.text)
        draft.give(variable, "0" if equal and equal[1] == "1" else "no" if equal and equal[1] == "yes" else "False")
