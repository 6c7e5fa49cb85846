# SPDX-License-Identifier: MIT
"""What the entries make of a rotation of secrets: whether they follow it, and what they are when it has gone on.

An entry says who logs in by a value of the secrets (``database.login``). One that says nothing of it would get a new password for
the login that is in use, and the running application would be refused. In the same way it says which keys of Django count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.module_utils import rotation
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import OTHER

Turns = dict[str, dict[str, list[str]]]


def secrets_prefix(alias: str = "") -> str:
    """What the names of a database's secrets begin with: its ``_login``, ``_password`` and ``_owner_password``.

    Args:
        alias: of a further database; empty for the first one.
    """
    return f"database_{alias}" if alias else "database"


def rotating_logins(resolved: Sequence[Mapping[str, Any]]) -> Turns:
    """The two logins of each database that take turns, by application and by the prefix of its secrets."""
    return {
        entry["name"]: {
            secrets_prefix(alias): [one["user"], one["user"] + OTHER] for alias, one in _databases(entry).items()
        }
        for entry in resolved
    }


def turned(secrets: Mapping[str, Any], turns: Turns) -> dict[str, Any]:
    """The secrets with the other login of each database, to see which entries follow."""
    after = plain_copy(secrets)
    applications = after.setdefault("applications", {})
    for name, own in turns.items():
        values = applications.setdefault(name, {})
        for prefix, logins in own.items():
            values[f"{prefix}_login"] = other(logins, values.get(f"{prefix}_login"))
    return after


def plain_copy(value: Any) -> Any:
    """A copy to write into. Not by ``copy.deepcopy``: what templates have not filled in yet does not bear it."""
    if isinstance(value, Mapping):
        return {key: plain_copy(one) for key, one in value.items()}
    return [plain_copy(one) for one in value] if isinstance(value, list) else value


def other(logins: Sequence[str], current: str | None) -> str:
    """The login whose turn is next."""
    return next(login for login in logins if login != (current or logins[0]))


def rotation_problems(resolved: Sequence[Mapping[str, Any]], secrets: Mapping[str, Any]) -> list[str]:
    """Entries that do not follow a turn of logins, in sentences with the remedy.

    Args:
        resolved: what ``resolve_applications`` makes of the entries with the secrets that ``turned`` returned.
        secrets: these.
    """
    return [problem for entry in resolved for problem in _problems(entry, secrets["applications"][entry["name"]])]


def logins_elsewhere(secrets: Mapping[str, Any], turn: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The applications whose secrets do not have the logins that were written, so they are looked up somewhere else.

    Args:
        secrets: the mapping of that name, as it is looked up now.
        turn: what was written, by application and name.
    """
    applications = secrets.get("applications") or {}
    return [
        application
        for application, written in sorted(turn.items())
        if any((applications.get(application) or {}).get(name) != value for name, value in written.items())
    ]


def _problems(entry: Mapping[str, Any], secrets: Mapping[str, Any]) -> Iterator[str]:
    for alias, one in _databases(entry).items():
        name = f"{secrets_prefix(alias)}_login"
        if one["login"] != secrets[name]:
            place = f"applications.{entry['name']}.{f'databases.{alias}' if alias else 'database'}"
            yield (
                f"{place}.login does not follow the turn of its two logins, so the running application would be refused. "
                f"Write: login: \"{{{{ secrets.applications.{entry['name']}.{name} | default('') }}}}\""
            )


def _databases(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {"": entry["database"], **entry["databases"]}


def with_secret(secrets: Mapping[str, Any], what: str, names: Sequence[str], app: str = "") -> list[str]:
    """The applications whose secret can be replaced: all that have one among the secrets, or the one that is asked for.

    Args:
        secrets: the mapping of that name.
        what: one of ``OF_APPLICATIONS`` of ``module_utils/rotation.py``.
        names: of all applications.
        app: the one application; empty is all of them.
    """
    name = rotation.OF_APPLICATIONS[what].name
    own = secrets.get("applications") or {}
    return sorted(one for one in names if app in ("", one) and (own.get(one) or {}).get(name))


def after_step(secrets: Mapping[str, Any], what: str, names: Sequence[str], step: str) -> dict[str, Any]:
    """The secrets after a step of a rotation, as the file or the store has them then."""
    after = plain_copy(secrets)
    name = what
    try:
        if what in rotation.OF_ENVIRONMENT:
            one = rotation.OF_ENVIRONMENT[what]
            rotation.put(after[one.below] if one.below else after, one.steps(one.own(after), step))
        for name in names if what in rotation.OF_APPLICATIONS else []:
            own = after["applications"][name]
            rotation.put(own, rotation.OF_APPLICATIONS[what].steps(own, step))
        if what == "redis" and after.get("redis_admin_password"):
            name = "redis_admin_password"
            own = {key: after[key] for key in (name, name + rotation.OLD) if key in after}
            rotation.put(after, rotation.password_changes(own, step, name))
    except rotation.Unfinished as error:
        raise AnsibleFilterError(f"{name}: {error}.") from error
    return after


def with_probes(secrets: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The secrets with other keys of Django, to see which entries follow."""
    after = plain_copy(secrets)
    for name in names:
        after["applications"][name] |= {rotation.KEY: "probe-key", rotation.KEY_FALLBACKS: "probe-fallbacks"}
    return after


def secret_key_problems(resolved: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    """Entries whose key, or whose further keys, are not those of the secrets, in sentences with the remedy.

    Args:
        resolved: what ``resolve_applications`` makes of the entries with the secrets of ``with_probes``.
        names: the applications whose key is to be replaced.
    """
    problems = []
    for entry in resolved:
        if entry["name"] not in names:
            continue
        place = f"applications.{entry['name']}.secret_environment"
        own = f"secrets.applications.{entry['name']}"
        values = {str(value) for value in entry["secret_environment"].values()}
        if "probe-key" not in values:
            problems.append(
                f"{place} has no variable with the value {own}.secret_key, so another key would not reach the application. Write: "
                f'SECRET_KEY: "{{{{ {own}.secret_key }}}}", or name the applications to rotate with -e app=.'
            )
        elif "probe-fallbacks" not in values:
            problems.append(
                f"{place} has no variable with the keys that count beside the first one, so everybody would be logged out. Write: "
                f"SECRET_KEY_FALLBACKS: \"{{{{ {own}.secret_key_fallbacks | default('') }}}}\"; the settings have to read it, "
                "separated by commas, as managed_settings: [secret_key] does (docs/secrets.md)."
            )
    return problems


def administrators(resolved: Sequence[Mapping[str, Any]], secrets: Mapping[str, Any]) -> list[str]:
    """The applications whose administrator has the password of the secrets."""
    own = secrets.get("applications") or {}
    return [
        entry["name"]
        for entry in resolved
        if entry["superuser"]
        and entry["superuser"]["password"] == (own.get(entry["name"]) or {}).get(rotation.ADMINISTRATOR)
    ]


def digests_elsewhere(secrets: Mapping[str, Any], written: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The applications whose secrets are not those that were written, or the secrets of the environment that are not, so they are
    looked up somewhere else."""
    own = {
        **(secrets.get("applications") or {}),
        **{name: one.own(secrets) for name, one in rotation.OF_ENVIRONMENT.items()},
    }
    return [
        application
        for application, digests in sorted(written.items())
        if any(
            rotation.digests({name: str((own.get(application) or {}).get(name))})[name] != value
            for name, value in digests.items()
        )
    ]
