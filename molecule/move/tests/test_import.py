"""A site that lived elsewhere moves in: a rehearsal leaves nothing, an import keeps the old data, and a cut one ends right."""

from __future__ import annotations

from pathlib import Path

from controller import connect
from site_visitor import Visitor
from test_move import played, refused, self_hosted

IMPORT = "playbooks/database_import.yml"
DUMP = "/var/tmp/site.dump"
POST = """INSERT INTO posts_post (title, text, picture, picture_description, created)
VALUES ('Came with the dump', 'By pg_dump.', '', '', now())"""
OURS = "SELECT count(*) FROM posts_post WHERE title = 'Came with the dump'"
DATABASES = "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database WHERE datname LIKE 'board%'"
PROCESSES = "systemctl show --property MainPID --value 'uwsgi-board@*' | sort"


def dumped() -> None:
    """A dump of another server: one post more, an owner who is nobody here."""
    postgres = "runuser -u postgres -- "
    db1 = connect("db1")
    self_hosted("CREATE DATABASE elsewhere TEMPLATE template0 ENCODING 'UTF8'")
    try:
        db1.check_output(f"{postgres} pg_dump --format=custom --file={DUMP} board")
        db1.check_output(f"{postgres} pg_restore --no-owner --dbname=elsewhere {DUMP}")
        self_hosted("CREATE ROLE joe")
        self_hosted(POST, "elsewhere")
        self_hosted("ALTER TABLE posts_post OWNER TO joe", "elsewhere")
        self_hosted("GRANT ALL ON auth_user TO joe", "elsewhere")
        db1.check_output(f"{postgres} pg_dump --format=custom --file={DUMP} elsewhere")
    finally:
        self_hosted("DROP DATABASE elsewhere WITH (FORCE)")
        self_hosted("DROP ROLE IF EXISTS joe")


def test_a_site_moves_in(tmp_path: Path) -> None:
    dumped()
    uploads = tmp_path / "media"
    uploads.mkdir()
    (uploads / "came.txt").write_text("with it")

    said = played(IMPORT, "-e", "app=board", "-e", f"dump=db1:{DUMP}", "-e", f"media={uploads}")
    assert "all tables, rows and sequences are there" in said
    assert "It lacks no migration." in said
    assert self_hosted(OURS) == "0"
    assert self_hosted(DATABASES) == "board"

    said = refused(IMPORT, "-e", "app=board", "-e", f"dump=db1:{DUMP}", "-e", "confirm=shop")
    assert "-e confirm=board" in said

    before = connect("web1").check_output(PROCESSES)
    words = ("-e", "app=board", "-e", f"dump=db1:{DUMP}", "-e", f"media={uploads}", "-e", "confirm=board")
    said = played(IMPORT, *words)
    assert "The imported database is live." in said
    assert self_hosted(OURS) == "1"
    assert "Came with the dump" in Visitor("web2").get("/").text
    assert (
        self_hosted("SELECT string_agg(DISTINCT tableowner, ' ') FROM pg_tables WHERE schemaname = 'public'")
        == "board_owner"
    )
    assert self_hosted("SELECT has_table_privilege('board', 'posts_post', 'INSERT')") == "t"
    assert connect("web2").check_output("find / -xdev -name came.txt -path '*board/media*'; find /mnt -name came.txt")
    assert connect("web1").check_output(PROCESSES) != before
    _live, kept = self_hosted(DATABASES).split()
    assert self_hosted(OURS, kept) == "0"
    assert self_hosted("SELECT datconnlimit FROM pg_database WHERE datname = current_database()", kept) == "0"
    assert connect("db1").check_output("ls /var/backups/board/*-before-import.dump | wc -l") == "1"

    # As a run leaves it that was killed after the names changed.
    comment = self_hosted(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()", kept
    )
    self_hosted(f"COMMENT ON DATABASE \"{kept}\" IS '{comment}, whose import has not ended'")
    before = connect("web1").check_output(PROCESSES)
    said = played(IMPORT, *words)
    assert f"This dump is live already; what was before is {kept}." in said
    assert self_hosted(DATABASES).split() == ["board", kept]
    assert connect("web1").check_output(PROCESSES) != before

    played(IMPORT, "-e", "app=board", "-e", "import_remove=before")
    assert self_hosted(DATABASES) == "board"
