"""A repository whose beginning was cut."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.backups import repository, stanza
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import BackupError

HALF = "ERROR: [055]: archive.info exists but backup.info is missing on repo1"


class Fake:
    """pgBackRest that refuses to make the stanza until its archive is gone."""

    def __init__(self, refusal: str, backups: str = "") -> None:
        self.refusal, self.backups, self.asked = refusal, backups, []

    def __call__(self, *words: str, check: bool = True) -> str:
        del check
        command = next(word for word in words if not word.startswith("--"))
        self.asked.append(command)
        if command == "stanza-create" and "repo-rm" not in self.asked:
            raise BackupError(self.refusal)
        return self.backups if command == "repo-ls" else ""


@pytest.mark.parametrize("refusal", [HALF, "ERROR: [040]: archive directory not empty"])
def test_it_is_begun_again_where_there_is_no_backup(monkeypatch: pytest.MonkeyPatch, refusal: str) -> None:
    fake = Fake(refusal)
    monkeypatch.setattr(repository, "pgbackrest", fake)
    stanza.create("main")
    assert fake.asked == ["stanza-create", "repo-ls", "repo-rm", "stanza-create"]


@pytest.mark.parametrize(
    ("refusal", "backups"), [(HALF, "20261126-082220F\n"), ("ERROR: [028]: do not match the database", "")]
)
def test_nothing_is_touched_where_there_is_one_or_another_reason(
    monkeypatch: pytest.MonkeyPatch, refusal: str, backups: str
) -> None:
    fake = Fake(refusal, backups)
    monkeypatch.setattr(repository, "pgbackrest", fake)
    with pytest.raises(BackupError):
        stanza.create("main")
    assert "repo-rm" not in fake.asked
