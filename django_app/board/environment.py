"""Reads settings from the environment and reports every problem at once.

One failed start should be enough to learn all that is missing, so the getters
note problems and return a stand-in; `check()` then stops the start.
"""

from collections.abc import Mapping
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


class Environment:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._missing: list[str] = []
        self._invalid: list[str] = []

    def required(self, name: str) -> str:
        value = self._variables.get(name, "").strip()
        if not value:
            self._missing.append(name)
        return value

    def text(self, name: str, default: str) -> str:
        # An empty variable is what an unset one looks like in an environment file.
        return self._variables.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "").lower()
        if value and value not in TRUE | FALSE:
            self._invalid.append(f"{name} must be one of 1, true, yes, on, 0, false, no, off")
        return value in TRUE if value else default

    def number(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not value.isdecimal():
            self._invalid.append(f"{name} must be a whole number")
            return default
        return int(value)

    def seconds_or_forever(self, name: str) -> int | None:
        """A number of seconds; unset, empty or `none` means without end."""
        if self.text(name, "none").lower() == "none":
            return None
        return self.number(name, 0)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            self._invalid.append(f"{name} must be one of {', '.join(allowed)}")
            return default
        return value

    def items(self, name: str) -> list[str]:
        return _split(self.text(name, ""))

    def required_items(self, name: str) -> list[str]:
        return _split(self.required(name))

    def database(self, name: str, *, max_age: int | None) -> dict[str, Any]:
        """The database of a URL; its query (sslmode, sslrootcert, …) becomes the driver's options."""
        url = self.required(name)
        if not url:
            return {}
        try:
            database = dict(dj_database_url.parse(url, conn_max_age=max_age, conn_health_checks=True))
        except ValueError:
            # The parser's own message may quote the URL, and with it the password.
            self._invalid.append(
                f"{name} must look like postgresql://user:password@host:5432/name?sslmode=verify-full, "
                "with special characters of the password percent-encoded"
            )
            return {}
        if database["ENGINE"] == "django.db.backends.postgresql":
            options = database.setdefault("OPTIONS", {})
            # A lost database must become a quick error: a worker that waits for the
            # kernel's own timeouts (minutes) serves nobody.
            options.setdefault("connect_timeout", 5)
            options.setdefault("tcp_user_timeout", 10_000)
        return database

    def check(self) -> None:
        problems = []
        if self._missing:
            problems.append(f"Missing environment variables: {', '.join(self._missing)}.")
        if self._invalid:
            problems.append(f"Invalid environment variables: {'; '.join(self._invalid)}.")
        if problems:
            problems.append("The application's README.md says what each one is.")
            raise ImproperlyConfigured(" ".join(problems))


def _split(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
