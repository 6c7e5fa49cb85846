# SPDX-License-Identifier: MIT
"""For how long browsers visit by HTTPS alone."""

from __future__ import annotations

from tools.new_app.project import Draft, Project


def hsts(project: Project, draft: Draft) -> None:
    """``hsts``, as the settings say it of pages: then files, redirects and error pages say it as well."""
    settings = project.settings
    value = settings.get("SECURE_HSTS_SECONDS")
    if value is None or value.variables:
        return
    seconds = value.literal
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        return
    subdomains = "; includeSubDomains" if settings.literal("SECURE_HSTS_INCLUDE_SUBDOMAINS") is True else ""
    preload = "; preload" if settings.literal("SECURE_HSTS_PRELOAD") is True else ""
    draft.entry["hsts"] = f"max-age={seconds}{subdomains}{preload}"
