"""Scripts of pg_dump, in pieces."""

from __future__ import annotations

import io

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports import script

SCRIPT = rb"""--
-- PostgreSQL database dump
--

\restrict abc

-- Dumped from database version 17.2

SET transaction_timeout = 0;

--
-- Name: EXTENSION pg_trgm; Type: COMMENT; Schema: -; Owner:
--

COMMENT ON EXTENSION pg_trgm IS 'x';

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: joe
--

CREATE FUNCTION public.f() RETURNS int LANGUAGE plpgsql AS $_$
BEGIN
-- Name: f; Type: ACL; Schema: x; Owner: y
ALTER TABLE x OWNER TO somebody;
COPY a FROM stdin;
END $_$;


ALTER FUNCTION public.f() OWNER TO joe;

--
-- Data for Name: posts_post; Type: TABLE DATA; Schema: public; Owner: joe
--

COPY public.posts_post (id, text) FROM stdin;
1	-- Name: a; Type: ACL; Schema: -; Owner: joe
2	\\.
3	\N
\.


--
-- Data for Name: Odd; Type: TABLE DATA; Schema: public; Owner: joe
--

COPY public."Odd" (id) FROM stdin;
\.


SELECT pg_catalog.setval('public.posts_post_id_seq', 3, true);

--
-- Name: TABLE posts_post; Type: ACL; Schema: public; Owner: joe
--

GRANT SELECT ON TABLE public.posts_post TO sue;

--
-- PostgreSQL database dump complete
--

\unrestrict abc
"""


def sent(text: bytes) -> bytes:
    return b"".join(piece.text for piece in script.pieces(io.BytesIO(text)) if isinstance(piece, script.Sql))


def test_tables_rows_and_sequences_are_counted() -> None:
    counts = script.count(io.BytesIO(SCRIPT))
    assert counts.rows == {"public.posts_post": 3, 'public."Odd"': 0}
    assert counts.sequences == {"public.posts_post_id_seq": (3, True)}
    assert counts.complete
    assert not counts.uncounted


@pytest.mark.parametrize(
    "word",
    [b"GRANT", b"COMMENT ON EXTENSION", b"ALTER FUNCTION", b"restrict", b"transaction_timeout", b"posts_post (id"],
)
def test_what_is_not_the_applications_is_left_out(word: bytes) -> None:
    assert word not in sent(SCRIPT)


def test_a_body_of_a_function_stays_as_it_is() -> None:
    text = sent(SCRIPT)
    assert b"-- Name: f; Type: ACL" in text
    assert b"ALTER TABLE x OWNER TO somebody;" in text
    assert b"COPY a FROM stdin;" in text


def test_rows_come_as_they_are() -> None:
    rows = [list(piece.lines) for piece in script.pieces(io.BytesIO(SCRIPT)) if isinstance(piece, script.Rows)]
    assert rows[0][1] == b"2\t\\\\.\n"
    assert [len(one) for one in rows] == [3, 0]


def test_rows_that_are_inserts_are_not_counted_and_may_say_anything() -> None:
    text = b"""--
-- Data for Name: posts_post; Type: TABLE DATA; Schema: public; Owner: joe
--

INSERT INTO public.posts_post VALUES (1, 'a
\\! rm -rf /
ALTER TABLE x OWNER TO y;
');
"""
    counts = script.count(io.BytesIO(text))
    assert counts.uncounted == {"posts_post"}
    assert b"\\! rm -rf /\nALTER TABLE x OWNER TO y;" in sent(text)


def test_many_inserts_are_sent_in_parts() -> None:
    line = b"INSERT INTO public.t VALUES ('it''s; (a)');\n"
    text = b"-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: joe\n" + line * 60000
    pieces = list(script.pieces(io.BytesIO(text)))
    assert len(pieces) > 1
    assert b"".join(piece.text for piece in pieces if isinstance(piece, script.Sql)) == line * 60000


def test_commands_of_psql_are_refused() -> None:
    with pytest.raises(script.NotAScript, match="command of psql"):
        list(script.pieces(io.BytesIO(b"SELECT 1;\n\\! touch /tmp/x\n")))


def test_rows_that_are_cut_off_are_refused() -> None:
    with pytest.raises(script.NotAScript, match="cut off"):
        script.count(io.BytesIO(SCRIPT[: SCRIPT.index(b"3\t")]))
