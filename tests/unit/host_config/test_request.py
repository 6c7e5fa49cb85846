"""Errors name the entry and the remedy, before anything is touched."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.configuration import HostConfig
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError

from .helpers import apply, prepare, refused, tree


@pytest.mark.parametrize("mode", ["644", "420", "u=rw", "0o644", "0888", ""])
def test_bad_modes_are_refused(etc: Path, mode: str) -> None:
    message = refused(files=[{"path": f"{etc}/f", "content": "x", "mode": mode}])
    assert f"{etc}/f" in message
    assert 'mode: "0644"' in message


def test_duplicates_are_refused(etc: Path) -> None:
    message = refused(files=[{"path": f"{etc}/f", "content": "x"}], links=[{"path": f"{etc}//x/../f", "target": "y"}])
    assert "listed twice" in message
    assert "listed twice" in refused(units=[{"name": "a.service"}, {"name": "a.service"}])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"files": [{"path": "etc/f", "content": "x"}]}, "absolute path"),
        ({"files": [{"path": "{etc}/no/f", "content": "x"}]}, "Add it to directories"),
        (
            {"files": [{"path": "{etc}/f", "content": "x", "owner": "nobody-knows"}]},
            "'nobody-knows' does not exist",
        ),
        (
            {"files": [{"path": "{etc}/f", "content": "x", "group": "nobody-knows"}]},
            "'nobody-knows' does not exist",
        ),
        ({"files": [{"path": "{etc}/f", "content": "x", "validate": "true"}]}, "needs %s"),
        ({"files": [{"path": "{etc}", "content": "x"}]}, "there is a directory"),
        ({"absent": [{"paht": "/x"}]}, "path and triggers"),
        ({"purge": [{"directory": "{etc}", "pattern": "a/*"}]}, "must be a glob"),
        ({"validate": [{"command": "echo 'open"}]}, "cannot be split"),
        ({"validate": [{"command": []}]}, "list or a string"),
        ({"units": [{"name": "nginx"}]}, "Write the suffix"),
        ({"units": [{"name": "app@.service"}]}, "instance of a template"),
        ({"units": [{"name": "a.service", "masked": True, "state": "started"}]}, "Choose one"),
        ({"users": [{"name": "hc-new", "groups": ["hc-unknown"]}]}, "'hc-unknown' does not exist"),
    ],
)
def test_errors_teach_and_touch_nothing(etc: Path, params: dict[str, Any], words: str) -> None:
    params = json.loads(json.dumps(params).replace("{etc}", str(etc)))
    directories = [{"path": f"{etc}/untouched"}]
    assert words in refused(directories=directories, **params)
    assert tree(etc) == {}


def test_contents_without_the_action_plugin_are_refused(etc: Path) -> None:
    params = prepare({"files": [{"path": f"{etc}/f", "content": "x"}]})
    params["payload"] = None
    with pytest.raises(HostConfigError, match="action plugin"):
        HostConfig(params).run()


def test_a_directory_behind_a_foreign_link_is_refused(etc: Path) -> None:
    (etc / "real").mkdir(mode=0o755)
    (etc / "link").symlink_to("real")
    if os.getuid() == 0:
        assert not apply(directories=[{"path": f"{etc}/link"}])["changed"]
        os.lchown(etc / "link", 65534, 65534)
    if (etc / "link").lstat().st_uid != 0:
        assert "link that root does not own" in refused(directories=[{"path": f"{etc}/link"}])
