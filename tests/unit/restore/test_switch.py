"""The switch from the live cluster to the restored one, cut after each of its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import switch
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.clusters import setting_lines
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import RestoreFailed
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.recover import segment_end


class Killed(BaseException):
    """The run was killed."""


class FakeCluster:
    """A cluster whose data is the directory that it was started on."""

    def __init__(self, name: str, data: Path, world: World) -> None:
        self.name, self.data, self.world = name, data, world
        self.up = name != "before"
        self.config = data.parent / f"etc-{name}"

    def running(self) -> bool:
        return self.up

    def answers(self) -> bool:
        return self.up

    def start(self) -> None:
        self.world.step(f"start {self.name}")
        self.up = self.data.exists() and not (self.data / "broken").exists()

    def stop(self) -> None:
        self.world.step(f"stop {self.name}")
        self.up = False

    def ask(self, *statements: str, timeout: float = 60) -> str:
        return "f" if "in_recovery" in statements[0] else ""

    def log_size(self) -> int:
        return 0

    def log_end(self, start: int) -> str:
        return "FATAL: broken"

    def remove(self) -> bool:
        self.world.step(f"remove {self.name}")
        return True

    def configure(self, model: Any, data: Path) -> None:
        self.world.step(f"configure {self.name}")


class World:
    """Directories of data, and a knife."""

    def __init__(self, root: Path) -> None:
        self.steps: list[str] = []
        self.cut_at = 0
        self.data, self.new, self.old = root / "main", root / "main.restored", root / "main.before"
        for path, text in ((self.data, "old"), (self.new, "new")):
            path.mkdir()
            (path / "row").write_text(text)
        (self.new / "postgresql.auto.conf").write_text("restore_command = 'x'\nrecovery_target_time = 't'\n")
        self.journal = switch.Journal(root / "state")
        self.journal.write(
            phase="checked", target="t", data=str(self.data), restored=str(self.new), before=str(self.old)
        )
        self.live, self.restored = FakeCluster("main", self.data, self), FakeCluster("restored", self.new, self)
        self.before = FakeCluster("before", self.old, self)

    def step(self, text: str) -> None:
        self.steps.append(text)
        if self.cut_at and len(self.steps) == self.cut_at:
            raise Killed

    def run(self) -> None:
        switch.Switch(self.live, self.restored, self.before, self.journal).run()  # type: ignore[arg-type]

    def row(self, path: Path) -> str:
        return (path / "row").read_text()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(switch, "run", lambda *words, **more: "")
    return World(tmp_path)


def test_the_restored_data_takes_the_place_and_the_old_data_stays(world: World) -> None:
    world.run()
    assert (world.row(world.data), world.row(world.old)) == ("new", "old")
    assert "recovery_target_action = 'promote'" in (world.data / "postgresql.auto.conf").read_text()
    assert world.live.up
    assert world.journal.read()["phase"] == "switched"


def test_what_takes_time_is_done_while_the_live_cluster_serves(world: World) -> None:
    switch.Switch(world.live, world.restored, world.before, world.journal).prepare()  # type: ignore[arg-type]
    assert world.live.up and not world.restored.up
    assert (world.row(world.data), world.row(world.new)) == ("old", "new")
    assert world.journal.read()["phase"] == "switching"
    world.steps.clear()
    world.run()
    assert "stop restored" not in world.steps
    assert world.row(world.data) == "new"


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_cut_switch_is_ended_by_the_next_run(world: World, cut: int) -> None:
    world.cut_at = cut
    with pytest.raises(Killed):
        world.run()
    assert world.journal.read()["phase"] == "switching"
    world.cut_at = 0
    world.run()
    assert (world.row(world.data), world.row(world.old)) == ("new", "old")
    assert world.live.up
    assert world.journal.read()["phase"] == "switched"


def test_a_cut_between_the_two_renames_is_ended_too(world: World) -> None:
    world.journal.write(phase="switching")
    world.live.up = world.restored.up = False
    world.data.rename(world.old)
    world.run()
    assert (world.row(world.data), world.row(world.old)) == ("new", "old")


def test_what_does_not_serve_gives_the_place_back(world: World) -> None:
    (world.new / "broken").touch()
    with pytest.raises(RestoreFailed, match="the old one was put back"):
        world.run()
    assert (world.row(world.data), world.row(world.new)) == ("old", "new")
    assert world.live.up
    assert world.journal.read()["phase"] == "checked"


def test_a_data_directory_that_cannot_move_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert switch.mounted_apart(tmp_path) == ""
    (tmp_path / "link").symlink_to(tmp_path)
    assert "is a link" in switch.mounted_apart(tmp_path / "link")
    assert "mount point" in switch.mounted_apart(Path("/proc"))


def test_settings_are_replaced_and_taken_out() -> None:
    text = "# made\nrecovery_target_action = 'pause'\nport = '1'\n"
    assert (
        setting_lines(text, {"recovery_target_action": "promote", "port": None})
        == "# made\nrecovery_target_action = 'promote'\n"
    )


def test_where_a_segment_ends() -> None:
    assert segment_end("000000010000000000000001", 16 << 20) == 2 * (16 << 20)
    assert segment_end("000000030000000200000003", 16 << 20) == 2 * 0x100000000 + 4 * (16 << 20)
