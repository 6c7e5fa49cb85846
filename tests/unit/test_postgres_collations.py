"""Which indexes are built anew when the libraries of a host sort otherwise, and in which order that is noted."""

from __future__ import annotations

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.collations import (
    Collation,
    Database,
    Index,
    notes,
    plan_rebuild,
    plan_versions,
)

GERMAN = Collation(12345, '"pg_catalog"."de-x-icu"', "153.120", "153.128")


def statements(database: Database) -> list[str]:
    return [line for change in [*plan_rebuild(database), *plan_versions(database)] for line in change.statements]


def test_collations_without_a_version_never_change() -> None:
    # C, POSIX and C.UTF-8.
    assert not Database("board").differs
    assert not Database("board", "2.36", None).differs
    assert statements(Database("board")) == []


def test_an_index_is_rebuilt_beside_the_old_one_before_the_version_is_noted() -> None:
    database = Database("board", "2.36", "2.41", indexes=(Index("public", "Posts_title", "posts"),))
    assert statements(database) == [
        'REINDEX INDEX CONCURRENTLY "public"."Posts_title"',
        'ALTER DATABASE "board" REFRESH COLLATION VERSION',
    ]


def test_a_collation_of_a_column_is_noted_by_its_full_name() -> None:
    database = Database("board", collations=(GERMAN,), indexes=(Index("public", "by_name", "people"),))
    assert statements(database)[-1] == 'ALTER COLLATION "pg_catalog"."de-x-icu" REFRESH VERSION'
    assert "153.128, not 153.120" in plan_versions(database)[0].text


def test_what_cannot_be_built_beside_the_old_one_is_built_in_its_place() -> None:
    database = Database("board", "1", "2", indexes=(Index("public", "no_overlap", "bookings", locks=True),))
    assert statements(database)[0] == 'REINDEX INDEX "public"."no_overlap"'


def test_what_a_cut_rebuild_left_is_dropped_and_not_rebuilt() -> None:
    database = Database("board", "1", "2", indexes=(Index("public", "title_ccnew", "posts", leftover=True),))
    assert statements(database)[0] == 'DROP INDEX CONCURRENTLY "public"."title_ccnew"'


def test_template0_is_brought_up_to_date_from_outside() -> None:
    database = Database("template0", "1", "2", connects=False)
    assert statements(database) == ['ALTER DATABASE "template0" REFRESH COLLATION VERSION']


def test_partitions_by_ranges_of_text_are_named() -> None:
    assert "public.people is partitioned" in notes(Database("board", "1", "2", partitioned=("public.people",)))[0]
