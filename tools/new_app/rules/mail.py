# SPDX-License-Identifier: MIT
"""Outgoing mail."""

from __future__ import annotations

import re

from tools.new_app.project import Draft, Project

SENDS = re.compile(
    r"\b(send_mail|send_mass_mail|mail_admins|mail_managers|EmailMessage|EmailMultiAlternatives|email_user|PasswordResetView)\b"
)
APPLICATIONS = (
    "allauth", "allauth.account", "registration", "django_registration", "dj_rest_auth.registration", "anymail", "post_office",
)  # fmt: skip
# Django's settings, and what a variable that one of them reads is given.
SETTINGS = {
    "EMAIL_HOST": "${mail_host}",
    "EMAIL_PORT": "${mail_port}",
    "EMAIL_HOST_USER": "${mail_user}",
    "EMAIL_HOST_PASSWORD": "${mail_password}",
    "EMAIL_USE_TLS": "${mail_use_tls}",
    "EMAIL_USE_SSL": "${mail_use_ssl}",
    "DEFAULT_FROM_EMAIL": "${mail_sender}",
    "SERVER_EMAIL": "${mail_sender}",
}
URL = re.compile(r"(\w+_)?(EMAIL|SMTP|MAIL)_(URL|URI|DSN)")


def mail(project: Project, draft: Draft) -> None:
    """Asks by which server a project sends that sends mail at all, and says how it is told."""
    variables = _variables(project)
    senders = [
        str(path) for path in project.python_files() if SENDS.search(project.text(path)) and "test" not in path.name
    ]
    installed = [one for one in APPLICATIONS if one in project.settings.strings("INSTALLED_APPS")]
    why = next(iter([*installed, *senders, *variables]), "")
    if not why:
        return
    how = (
        "give its settings " + ", ".join(f"{name}: {value}" for name, value in variables.items())
        if variables
        else "add 'mail' to managed_settings"
    )
    # Without braces: Ansible would fill them in before anybody reads the question.
    sentence = (
        f"It sends mail ({why}): by which server, and from which address? Write mail with its host, user, sender, and the password from "
        f"secrets.applications.{draft.name}.mail_password (docs/applications.md), and {how}."
    )
    if draft.environment in ("lab", "local"):
        draft.open.append(sentence)
    else:
        draft.questions.append(f"{sentence} If it shall send none, remove this question.")


def _variables(project: Project) -> dict[str, str]:
    """The variables from which its settings take the server, and what each is given; none where the server is written out."""
    url = next((name for name in project.settings.variables if URL.fullmatch(name)), "")
    if url:
        return {url: "${mail_url}"}
    found = {}
    for setting, given in SETTINGS.items():
        value = project.settings.get(setting)
        if value and value.variables:
            found.setdefault(value.variables[0].name, given)
    return found if "${mail_host}" in found.values() else {}
