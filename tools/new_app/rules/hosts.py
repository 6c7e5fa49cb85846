# SPDX-License-Identifier: MIT
"""The domains that Django answers."""

from __future__ import annotations

import re

from tools.new_app.expressions import Variable
from tools.new_app.project import Draft, Project
from tools.new_app.settings import Value


def hosts(project: Project, draft: Draft) -> None:
    """ALLOWED_HOSTS and the lists of origins, from the variables that the settings read, or set by the product."""
    allowed = project.settings.get("ALLOWED_HOSTS")
    if allowed and allowed.variables:
        variable = _best(allowed.variables)
        draft.give(variable, _domains(allowed, draft, "https://" if variable.name.endswith("URL") else ""))
    else:
        draft.manage(
            "hosts", "ALLOWED_HOSTS is fixed" + (f" ({allowed.text})" if allowed and len(allowed.text) < 60 else "")
        )
    for setting in ("CSRF_TRUSTED_ORIGINS", "CORS_ALLOWED_ORIGINS"):
        origins = project.settings.get(setting)
        if origins and origins.variables:
            draft.give(_best(origins.variables), _domains(origins, draft, "https://"))


def _best(variables: list[Variable]) -> Variable:
    """Of several, the one that is named for hosts or addresses."""
    return next((one for one in variables if re.search(r"HOST|ORIGIN|DOMAIN|URL", one.name)), variables[0])


def _domains(value: Value, draft: Draft, prefix: str = "") -> str:
    """A value of a variable that the settings take apart into domains, in the form that Django wants."""
    split = re.search(r"\.split\((?:['\"](.*?)['\"])?", value.text)
    separator = "," if split is None or (split[1] is None and "split()" not in value.text) else (split[1] or " ")
    # `*.example.org` is `.example.org` among hosts, and stays as it is among origins.
    domain = draft.domain if prefix else draft.domain.removeprefix("*")
    return separator.join(prefix + one for one in [domain])
