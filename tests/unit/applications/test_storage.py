"""Where an application's own files lie, and when web hosts would not have the same."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import storage
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.views import nginx_sites
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import units

from .entries import resolved

TWO = ["web1", "web2"]


@pytest.mark.parametrize(
    ("kind", "media", "data"),
    [
        ("", "/srv/shop/shared/media", "/srv/shop/shared/data"),
        ("local", "/srv/shop/shared/media", "/srv/shop/shared/data"),
        ("shared", "/mnt/applications/shop/media", "/mnt/applications/shop/data"),
        ("none", "", "/srv/shop/shared/data"),
    ],
)
def test_where_files_lie_and_who_may_write_them(kind: str, media: str, data: str) -> None:
    one = resolved(media_storage=kind)
    assert (one["media_root"], one["data_root"]) == (media, data)
    assert nginx_sites([one])[0]["media_root"] == media
    (instance,) = application_server.instances([one])
    assert instance["writable_paths"] == [path for path in (media, data) if path]
    assert instance["mounts"] == (["/mnt/applications"] if kind == "shared" else [])
    assert units.mounts([one]) == instance["mounts"]
    directories = {entry["path"]: entry for entry in units.directories([one])}
    # nginx is in the application's group, and reads no private data all the same.
    assert (directories[data]["owner"], directories[data]["mode"]) == ("shop", "0700")
    assert ("" not in directories) and (not media or directories[media]["mode"] == "0750")
    if kind == "shared":
        assert directories["/mnt/applications/shop"].get("owner", "root") == "root"


def test_local_files_are_refused_with_two_web_hosts() -> None:
    (problem,) = storage.storage_problems([resolved(media_storage="local")], TWO)
    assert "web1, web2" in problem
    assert "/mnt/applications" in problem
    for kind in ("", "shared", "none"):
        assert storage.storage_problems([resolved(media_storage=kind)], TWO) == []
    assert storage.storage_problems([resolved(media_storage="local")], ["web1"]) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": {"MEDIA_ROOT": "${media_root}"}},
        {"secret_environment": {"QUEUE": "sqlite:///${data_root}/queue"}},
        {"settings": {"PRIVATE": "${data_root}"}},
        {"environment": {"UPLOADS": "/srv/shop/shared/media/x"}},
        {"managed_settings": ["media"]},
    ],
)
def test_a_running_site_that_never_said_is_warned(changes: dict[str, Any]) -> None:
    (warning,) = storage.storage_warnings([resolved(**changes)], TWO)
    assert warning.startswith("shop keeps files on each of 2 web hosts")
    assert storage.storage_warnings([resolved(**changes)], ["web1"]) == []
    assert storage.storage_warnings([resolved(**changes, media_storage="shared")], TWO) == []


def test_who_keeps_no_files_is_not_warned() -> None:
    assert storage.storage_warnings([resolved()], TWO) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"media_storage": "nfs"}, "media_storage: 'nfs' is none of none, local and shared"),
        ({"media_storage": "none", "managed_settings": ["media"]}, "managed_settings can't have 'media'"),
        ({"media_storage": "none", "environment": {"M": "${media_root}"}}, "environment asks for"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        resolved(**changes)


def test_an_account_has_one_number_on_all_hosts_that_share_files() -> None:
    states = {
        "web1": {"shop": {"account": "998:998"}},
        "web2": {"shop": {"account": "998:997"}},
        "web3": {"shop": {"account": ""}},
    }
    (problem,) = storage.account_problems([resolved(media_storage="shared")], states)
    assert "998:998 on web1, 998:997 on web2" in problem
    assert storage.account_problems([resolved()], states) == []
    states["web2"]["shop"]["account"] = "998:998"
    assert storage.account_problems([resolved(media_storage="shared")], states) == []
