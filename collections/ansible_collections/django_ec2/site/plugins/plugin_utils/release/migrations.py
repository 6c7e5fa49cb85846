# SPDX-License-Identifier: MIT
"""What is said of migrations: how they were judged, why a release was not made live or a rollback not made, and what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.stage import last_document

ALLOW = "-e deploy_allow_breaking_migrations=true"
END_CHARACTERS = 3000
# The document of release_gate.py, where it follows something that Django left without an end of line.
DOCUMENT = re.compile(r'\{"\w+": .*\}$')
# By the kind of what a trial found (support/migration_gate/compare.py).
REMEDIES = {
    "drop": "A column or table: deploy first a release that does not use it any more, then this one.",
    "type": "A type: add a column of the new type that both releases fill, and drop the old one later.",
    "null": "Null: deploy first a release that writes none (null=False in its model, with SeparateDatabaseAndState), then this one.",
    "default": "A new column: null=True, or db_default (Django 5.0 and later).",
    "generated": "A generated column: make it a new one, and drop the old one later.",
    "unique": "A unique constraint: deploy first a release whose model declares it (SeparateDatabaseAndState with state_operations) "
    "and that never writes a value twice, then this one.",
    "constraint": "A constraint: deploy first a release whose model declares it (SeparateDatabaseAndState with state_operations) and "
    "that keeps to it, then this one.",
    "trigger": "A trigger: deploy first a release that works with it and without it. Nobody but you can say that it does: then go on.",
    "policy": "Row security: deploy first a release that works with it and without it. Nobody but you can say that it does: then go on.",
    "right": "A right: deploy first a release that does without it, then this one.",
}
BY_TEXT = (
    "Deploy them in two steps: first a release that works with and without the change, then the change (a new column with "
    "null=True or db_default; a column that no code uses any more)."
)


def gate_message(run: Mapping[str, Any], name: str, release: str, manage: str = "") -> str:
    """Why the migrations of a release were not applied, and what to do.

    Args:
        run: the result of the gate's ``migrate``.
        name: of the application.
        release: its id.
        manage: the application's manage command, with the slot of the release.
    """
    output = str(run.get("stdout") or "")
    said = last_document(output)
    if said.get("breaking"):
        return _refused(said, name, release)
    if said.get("partly"):
        application, migration = said["partly"].split(".", 1)
        return (
            f"{name}: {release} was not made live: {said['error']}\n{said['partly']} is not atomic, and an interrupted run made "
            f"a part of it. "
            f"'{manage} sqlmigrate {application} {migration}' lists its statements. Take back what of it is there and deploy again; "
            f"or, when all of it is there, note it as applied with '{manage} migrate --fake {application} {migration}'. What was live "
            f"before still serves."
        )
    if said.get("error"):
        # Without the document itself, which may stand at the end of a line of Django's own.
        rest = "\n".join(DOCUMENT.sub("", line) for line in output.splitlines()).strip()[-END_CHARACTERS:]
        return f"{name}: {release} was not made live. What was live before still serves.\n{rest}\n{said['error']}"
    log = f"{output}\n{run.get('stderr') or ''}".strip()
    return f"{name}: {release} was not made live, because it cannot start. What was live before still serves. Its output:\n{log[-4000:]}"


def _refused(said: Mapping[str, Any], name: str, release: str) -> str:
    packages = said.get("packages") or {}
    own = [migration for migration in said["breaking"] if migration not in packages]
    kinds = sorted({kind for migration in own for kind in (said.get("kinds") or {}).get(migration, [])})
    lines = [f"{name}: {release} has migrations that break the release that still serves, so nothing was migrated:"]
    lines += [f"  {migration_line(pair)}" for pair in said["breaking"].items()]
    if own:
        lines.append(" ".join(REMEDIES[kind] for kind in kinds if kind in REMEDIES) or BY_TEXT)
    for package in sorted(set(packages.values())):
        listed = ", ".join(migration for migration in packages if packages[migration] == package)
        lines.append(
            f"{listed} comes with the package {package}, where you cannot change it: keep the version that serves now (pin it in the "
            "requirements) and deploy the rest of the release; or go on at a quiet hour."
        )
    lines.append(f"To go on all the same, with errors for visitors until the switch: {ALLOW}.")
    return "\n".join(lines)


def migration_line(pair: Any) -> str:
    """A migration and what it breaks, for a message; ``pair`` is a key and its value, as a tuple or as dict2items has it."""
    name, reasons = (pair["key"], pair["value"]) if isinstance(pair, Mapping) else pair
    return f"{name} {', '.join(reasons)}"


FIRST = "default"


def to_try(entry: Mapping[str, Any], plan: Sequence[str]) -> list[dict[str, str]]:
    """The databases of an application that lack migrations: ``alias``, ``name`` and ``owner`` of each.

    Args:
        entry: of ``resolve_applications``.
        plan: the pending migrations, as the gate's ``prepare`` names them: ``shop.0002_code``, ``facts.0001_initial in analytics``.
    """
    lacking = {one.partition(" in ")[2] or FIRST for one in plan}
    databases = {FIRST: entry["database"], **entry["databases"]}
    return [
        {"alias": alias, "name": str(one["name"]), "owner": str(one["owner"])}
        for alias, one in databases.items()
        if alias in lacking
    ]


def trials(
    before: Mapping[str, Any], name: str, alias: str, scratch: Mapping[str, Any], trial: Mapping[str, Any]
) -> dict[str, Any]:
    """What became of the trials of an application, with one more.

    Args:
        before: what this returned for the database before; empty for the first one.
        name: of the application.
        alias: of the database.
        scratch: result of the module postgres_scratch.
        trial: result of the module release_trial; without ``plan`` where it was not asked.

    Returns:
        ``verdict``, what the gate's ``--trial`` takes, with ``more`` for further databases; and ``notes``.
    """
    found = tried(name if alias == FIRST else f"{name}, {alias}", scratch, trial)
    verdict = dict(before.get("verdict") or {})
    if alias == FIRST:
        verdict |= found["verdict"]
    else:
        verdict["more"] = {**verdict.get("more", {}), alias: found["verdict"]}
    return {"verdict": verdict, "notes": [*(before.get("notes") or []), *found["notes"]]}


def tried(name: str, scratch: Mapping[str, Any], trial: Mapping[str, Any]) -> dict[str, Any]:
    """What became of one trial; ``verdict`` of its database, and ``notes``: what was not judged, and what text decides about.

    Args:
        name: of the application, and of the database where it is a further one.
        scratch: result of the module postgres_scratch.
        trial: result of the module release_trial; without ``plan`` where it was not asked.
    """
    if not scratch.get("name"):
        why = scratch.get("reason") or "no reason given"
        return {
            "verdict": {},
            "notes": [f"{name}: the text of the migrations decides, because no scratch database could be made: {why}."],
        }
    if trial.get("reason") or "plan" not in trial:
        why = trial.get("reason") or "it was not asked"
        return {
            "verdict": {},
            "notes": [f"{name}: the text of the migrations decides, because they could not be tried: {why}."],
        }
    notes = [f"{name}: {note}." for note in trial["notes"]]
    if trial["stopped"]:
        notes.append(f"{name}: the text decides about what could not be tried, from {trial['stopped']}.")
    notes += [f"{name}: not judged: {one}." for one in trial["not_judged"]]
    return {
        "verdict": {key: trial[key] for key in ("plan", "judged", "findings", "kinds", "broken")},
        "notes": notes,
    }


def recorded(gates: Mapping[str, Any], name: str, result: Mapping[str, Any], restore_point: str = "") -> dict[str, Any]:
    """What is kept of a release's migrations, with what the trial found.

    Args:
        gates: what each release said of its migrations, by application.
        name: of the application.
        result: of the gate's ``migrate``.
        restore_point: that was made before them.
    """
    own = dict(gates.get(name) or {})
    if restore_point:
        own["restore_point"] = restore_point
    own["migrations"] = {**(own.get("migrations") or {}), **(result.get("reasons") or {})}
    return {**gates, name: own}
