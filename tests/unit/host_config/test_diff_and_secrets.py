"""Diffs are readable, and what is sensitive stays out of them and of what programs print."""

from __future__ import annotations

from pathlib import Path

from .helpers import SECRET, apply, refused


def test_diff_is_readable_and_says_what_it_leaves_out(etc: Path) -> None:
    (etc / "text").write_text("old\n")
    files = [
        {"path": f"{etc}/text", "content": "new\n"},
        {"path": f"{etc}/binary", "content": "\0"},
        {"path": f"{etc}/large", "content": "x" * 100_001},
        {"path": f"{etc}/secret", "content": SECRET, "sensitive": True},
    ]
    diff = {item["after_header"]: item for item in apply(check_mode=True, diff=True, files=files)["diff"]}
    assert (diff[f"{etc}/text"]["before"], diff[f"{etc}/text"]["after"]) == ("old\n", "new\n")
    assert "binary" in diff[f"{etc}/binary"]["after"]
    assert "more than 100 kB" in diff[f"{etc}/large"]["after"]
    assert diff[f"{etc}/secret"]["after"] == "(sensitive content)\n"


def test_a_validator_cannot_give_a_secret_away(etc: Path) -> None:
    content = f"PASSWORD='{SECRET}'\nurl = postgres://app:{SECRET}-2@db/app\n"
    message = refused(
        files=[{"path": f"{etc}/env", "content": content, "sensitive": True}],
        validate=[{"command": ["sh", "-c", f"cat {etc}/env; echo plain words; exit 1"]}],
    )
    assert SECRET not in message
    assert "plain words" in message
    message = refused(
        files=[{"path": f"{etc}/env", "content": content, "sensitive": True, "validate": "sh -c 'cat %s; false'"}]
    )
    assert SECRET not in message
