# SPDX-License-Identifier: MIT
"""The site's own address, where the project asks for it."""

from __future__ import annotations

import re

from tools.new_app.expressions import Variable
from tools.new_app.project import Draft, Project

# Ends of names, beside the names of a product of its own (PAPERLESS_URL) that end in the same way.
OWN = r"(SITE|BASE|PUBLIC|APP|APPLICATION|SERVER|ROOT|CANONICAL|EXTERNAL|INSTANCE|WEB|WEBSITE|HOME|MAIN|MY|DJANGO|PRIMARY)"
URL = re.compile(rf"(^|_){OWN}_?(URL|URI|ORIGIN|ADDRESS)$")
HOST = re.compile(
    rf"(^|_){OWN}_?(DOMAIN|HOST|HOSTNAME|FQDN)$|^(DOMAIN|DOMAIN_NAME|FQDN|VIRTUAL_HOST|HOSTNAME|CANONICAL_HOST)$"
)
# Of something else: a database's host has these in its name.
OTHER = re.compile(
    r"(^|_)(DB|DATABASE|SQL|POSTGRES|PG|REDIS|CACHE|BROKER|EMAIL|SMTP|MAIL|STATIC|MEDIA|S3|AWS|LDAP|SENTRY|CSP|OIDC|SAML|ELASTIC\w*|SEARCH|API)(_|$)"
)
# `SITE_ROOT = os.getenv("SITE_ROOT", "http://localhost:8000")`: the name says little, the default says what it is.
LOCAL = re.compile(r"https?://(localhost|127\.0\.0\.1|example\.(com|org))(:80\d\d)?/?")
NAMED = re.compile(rf"(^|_){OWN}(_|$)")
# Settings that are the site's address, where nothing but an example is written.
SETTINGS = ("WAGTAILADMIN_BASE_URL", "SITE_URL", "BASE_URL")


def site(project: Project, draft: Draft) -> None:
    """Variables that are the site's URL or host, filled with its domain."""
    filled = []
    for variable in project.settings.variables.values():
        value = _value(project, variable, draft.domain)
        if value and variable.name not in draft.given:
            draft.give(variable, value)
            filled.append(variable.name)
    for setting in SETTINGS:
        written = project.settings.literal(setting)
        if isinstance(written, str) and LOCAL.fullmatch(written):
            draft.entry.setdefault("settings", {})[setting] = f"https://{draft.domain}" + (
                "/" if written.endswith("/") else ""
            )
            filled.append(setting)
    if filled:
        draft.found.append(f"{', '.join(filled)} is the site's own address by its name: filled with {draft.domain}.")


def _value(project: Project, variable: Variable, domain: str) -> str:
    if OTHER.search(variable.name):
        return ""
    default = variable.default if isinstance(variable.default, str) else ""
    origins = {
        one.name
        for setting in ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS")
        if (value := project.settings.get(setting))
        for one in value.variables
    }
    if NAMED.search(variable.name) and LOCAL.fullmatch(default):
        return f"https://{domain}" + ("/" if default.endswith("/") else "")
    if URL.search(variable.name) or (variable.name in origins and variable.name.endswith("URL")):
        return f"https://{domain}" + ("/" if default.endswith("/") else "")
    if HOST.search(variable.name):
        return f"https://{domain}" if default.startswith(("http://", "https://")) else domain
    return ""
