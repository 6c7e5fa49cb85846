# SPDX-License-Identifier: MIT
"""The secrets of the applications in Parameter Store or Secrets Manager: read, and rotated."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.rotation import (
    LOGIN,
    OF_APPLICATIONS,
    OF_ENVIRONMENT,
    PENDING,
    ROTATED,
    Changes,
    Unfinished,
    changed,
    digests,
    new_values,
)

# How long a value that was written may take until it is the one that is read.
SECONDS = 60
PAUSE = 1.0


class StoreError(Exception):
    """The store can't be used; the message says what is missing, and where to write it."""


class ParameterStore:
    """One parameter a secret: ``<path>/<application>/<name>``."""

    def __init__(self, client: Any, path: str) -> None:
        self._client = client
        self._path = path.rstrip("/")

    def place(self, application: str, name: str) -> str:
        """Where a secret is, for people."""
        return f"the parameter {self._path}/{application}/{name}"

    def read(self, application: str, prefix: str) -> dict[str, str]:
        """The secrets of a database that a rotation has to know, as far as they are there."""
        names = [f"{self._path}/{application}/{prefix}_{name}" for name in (LOGIN, *ROTATED, PENDING)]
        found = self._client.get_parameters(Names=names, WithDecryption=True)["Parameters"]
        return {one["Name"].rpartition("/")[2]: one["Value"] for one in found}

    def begin(self, application: str, prefix: str, own: Mapping[str, str], values: Mapping[str, str]) -> None:
        """Write the new values. The first of all parameters holds them together: a run that is cut is gone on with by the next."""
        pending = self._put(application, f"{prefix}_{PENDING}", json.dumps(values), first=True)
        wanted = json.loads(pending)
        for name, value in wanted.items():
            if own.get(name) != value:
                self._put(application, name, value)

    def pending(self, prefix: str, own: Mapping[str, str]) -> dict[str, str]:
        """The values of a rotation that has begun; empty when there is none."""
        return json.loads(own.get(f"{prefix}_{PENDING}", "{}"))

    def end(self, application: str, prefix: str, own: Mapping[str, str]) -> None:
        """The rotation is over."""
        del own
        self._client.delete_parameter(Name=f"{self._path}/{application}/{prefix}_{PENDING}")

    def read_named(self, application: str, names: Sequence[str]) -> dict[str, str]:
        """Secrets of an application by their names, as far as they are there."""
        found = self._client.get_parameters(
            Names=[f"{self._path}/{application}/{name}" for name in names], WithDecryption=True
        )["Parameters"]
        return {one["Name"].rpartition("/")[2]: one["Value"] for one in found}

    def write(self, application: str, changes: Changes) -> None:
        """Write values one after the other, in their order; None takes one away."""
        for name, value in changes.items():
            if value is None:
                self._client.delete_parameter(Name=f"{self._path}/{application}/{name}")
            else:
                self._put(application, name, value)

    def _put(self, application: str, name: str, value: str, first: bool = False) -> str:
        """Write one parameter, encrypted with the key that it has, or that the first database's password has; returns its value."""
        full = f"{self._path}/{application}/{name}"
        try:
            self._client.put_parameter(
                Name=full, Value=value, Type="SecureString", Overwrite=not first, **self._key(application, name)
            )
        except self._client.exceptions.ParameterAlreadyExists:
            # Another run was there a moment before: its values are the ones.
            return self._client.get_parameter(Name=full, WithDecryption=True)["Parameter"]["Value"]
        return value

    def _key(self, application: str, name: str) -> dict[str, str]:
        names = [f"{self._path}/{application}/{one}" for one in (name, "database_password")]
        found = self._client.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": names}])["Parameters"]
        keys = {one["Name"]: one["KeyId"] for one in found if "KeyId" in one}
        key = keys.get(names[0]) or keys.get(names[1])
        return {"KeyId": key} if key else {}


class SecretsManager:
    """One secret an application, ``<path>/<application>``: a JSON mapping of its secrets."""

    def __init__(self, client: Any, path: str) -> None:
        self._client = client
        self._path = path.rstrip("/")

    def place(self, application: str, name: str) -> str:
        """Where a secret is, for people."""
        return f"the key {name} of the secret {self._path}/{application}"

    def read(self, application: str, prefix: str) -> dict[str, str]:
        """The application's secrets, all of them; they are written as one."""
        del prefix
        try:
            text = self._client.get_secret_value(SecretId=f"{self._path}/{application}")["SecretString"]
        except self._client.exceptions.ResourceNotFoundException:
            return {}
        try:
            content = json.loads(text)
        except ValueError as error:
            raise StoreError(
                f"The secret {self._path}/{application} is no JSON: write a mapping, as docs/secrets.md shows."
            ) from error
        if not isinstance(content, dict):
            raise StoreError(
                f"The secret {self._path}/{application} is no mapping: write one, as docs/secrets.md shows."
            )
        return content

    def begin(self, application: str, prefix: str, own: Mapping[str, str], values: Mapping[str, str]) -> None:
        """Write the new values, in one step."""
        if f"{prefix}_{PENDING}" not in own:
            self._write(application, {**own, **values, f"{prefix}_{PENDING}": "true"})

    def pending(self, prefix: str, own: Mapping[str, str]) -> dict[str, str]:
        """The values of a rotation that has begun; empty when there is none."""
        names = [f"{prefix}_{name}" for name in (LOGIN, *ROTATED)]
        return {name: own[name] for name in names} if f"{prefix}_{PENDING}" in own else {}

    def end(self, application: str, prefix: str, own: Mapping[str, str]) -> None:
        """The rotation is over."""
        self._write(application, {name: value for name, value in own.items() if name != f"{prefix}_{PENDING}"})

    def read_named(self, application: str, names: Sequence[str]) -> dict[str, str]:
        """Secrets of an application by their names, as far as they are there."""
        return {name: value for name, value in self.read(application, "").items() if name in names}

    def write(self, application: str, changes: Changes) -> None:
        """Write values in one step; None takes one away."""
        self._write(application, changed(self.read(application, ""), changes))

    def _write(self, application: str, content: Mapping[str, str]) -> None:
        self._client.put_secret_value(SecretId=f"{self._path}/{application}", SecretString=json.dumps(content))


KINDS = {"ssm": ParameterStore, "secretsmanager": SecretsManager}
Store = ParameterStore | SecretsManager


def rotate(
    store: Store, logins: Mapping[str, Mapping[str, list[str]]], step: str, check_mode: bool
) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Begin or end the rotation of these databases.

    Args:
        store: where their secrets are.
        logins: the two roles that take turns, by application and by the prefix of the database's secrets.
        step: ``begin`` or ``end``.
        check_mode: whether nothing is written.

    Returns:
        The names of what was replaced, and by application the name and the value of each secret that says whose turn it is.

    Raises:
        StoreError: a password is not there, before anything was written; or what was written is not read back.
    """
    databases = [(application, prefix) for application, own in sorted(logins.items()) for prefix in sorted(own)]
    _refuse_missing(store, databases)
    changed: list[str] = []
    turn: dict[str, dict[str, str]] = {}
    for application, prefix in databases:
        own, turns = store.read(application, prefix), logins[application][prefix]
        login, pending = f"{prefix}_{LOGIN}", f"{prefix}_{PENDING}"
        if step == "end":
            if pending in own:
                changed.append(f"applications.{application}.{pending}")
                if not check_mode:
                    store.end(application, prefix, own)
            turn.setdefault(application, {})[login] = own.get(login) or turns[0]
            continue
        values = store.pending(prefix, own) or new_values(prefix, own.get(login) or "", turns)
        changed += [f"applications.{application}.{name}" for name in values if own.get(name) != values[name]]
        if not check_mode:
            store.begin(application, prefix, own, values)
            values = _read_back(store, application, prefix)
        turn.setdefault(application, {})[login] = values[login]
    return changed, turn


def replace(
    store: Store, what: str, applications: Sequence[str], step: str, check_mode: bool
) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Make a step of the rotation of a secret of the environment, or that each of these applications has.

    Args:
        store: where their secrets are; those of the environment lie as an application of that name.
        what: one of ``OF_APPLICATIONS`` or ``OF_ENVIRONMENT``.
        applications: their names, for the former.
        step: ``begin``, ``switch``, ``end`` or ``finish``.
        check_mode: whether nothing is written.

    Returns:
        The names of what was written, and by application the SHA-256 of the secrets that belong to the rotation as they are after it.

    Raises:
        StoreError: a secret is not there, before anything was written; or what was written is not read back.
        Unfinished: the step can't be made yet.
    """
    rotation = OF_ENVIRONMENT.get(what) or OF_APPLICATIONS[what]
    above, places = ("", [what]) if what in OF_ENVIRONMENT else ("applications.", applications)
    name, names = rotation.name, [rotation.name, *rotation.others]
    found = {application: store.read_named(application, names) for application in places}
    if missing := [store.place(application, name) for application, own in found.items() if not own.get(name)]:
        raise StoreError(
            f"There is no value in {', '.join(missing)}: write what is in use there, and let the variable secrets look it up there "
            "(docs/secrets.md); or correct secrets_store."
        )
    planned: dict[str, Changes] = {}
    for application, own in found.items():
        try:
            planned[application] = rotation.steps(own, step)
        except Unfinished as error:
            raise Unfinished(f"{application}: {error}.") from error
    written, after = [], {}
    for application, changes in planned.items():
        written += [f"{above}{application}.{one}" for one in changes]
        after[application] = changed(found[application], changes)
        if changes and not check_mode:
            store.write(application, changes)
            _wait_until_read(store, application, names, after[application])
    return written, {application: digests(own) for application, own in after.items()}


def _wait_until_read(store: Store, application: str, names: Sequence[str], wanted: Mapping[str, str]) -> None:
    """Wait until a lookup reads what was written."""
    deadline = time.monotonic() + SECONDS
    while store.read_named(application, names) != wanted:
        if time.monotonic() > deadline:
            raise StoreError(_NOT_READ.format(application=application))
        time.sleep(PAUSE)


_NOT_READ = (
    f"The new secrets of {{application}} were written, and are not read back after {SECONDS} s: run the same playbook again, it goes on "
    "with the same values."
)


def _refuse_missing(store: Store, databases: Iterable[tuple[str, str]]) -> None:
    missing = [
        store.place(application, f"{prefix}_{name}")
        for application, prefix in databases
        for own in (store.read(application, prefix),)
        for name in ROTATED
        if not own.get(f"{prefix}_{name}")
    ]
    if missing:
        raise StoreError(
            f"There is no value in {', '.join(missing)}: write the passwords that are in use there, and let the variable secrets "
            "look them up there (docs/secrets.md); or correct secrets_store."
        )


def _read_back(store: Store, application: str, prefix: str) -> dict[str, str]:
    """The values of the rotation, as soon as they are what a lookup reads."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        own = store.read(application, prefix)
        values = store.pending(prefix, own)
        if values and all(own.get(name) == value for name, value in values.items()):
            return values
        time.sleep(PAUSE)
    raise StoreError(_NOT_READ.format(application=application))
