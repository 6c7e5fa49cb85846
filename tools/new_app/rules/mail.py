# SPDX-License-Identifier: MIT
"""Outgoing mail."""

from __future__ import annotations

import re

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import ENTRY

from tools.new_app.project import Draft, Project

SENDS = re.compile(
    r"\b(send_mail|send_mass_mail|mail_admins|mail_managers|EmailMessage|EmailMultiAlternatives|email_user|PasswordResetView)\(?"
)
VARIABLES = re.compile(r"(\w+_)?(EMAIL|SMTP|MAIL)_(URL|HOST|PORT|(HOST_)?(USER|USERNAME|PASSWORD)|USE_TLS|USE_SSL)")
APPLICATIONS = (
    "allauth",
    "allauth.account",
    "registration",
    "django_registration",
    "dj_rest_auth.registration",
    "anymail",
    "post_office",
)


def mail(project: Project, draft: Draft) -> None:
    """Asks by which server a project sends that sends mail at all."""
    senders = [
        str(path) for path in project.python_files() if SENDS.search(project.text(path)) and "test" not in path.name
    ]
    installed = [one for one in APPLICATIONS if one in project.settings.strings("INSTALLED_APPS")]
    variables = [name for name in project.settings.variables if VARIABLES.fullmatch(name) and name not in draft.given]
    if not (senders or installed or variables):
        return
    why = next(iter(installed or senders or variables))
    where = (
        "write its host, user and sender to 'mail' (docs/applications.md)"
        if any(key.name == "mail" for key in ENTRY)
        else f"write {', '.join(variables)} into environment and secret_environment"
        if variables
        else "set EMAIL_HOST and the like in 'settings'"
    )
    sentence = f"It sends mail ({why}): by which server, and from which address? For that {where}."
    if draft.environment in ("lab", "local"):
        draft.open.append(sentence)
    else:
        draft.questions.append(f"{sentence} If it shall send none, remove this question.")
