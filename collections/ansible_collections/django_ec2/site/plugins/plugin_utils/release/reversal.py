# SPDX-License-Identifier: MIT
"""Whether a release fits the migrations that a database has, and how those are taken back that it does not survive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release.migrations import ALLOW, migration_line
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.releases import point_before

Reasons = dict[str, list[str]]


def rollback_problem(
    state: Mapping[str, Any], target: Mapping[str, Any], asked: Mapping[str, Any], name: str, manage: str
) -> str:
    """Why a rollback is refused, with the commands that make it possible; empty where the database is as the release needs it.

    Args:
        state: what release_state read of the application, with details.
        target: what ``previous`` chose.
        asked: what the gate's ``applied`` said in the live release; without ``applied`` where the database could not be asked, and
            the two releases are compared.
        name: of the application.
        manage: name of its manage command.
    """
    release = target["release"]
    known = state["releases"][release].get("migrations") or {}
    if "applied" not in asked:
        if not target["migrations"]:
            return ""
        why = asked.get("error") or "the release that is live is older than this question"
        return (
            f"{release} of {name} does not know migrations that break it: {_lines(target['migrations'])}. The database could not be asked "
            f"whether it has them ({why}). When you know that it works, give {ALLOW}."
        )
    applied = set(asked["applied"])
    missing = [migration for migration in known if migration not in applied]
    if missing:
        return (
            f"{release} of {name} needs migrations that the database does not have: {', '.join(missing)}. Deploy it instead, which "
            f"migrates: playbooks/deploy.yml -e app={name}, with its version or source."
        )
    reasons = _reasons(state, asked)
    unknown = {one: reasons[one] for one in reasons if one in applied and one not in known and reasons[one]}
    if not unknown:
        return ""
    said = f"{release} of {name} does not know migrations that the database has and that break it: {_lines(unknown)}. "
    data = _data(state, release, name)
    final = [one for one in unknown if not asked["back"].get(one, {}).get("reversible", True)]
    if final:
        return said + (
            f"{', '.join(final)} cannot be reversed (an operation without a way back): repair what is live, and deploy that; or, when you "
            f"know that {release} works, give {ALLOW}.{data}"
        )
    commands = (
        "; ".join(_commands(state, asked, unknown, manage))
        or f"the release that made them, once it is live ({manage} --owner migrate)"
    )
    return said + (
        f"Reverse them first, on one web host: {commands}. The live release may fail from then until the rollback. Or, when you know that "
        f"{release} works with them, give {ALLOW}.{data}"
    )


def _data(state: Mapping[str, Any], release: str, name: str) -> str:
    """How the data goes back as well, where a restore point was made before the migrations; begins with a blank."""
    point = point_before(state.get("history") or [], release)
    if not point:
        return ""
    return (
        f" When the data has to go back too, with all that was written since, of every application of that cluster: "
        f"playbooks/database_restore.yml -e restore_to={point}, then this rollback again. One table or database alone: the same with "
        "-e restore_as=scratch (docs/restore.md)."
    )


def _lines(migrations: Mapping[str, list[str]]) -> str:
    return "; ".join(migration_line(pair) for pair in migrations.items())


def _reasons(state: Mapping[str, Any], asked: Mapping[str, Any]) -> Reasons:
    """What each migration breaks, as the live release and all others that are here say it."""
    found: Reasons = {}
    for source in [asked.get("migrations") or {}, *(one.get("migrations") or {} for one in state["releases"].values())]:
        for migration, reasons in source.items():
            own = found.setdefault(migration, [])
            own += [reason for reason in reasons if reason not in own]
    return found


def _commands(state: Mapping[str, Any], asked: Mapping[str, Any], unknown: Reasons, manage: str) -> list[str]:
    """The commands that reverse migrations: one for each of their applications, by a slot whose release knows them."""
    commands = []
    for application in sorted({migration.partition(".")[0] for migration in unknown}):
        own = [one for one in unknown if one.partition(".")[0] == application]
        if own[0] in asked["back"]:
            commands.append(f"'{manage} --owner migrate {application} {_earliest(asked['back'], own)}'")
            continue
        for slot, content in state["slots"].items():
            ordered = [
                one for one in state["releases"].get(content.get("release", ""), {}).get("migrations") or {}
                if one.partition(".")[0] == application
            ]  # fmt: skip
            if own[0] in ordered:
                place = min(ordered.index(one) for one in own if one in ordered)
                before = ordered[place - 1].partition(".")[2] if place else "zero"
                commands.append(f"'{manage} --slot {slot} --owner migrate {application} {before}'")
                break
    return commands


def _earliest(back: Mapping[str, Any], own: list[str]) -> str:
    """What to go back to so that all of them are reversed: what comes before the one that comes before the others."""
    known = [one for one in own if one in back]
    names = {one.partition(".")[2] for one in known}
    # One whose predecessor is reversed too is no end of the chain.
    ends = [back[one]["to"] for one in known if back[one]["to"] not in names]
    return min(ends, key=lambda name: (name != "zero", name))
