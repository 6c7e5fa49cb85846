# SPDX-License-Identifier: MIT
"""What a change of a database breaks for the release that serves: two catalogs compared. Nothing here asks a database.

Catalogs are what catalog.py reads. ``used`` is what the serving release's models use, by relation:

    model         its label, for the message
    columns       {name: {null, written}}: whether the model takes null, and whether its INSERTs give a value
    uniques       [[column]]: what the model itself says is unique
    constraints   names of the constraints that the model itself declares
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

CONSTRAINT_KINDS = {"c": "CHECK constraint", "f": "foreign key", "x": "EXCLUDE constraint"}
INTEGERS = ("smallint", "integer", "bigint")
SIZED = re.compile(r"(?P<name>[a-z ]+)(?:\((?P<size>\d+)(?:,(?P<scale>\d+))?\))?(?P<rest>(?: [a-z ]+)?(?:\[\])*)")


class Finding(NamedTuple):
    """One thing that breaks: its kind, which the remedy depends on, and a sentence without a subject."""

    kind: str
    text: str


def everything(catalog: dict[str, Any]) -> dict[str, Any]:
    """What a release uses that could not be asked: all that there is."""
    used = {}
    for name, relation in catalog.items():
        columns = {
            column: {
                "null": not own["not_null"],
                "written": not (own["generated"] or own["identity"] or own["default"]),
            }
            for column, own in relation["columns"].items()
        }
        used[name] = {"model": "", "columns": columns, "uniques": [], "constraints": []}
    return used


def compare(before: dict[str, Any], after: dict[str, Any], used: dict[str, Any]) -> list[Finding]:
    """What the serving release meets on the tables as they will be.

    Args:
        before: the catalog that it serves on.
        after: the catalog that it would serve on.
        used: what its models use. What is not in ``before`` is left out.
    """
    found = []
    for name, use in used.items():
        if name not in before:
            continue
        where = name.removeprefix("public.")
        model = f" ({use['model']})" if use["model"] else ""
        if name not in after:
            found.append(Finding("drop", f"drops or renames the table {where}{model}"))
            continue
        for finding in _relation(before[name], after[name], use, where):
            found.append(finding._replace(text=finding.text + model))
    return found


def _relation(old: dict[str, Any], new: dict[str, Any], use: dict[str, Any], where: str) -> Iterator[Finding]:
    yield from _columns(old, new, use, where)
    yield from _uniques(old, new, use, where)
    yield from _constraints(old, new, use, where)
    yield from _triggers(old, new, use, where)
    yield from _policies(old, new, where)
    kept = {tuple(right) for right in new["rights"]}
    for who, what, on in old["rights"]:
        # A dropped column or sequence takes its rights along.
        if (who, what, on) not in kept and (who, what, "it") not in kept and (on == "it" or on in new["columns"]):
            target = where if on == "it" else f"{where}.{on}"
            yield Finding("right", f"takes the right to {what} on {target} from {who}")


def _columns(old: dict[str, Any], new: dict[str, Any], use: dict[str, Any], where: str) -> Iterator[Finding]:
    for column, own in use["columns"].items():
        was, now = old["columns"].get(column), new["columns"].get(column)
        if was is None:
            continue
        if now is None:
            yield Finding("drop", f"drops or renames the column {where}.{column}")
            continue
        if not widens(was["type"], now["type"]):
            yield Finding("type", f"changes the type of {where}.{column} from {was['type']} to {now['type']}")
        if now["generated"] and not was["generated"]:
            yield Finding("generated", f"makes {where}.{column} a generated column, which takes no values")
        if now["not_null"] and not was["not_null"] and own["null"] and own["written"]:
            yield Finding("null", f"forbids null in {where}.{column}, where the release that serves writes it")
    for column, now in new["columns"].items():
        if (use["columns"].get(column) or {"written": False})["written"]:
            continue
        was = old["columns"].get(column)
        if _must_be_given(now) and not (was and _must_be_given(was)):
            what = f"adds the column {where}.{column}" if was is None else f"forbids null in {where}.{column}"
            yield Finding("default", f"{what}, which must not be null and has no default in the database")


def _must_be_given(column: dict[str, Any]) -> bool:
    """Whether an INSERT that does not name the column fails."""
    return column["not_null"] and not (column["default"] or column["generated"] or column["identity"])


def widens(old: str, new: str) -> bool:
    """Whether a column of the new type takes and gives all that one of the old type did."""
    if old == new:
        return True
    if old in INTEGERS and new in INTEGERS:
        return INTEGERS.index(new) > INTEGERS.index(old)
    was, now = SIZED.fullmatch(old), SIZED.fullmatch(new)
    if not was or not now:
        return False
    if was["name"] == "character varying" and now["name"] == "text":
        return was["rest"] == now["rest"]
    if was["name"] != now["name"] or was["rest"] != now["rest"] or was["scale"] != now["scale"]:
        return False
    # Without a size there is no limit. A char(n) is padded to its size, so another one gives other values.
    return was["name"] in ("character varying", "numeric", "bit varying") and (
        not now["size"] or (bool(was["size"]) and int(now["size"]) >= int(was["size"]))
    )


def _known(new: dict[str, Any], use: dict[str, Any], columns: list[str]) -> bool:
    """Whether the serving release has to do with any of the columns; a rule that names none (an expression) is taken for that."""
    return not columns or any(column in use["columns"] for column in columns)


def _uniques(old: dict[str, Any], new: dict[str, Any], use: dict[str, Any], where: str) -> Iterator[Finding]:
    before = {one["definition"] for one in old["uniques"]}
    for one in new["uniques"]:
        if one["definition"] in before or sorted(one["columns"]) in [sorted(known) for known in use["uniques"]]:
            continue
        if one["name"] in use["constraints"]:
            continue
        # Rows that the serving release writes have null, or a new value each, in a column that it does not know.
        unknown = [new["columns"][column] for column in one["columns"] if column not in use["columns"]]
        if any(
            own["identity"]
            or "(" in own["default"]
            or (not own["default"] and not own["not_null"] and one["nulls_distinct"])
            for own in unknown
        ):
            continue
        columns = ", ".join(one["columns"]) or one["definition"]
        yield Finding(
            "unique", f"makes {columns} of {where} unique ({one['name']}), which the release that serves does not know"
        )


def _constraints(old: dict[str, Any], new: dict[str, Any], use: dict[str, Any], where: str) -> Iterator[Finding]:
    before = {(one["kind"], one["definition"]) for one in old["constraints"]}
    for one in new["constraints"]:
        if (one["kind"], one["definition"]) in before or one["name"] in use["constraints"]:
            continue
        if _known(new, use, one["columns"]):
            what = CONSTRAINT_KINDS[one["kind"]]
            yield Finding("constraint", f"adds the {what} {one['name']} to {where}: {one['definition']}")


def _triggers(old: dict[str, Any], new: dict[str, Any], use: dict[str, Any], where: str) -> Iterator[Finding]:
    for name, own in new["triggers"].items():
        was = old["triggers"].get(name)
        if was is None and (not own["columns"] or _known(new, use, own["columns"])):
            yield Finding(
                "trigger", f"adds the trigger {name} to {where}, which sees what the release that serves writes"
            )
        elif was is not None and was != own:
            yield Finding("trigger", f"changes the trigger {name} of {where}")
    for name in old["triggers"]:
        if name not in new["triggers"]:
            yield Finding("trigger", f"drops the trigger {name} of {where}")


def _policies(old: dict[str, Any], new: dict[str, Any], where: str) -> Iterator[Finding]:
    if new["row_security"] and not old["row_security"]:
        yield Finding("policy", f"puts row security on {where}")
    elif new["row_security"]:
        for name in sorted(set(old["policies"]) | set(new["policies"])):
            if old["policies"].get(name) != new["policies"].get(name):
                verb = "adds" if name not in old["policies"] else "changes" if name in new["policies"] else "drops"
                yield Finding("policy", f"{verb} the policy {name} of {where}")
