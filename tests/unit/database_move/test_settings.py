"""What a dump of one database leaves out goes along with a move: settings, rights on the database, sequences that were set and not used."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import schema, settings, switch


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (("shop", "", "statement_timeout=5s"), """ALTER DATABASE "shop" SET "statement_timeout" TO '5s'"""),
        (("", "shop", "work_mem=64MB"), """ALTER ROLE "shop" SET "work_mem" TO '64MB'"""),
        (("shop", "shop", "app.word=it's"), """ALTER ROLE "shop" IN DATABASE "shop" SET "app"."word" TO 'it''s'"""),
        (("shop", "", 'search_path="Odd", public'), """ALTER DATABASE "shop" SET "search_path" TO "Odd", public"""),
        (("shop", "", "search_path="), """ALTER DATABASE "shop" SET "search_path" TO ''"""),
    ],
)
def test_each_setting_is_said_as_postgresql_reads_it(one: settings.Setting, said: str) -> None:
    assert settings.statement(*one).replace(" E'", " '") == said


def test_a_value_of_its_own_stays_and_a_role_that_is_not_there_gets_none() -> None:
    mine = [("shop", "", "a=1"), ("shop", "", "b=1"), ("", "gone", "a=1"), ("", "shop", "a=1")]
    assert settings.missing(mine, [("shop", "", "a=2")], ["shop"]) == [("shop", "", "b=1"), ("", "shop", "a=1")]


class Source:
    """Answers one question after the other."""

    def __init__(self, *answers: list[tuple]) -> None:
        self.answers, self.asked = list(answers), []  # type: ignore[var-annotated]

    def rows(self, statement: str, database: str = "postgres", **parameters: Any) -> list[tuple]:
        self.asked.append(statement)
        return self.answers.pop(0)


def test_a_sequence_that_was_set_and_not_used_goes_on_where_it_would_have() -> None:
    source = Source(
        [("public.a_id_seq",), ('public."B seq"',)], [("public.a_id_seq", 41, True), ('public."B seq"', 1000, False)]
    )
    target = Source([])
    assert switch.copy_sequences(source, target, "shop") == 2  # type: ignore[arg-type]
    assert 'SELECT \'public."B seq"\', last_value, is_called FROM public."B seq"' in source.asked[1]
    assert "('public.a_id_seq', 41, True), ('public.\"B seq\"', 1000, False)" in target.asked[0]


def test_comments_of_tables_go_along_and_those_of_a_superuser_do_not() -> None:
    text = (
        "COMMENT ON EXTENSION pg_trgm IS 'it''s\ntwo lines; here';\n"
        "COMMENT ON SCHEMA public IS '';\n"
        "COMMENT ON TABLE public.shop IS 'COMMENT ON EXTENSION x IS';\n"
    )
    assert schema.FOREIGN_COMMENT.sub("", text) == "COMMENT ON TABLE public.shop IS 'COMMENT ON EXTENSION x IS';\n"
