"""The table of faults of the database: a row is replaced by its next run, and those of others stay."""

from __future__ import annotations

from pathlib import Path

from tests.faults.notes import BEGIN, END, ROWS, note, noted


def test_a_row_is_replaced_and_others_stay_in_their_order(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}{END}\nafter\n")
    note("promotion-old", "room", page)
    note("move-full", "first", page)
    note("move-full", "second", page)
    text = page.read_text()
    assert list(noted(text)) == [ROWS["move-full"][0], ROWS["promotion-old"][0]]
    assert "second" in text
    assert "first" not in text
    assert text.startswith("before\n\n") and text.endswith(f"{END}\nafter\n")
