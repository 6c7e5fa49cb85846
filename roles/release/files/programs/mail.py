# SPDX-License-Identifier: MIT
"""Log in to the mail server with the settings of a release, as a mail of it would; none is sent.

Runs inside a release, by its own Python and as the application's user: the module release_mail hands it over.
"""

import smtplib

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend

SECONDS = 10


def answer(given):
    """Open a connection and log in.

    Args:
        given: ``host``, ``port``, ``user`` and ``tls`` of the entry.

    Returns:
        ``proven``; ``problem`` where it can't send; ``backend`` where another way of sending than SMTP was chosen.
    """
    connection = get_connection(fail_silently=False)
    name = f"{type(connection).__module__}.{type(connection).__qualname__}"
    if not isinstance(connection, EmailBackend):
        return {"proven": False, "backend": name}
    settings_say = (str(connection.host), int(connection.port), str(connection.username or ""), _tls(connection))
    entry_says = (given["host"], given["port"], given["user"], given["tls"])
    if settings_say != entry_says:
        return {
            "proven": False,
            "problem": f"its settings send mail by {_words(*settings_say)}, and not by {_words(*entry_says)}: give it "
            "managed_settings: [mail], or EMAIL_HOST: ${mail_host} and the like in its environment",
        }
    connection.timeout = min(connection.timeout or SECONDS, SECONDS)
    try:
        connection.open()
    except smtplib.SMTPAuthenticationError as error:
        return {
            "proven": False,
            "problem": f"{given['host']} refuses the login of {given['user']}: {_said(error.smtp_error)}",
        }
    except (OSError, smtplib.SMTPException) as error:
        return {"proven": False, "problem": f"{_words(*entry_says)} can't be used: {type(error).__name__}: {error}"}
    connection.close()
    return {"proven": True, "sender": str(settings.DEFAULT_FROM_EMAIL)}


def _tls(connection):
    return "tls" if connection.use_ssl else "starttls" if connection.use_tls else "none"


def _words(host, port, user, tls):
    return f"{host}:{port} (user '{user}', tls: {tls})"


def _said(message):
    return message.decode(errors="replace") if isinstance(message, bytes) else str(message)
