"""What a change of a database breaks for the release that serves, by its catalogs and by the text of migrations."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def support(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package as a release has it: its directory is on the path."""
    monkeypatch.syspath_prepend(str(ROOT / "roles/release/files/support"))
    if not settings.configured:
        settings.configure()


def column(kind: str = "text", not_null: bool = True, default: str = "", **more: str) -> dict[str, Any]:
    return {"type": kind, "not_null": not_null, "default": default, "generated": "", "identity": "", **more}


BEFORE: dict[str, Any] = {
    "public.shop_item": {
        "kind": "r",
        "row_security": False,
        "columns": {
            "id": column("bigint", identity="d"),
            "name": column("character varying(50)"),
            "note": column(not_null=False),
        },
        "uniques": [{"name": "shop_item_pkey", "columns": ["id"], "definition": "btree (id)", "nulls_distinct": True}],
        "constraints": [{"name": "a", "kind": "c", "columns": ["name"], "definition": "CHECK (name <> '')"}],
        "triggers": {"stamp": {"definition": "CREATE TRIGGER stamp", "source": "BEGIN", "columns": []}},
        "policies": {},
        "rights": [["shop", "SELECT", "it"], ["shop", "INSERT", "it"], ["shop", "USAGE", "shop_item_id_seq"]],
    }
}
USED: dict[str, Any] = {
    "public.shop_item": {
        "model": "shop.Item",
        "columns": {
            "id": {"null": False, "written": False},
            "name": {"null": False, "written": True},
            "note": {"null": True, "written": True},
        },
        "uniques": [["id"]],
        "constraints": [],
    }
}


def found(change: Any, **use: Any) -> list[str]:
    """What a change of the table breaks."""
    from migration_gate.compare import compare

    after = copy.deepcopy(BEFORE)
    change(after["public.shop_item"])
    used = {"public.shop_item": {**USED["public.shop_item"], **use}}
    return [one.text for one in compare(BEFORE, after, used)]


def rule(kind: str, name: str, columns: list[str], definition: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "columns": columns, "definition": definition}


def unique(*columns: str, distinct: bool = True) -> dict[str, Any]:
    return {"name": "u", "columns": list(columns), "definition": f"btree ({columns})", "nulls_distinct": distinct}


BREAKING = {
    "drops or renames the column shop_item.name (shop.Item)": lambda t: t["columns"].pop("name"),
    "changes the type of shop_item.name from character varying(50) to character varying(20)": lambda t: t[
        "columns"
    ].update(name=column("character varying(20)")),
    "forbids null in shop_item.note, where the release that serves writes it": lambda t: t["columns"].update(
        note=column(default="''")
    ),
    "adds the column shop_item.mood, which must not be null": lambda t: t["columns"].update(mood=column()),
    "forbids null in shop_item.id, which must not be null": lambda t: t["columns"].update(id=column("bigint")),
    "makes shop_item.name a generated column": lambda t: t["columns"].update(
        name=column("character varying(50)", generated="s")
    ),
    "makes name of shop_item unique (u)": lambda t: t["uniques"].append(unique("name")),
    "makes code of shop_item unique (u)": lambda t: (
        t["columns"].update(code=column(default="''::text")),
        t["uniques"].append(unique("code")),
    ),
    "adds the CHECK constraint c to shop_item": lambda t: t["constraints"].append(
        rule("c", "c", ["name"], "CHECK (x)")
    ),
    "adds the foreign key f to shop_item": lambda t: t["constraints"].append(
        rule("f", "f", ["note"], "FOREIGN KEY (note)")
    ),
    "adds the trigger t to shop_item": lambda t: t["triggers"].update(
        t={"definition": "d", "source": "s", "columns": []}
    ),
    "changes the trigger stamp of shop_item": lambda t: t["triggers"]["stamp"].update(source="BEGIN RAISE"),
    "drops the trigger stamp of shop_item": lambda t: t["triggers"].pop("stamp"),
    "puts row security on shop_item": lambda t: t.update(row_security=True),
    "takes the right to INSERT on shop_item from shop": lambda t: t["rights"].remove(["shop", "INSERT", "it"]),
}
HARMLESS = {
    "nothing": lambda t: None,
    "a column that may be null": lambda t: t["columns"].update(mood=column(not_null=False)),
    "a column with a default": lambda t: t["columns"].update(mood=column(default="'fine'")),
    "a wider type": lambda t: t["columns"].update(name=column("character varying(80)")),
    "a type without a limit": lambda t: t["columns"].update(name=column("text")),
    "null allowed": lambda t: t["columns"].update(name=column("character varying(50)", not_null=False)),
    "the same rule under another name": lambda t: t["constraints"][0].update(name="b"),
    "a rule fewer": lambda t: t["constraints"].clear(),
    "a unique column that the release leaves null": lambda t: (
        t["columns"].update(code=column(not_null=False)),
        t["uniques"].append(unique("code")),
    ),
    "a unique column with a value of its own each time": lambda t: (
        t["columns"].update(code=column(default="gen_random_uuid()")),
        t["uniques"].append(unique("code")),
    ),
    "a check of a new column": lambda t: (
        t["columns"].update(mood=column(not_null=False)),
        t["constraints"].append(rule("c", "c", ["mood"], "CHECK (mood)")),
    ),
    "a trigger on updates of a new column": lambda t: t["triggers"].update(
        t={"definition": "d", "source": "s", "columns": ["mood"]}
    ),
    "a policy that is not in force": lambda t: t["policies"].update(p="true"),
    "a right more": lambda t: t["rights"].append(["reports", "SELECT", "it"]),
}


@pytest.mark.parametrize("text", BREAKING)
def test_what_breaks_is_named(text: str) -> None:
    (said,) = found(BREAKING[text])
    assert said.startswith(text)
    assert said.endswith("(shop.Item)")


@pytest.mark.parametrize("what", HARMLESS)
def test_what_is_harmless_passes(what: str) -> None:
    assert found(HARMLESS[what]) == []


def test_what_the_serving_release_does_not_use_may_go() -> None:
    use = {"columns": {"id": {"null": False, "written": False}, "name": {"null": False, "written": True}}}
    assert found(lambda t: t["columns"].pop("note"), **use) == []


def test_what_the_serving_release_declares_itself_may_come() -> None:
    assert found(lambda t: t["uniques"].append(unique("name")), uniques=[["id"], ["name"]]) == []
    assert found(lambda t: t["constraints"].append(rule("c", "c", ["name"], "CHECK (x)")), constraints=["c"]) == []
    never_null = {**USED["public.shop_item"]["columns"], "note": {"null": False, "written": True}}
    assert found(lambda t: t["columns"].update(note=column()), columns=never_null) == []


def test_a_table_that_is_gone_is_named_and_one_that_never_was_is_not() -> None:
    from migration_gate.compare import compare, everything

    (gone,) = compare(BEFORE, {}, USED)
    assert gone.text == "drops or renames the table shop_item (shop.Item)"
    assert compare({}, {}, USED) == []
    # A release that could not be asked uses everything.
    (dropped,) = compare(BEFORE, {}, everything(BEFORE))
    assert dropped.text == "drops or renames the table shop_item"


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("integer", "bigint", True),
        ("bigint", "integer", False),
        ("numeric(5,2)", "numeric(8,2)", True),
        ("numeric(5,2)", "numeric(8,3)", False),
        ("numeric", "numeric(5,2)", False),
        ("character varying(9)", "character varying", True),
        ("character varying", "character varying(9)", False),
        ("character(2)", "character(4)", False),
        ("text", "integer", False),
        ("character varying(9)[]", "character varying(20)[]", True),
        ("character varying(9)[]", "text", False),
        ("timestamp(3) with time zone", "timestamp with time zone", False),
        ('"Odd type"', "text", False),
    ],
)
def test_a_type_takes_and_gives_what_the_one_before_did(old: str, new: str, answer: bool) -> None:
    from migration_gate.compare import widens

    assert widens(old, new) is answer


def test_the_trial_decides_where_the_migrations_ran_and_their_text_about_the_others() -> None:
    from migration_gate.verdict import judge

    text = {"s.1": ["drops the column s.item.old"], "s.2": []}
    strict = {"s.1": ["drops the column s.item.old"], "s.2": ["adds the constraint c"]}
    trial = {"plan": ["s.1", "s.2"], "judged": ["s.1"], "findings": {"s.1": []}, "kinds": {}}
    verdict = judge(trial, text, strict)
    assert verdict["decided"] == {"s.1": [], "s.2": ["adds the constraint c"]}
    # The release before the one that serves still has that column.
    assert verdict["recorded"] == {"s.1": ["drops the column s.item.old"], "s.2": ["adds the constraint c"]}


def test_a_trial_of_another_plan_says_nothing() -> None:
    from migration_gate.verdict import judge

    trial = {"plan": ["s.1"], "judged": ["s.1"], "findings": {"s.1": []}, "kinds": {"s.1": ["drop"]}}
    assert judge(trial, {"s.1": [], "s.2": []}, {"s.1": ["x"], "s.2": []}) == {
        "decided": {"s.1": ["x"], "s.2": []}, "recorded": {"s.1": ["x"], "s.2": []}, "kinds": {},
    }  # fmt: skip
    assert judge({}, {"s.1": []}, {"s.1": ["x"]})["decided"] == {"s.1": ["x"]}


def test_what_the_serving_release_could_not_do_counts_where_no_catalog_shows_why() -> None:
    from migration_gate.verdict import judge

    trial = {"plan": ["s.1"], "judged": ["s.1"], "findings": {"s.1": []}, "broken": ["breaks / of it"]}
    assert judge(trial, {"s.1": []}, {"s.1": []})["decided"] == {"s.1": ["breaks / of it"]}


def test_what_may_be_harmless_counts_only_where_nothing_was_tried() -> None:
    from django.db import migrations, models
    from django.db.migrations.state import ModelState, ProjectState
    from migration_gate.text import examine

    state = ProjectState({("s", "item"): ModelState("s", "Item", [("name", models.TextField())])})
    operations = [
        migrations.AlterField("item", "name", models.TextField(unique=True)),
        migrations.AddConstraint("item", models.UniqueConstraint(fields=["name"], name="u")),
        migrations.RunSQL("CREATE UNIQUE INDEX u ON s_item (name)"),
        migrations.RunSQL("create or replace trigger t before insert on s_item execute function f()"),
    ]
    plan = [
        type("M", (migrations.Migration,), {"operations": [one]})(f"000{n}", "s") for n, one in enumerate(operations)
    ]
    assert list(examine(plan, state.clone()).values()) == [[], [], [], []]
    assert list(examine(plan, state.clone(), strict=True).values()) == [
        ["makes s.item.name unique"],
        ["adds the constraint u to s.item"],
        ["runs SQL that may break it (CREATE UNIQUE INDEX)"],
        ["runs SQL that may break it (create or replace trigger)"],
    ]


def test_a_function_that_works_with_models_is_told_from_one_that_does_not() -> None:
    from migration_gate.trial import takes_models

    def ddl(apps: Any, schema_editor: Any) -> None:
        table = "shop_" + "item"
        schema_editor.execute(f"ALTER TABLE {table} DROP COLUMN name")

    def rows(apps: Any, schema_editor: Any) -> None:
        apps.get_model("shop", "Item").objects.update(name="x")

    def hidden(apps: Any, schema_editor: Any) -> None:
        def inner() -> Any:
            return apps

        inner()

    assert [takes_models(one) for one in (ddl, rows, hidden, print)] == [False, True, True, True]


@pytest.mark.parametrize(
    ("sql", "far"),
    [
        ("ALTER DATABASE shop SET work_mem = '1GB'", True),
        ("alter role shop with password 'x'", True),
        ("GRANT CONNECT ON DATABASE shop TO reports", True),
        ("ALTER SYSTEM SET fsync = off", True),
        ("SELECT dblink_exec('…')", True),
        ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity", True),
        ("COPY t TO PROGRAM 'curl'", True),
        ("DO $$ BEGIN EXECUTE 'DROP USER shop'; END $$", True),
        ("ALTER TABLE shop_item DROP COLUMN name", False),
        ("CREATE INDEX role ON users (database)", False),
        ("GRANT SELECT ON shop_item TO reports", False),
    ],
)
def test_sql_that_reaches_further_than_its_database_is_not_run(sql: str, far: bool) -> None:
    from migration_gate import walls

    ran = []
    if far:
        with pytest.raises(walls.Walled, match="reaches further"):
            walls._near(lambda *given: ran.append(given), sql, None, False, {})
    else:
        walls._near(lambda *given: ran.append(given), sql, None, False, {})
    assert bool(ran) is not far


def test_indexes_that_a_plan_makes_beside_the_writers() -> None:
    from django.contrib.postgres.operations import AddIndexConcurrently
    from django.db import migrations, models
    from migration_gate.indexes import made

    operations = [
        AddIndexConcurrently("item", models.Index(fields=["name"], name="by_name")),
        migrations.AddIndex("item", models.Index(fields=["name"], name="slow")),
        migrations.RunSQL(
            ["create unique index concurrently if not exists by_code on shop_item (code)", ("SELECT %s", [1])]
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL('CREATE INDEX CONCURRENTLY "by_note" ON shop_item (note)')]
        ),
    ]
    one = SimpleNamespace(app_label="shop", name="0002_x", operations=operations)
    assert made([one]) == dict.fromkeys(["by_name", "by_code", "by_note"], "shop.0002_x")


def test_what_can_be_taken_back() -> None:
    from django.db import migrations
    from migration_gate.applied import reversible

    one_way = migrations.RunSQL("DROP TABLE a")
    assert reversible([migrations.RunSQL("SELECT 1", migrations.RunSQL.noop)])
    assert not reversible([one_way])
    assert not reversible([migrations.SeparateDatabaseAndState(database_operations=[one_way])])
