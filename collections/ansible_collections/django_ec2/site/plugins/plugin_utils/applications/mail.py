# SPDX-License-Identifier: MIT
"""Outgoing mail of an application: what its settings are told, and what can't work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Values of `mail.tls`: how django-environ's EMAIL_URL says them.
SCHEMES = {"starttls": "smtp+tls", "tls": "smtp+ssl", "none": "smtp"}


def mail_values(mail: Mapping[str, Any]) -> dict[str, str]:
    """Values of the placeholders ``mail_…``; empty ones without mail."""
    if not mail:
        keys = ("host", "port", "user", "password", "use_tls", "use_ssl", "sender", "admins", "url")
        return {f"mail_{key}": "" for key in keys}
    return {
        "mail_host": str(mail["host"]),
        "mail_port": str(mail["port"]),
        "mail_user": str(mail["user"]),
        "mail_password": str(mail["password"]),
        "mail_use_tls": str(mail["tls"] == "starttls"),
        "mail_use_ssl": str(mail["tls"] == "tls"),
        "mail_sender": str(mail["sender"]),
        "mail_admins": ",".join(mail["admins"]),
        "mail_url": _url(mail),
    }


def _url(mail: Mapping[str, Any]) -> str:
    login = f"{quote(str(mail['user']), safe='')}:{quote(str(mail['password']), safe='')}@" if mail["user"] else ""
    return f"{SCHEMES[mail['tls']]}://{login}{mail['host']}:{mail['port']}"


def mail_problems(mail: Mapping[str, Any]) -> Iterator[str]:
    """What of a complete ``mail`` can't work, each with the remedy."""
    if not mail:
        return
    if mail["tls"] == "none" and mail["host"] not in LOOPBACK:
        yield (
            f"mail.tls is none, and {mail['host']} is another host: login and mails would cross the network in clear. Write starttls "
            "(port 587) or tls (port 465)."
        )
    if mail["password"] and not mail["user"]:
        yield "mail has a password and no user: add mail.user, or take the password out."


def mail_question(application: Mapping[str, Any]) -> dict[str, Any]:
    """What the program mail.py is asked inside the release, before it becomes live."""
    mail = application["mail"]
    return {"host": str(mail["host"]), "port": int(mail["port"]), "user": str(mail["user"]), "tls": mail["tls"]}
