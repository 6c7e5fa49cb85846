"""Deploys and rollbacks, with visitors who notice nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from deploy_fixtures import LIVE
from deploying import WEB, Visitor, deploy, history, variant, visitors
from site_playbooks import INVENTORY, on, play
from site_visitor import LAB, PROJECT, address


def test_a_deploy_and_a_rollback_lose_no_request(good: str, sources: Path) -> None:
    page = Visitor("web1", "plain.test").get("/").text
    assert good in page
    asset = re.search(r'"(/static/guestbook/guestbook\.[0-9a-f]{12}\.css)"', page)
    source = variant(sources, "second")
    with (source / "guestbook/static/guestbook/guestbook.css").open("a") as css:
        css.write("/* second */\n")
    with visitors() as seen:
        output = deploy(source).output
        LIVE.append("second")
        # A page that was fetched before the deploy finds its assets after it.
        assert asset
        assert Visitor("web1", "plain.test").get(asset[1]).status_code == 200
        back = play("playbooks/rollback.yml", "-e", "app=plain").output
        LIVE.pop()
    assert seen.errors == []
    assert seen.statuses() == {200}
    assert seen.marks() == {"good", "second"}
    assert len(re.findall(r"plain: \w{12} -> \w{12} in [\d.]+ s", output)) == len(WEB)
    assert len(re.findall(r"plain: \w{12} -> \w{12} in [\d.]+ s", back)) == len(WEB)
    for name in WEB:
        assert [line["action"] for line in history(name)][-2:] == ["deploy", "rollback"]


def test_the_releases_are_listed(good: str) -> None:
    lines = [line for line in play("playbooks/releases.yml", "-e", "app=plain").output.splitlines() if "UTC" in line]
    assert sum("live" in line for line in lines) == len(WEB)
    assert good


def test_an_unchanged_release_ships_and_restarts_nothing(good: str, sources: Path) -> None:
    masters = [on(name).check_output("systemctl show 'uwsgi-plain@*' --property MainPID --value") for name in WEB]
    run = deploy(sources / good)
    assert set(run.changed.values()) == {0}, run.changed
    assert masters == [
        on(name).check_output("systemctl show 'uwsgi-plain@*' --property MainPID --value") for name in WEB
    ]


def test_what_was_rolled_back_stays_away_from_site_yml(good: str, sources: Path) -> None:
    words = ("-e", "app=plain", "-e", f"source={sources / 'second'}", "--tags", "release")
    run = play("site.yml", *words)
    assert set(run.changed.values()) == {0}, run.changed
    assert "stays live" in run.output
    assert good in Visitor("web1", "plain.test").get("/").text


def test_a_convergence_is_no_deploy(good: str, unharmed: object) -> None:
    # The inventory's source is not what was deployed last.
    run = play("site.yml", "-e", "app=plain", "--tags", "release")
    assert set(run.changed.values()) == {0}, run.changed
    said = " ".join(run.output.split())
    assert "tests/projects/plain has changed since the live release was made from it" in said, said[-3000:]
    assert "ansible-playbook playbooks/deploy.yml -e app=plain" in said
    assert good
    assert unharmed


def test_a_host_without_a_release_gets_that_of_the_others_byte_for_byte(good: str, tmp_path: Path) -> None:
    archives = "sha256sum /srv/plain/releases/$(readlink -f /srv/plain/live/release | xargs basename)/archive.tar.gz"
    archives += " $(readlink -f /srv/plain/live/release/venv)/archive.tar.gz"
    there = on("web1").check_output(archives)
    on("web2").check_output(
        "systemctl disable --now --quiet 'uwsgi-plain@blue' 'uwsgi-plain@green' && cd /srv/plain && "
        "rm -rf live releases/* layers/* shared/static/* slots/*/* history.jsonl"
    )
    # A controller that has built nothing, and a run that leaves the others out.
    words = ("-e", "app=plain", "-e", f"release_build_directory={tmp_path}", "--limit", "web2", "--tags", "release")
    play("site.yml", *words)
    assert on("web2").check_output(archives) == there
    assert f"<!-- release {LIVE[-1]} -->" in Visitor("web2", "plain.test").get("/").text
    assert good


@pytest.mark.thorough
def test_a_file_that_somebody_edited_is_found_and_put_back(good: str, unharmed: object) -> None:
    place = "/srv/plain/live/release/app/guestbook/views.py"
    host = on("web1")
    whole = host.file(place).content_string
    host.check_output(f"sh -c 'echo raise SystemExit >> {place}'")
    words = ("site.yml", "-e", "app=plain", "--tags", "release")
    for more in (("--check",), ()):
        run = play(*words, *more)
        assert "app/guestbook/views.py changed" in " ".join(run.output.split())
        assert run.changed["web1"] > 0, run.changed
        assert (host.file(place).content_string == whole) is not bool(more)
    assert good
    assert unharmed


def test_a_rollback_to_what_is_not_there_says_what_is(unharmed: object) -> None:
    run = play("playbooks/rollback.yml", "-e", "app=plain", "-e", "release=0123456789ab", code=2)
    assert "0123456789ab of plain is not on this host (others: " in " ".join(run.output.split())
    assert "Say which application" in play("playbooks/rollback.yml", code=2).output
    assert "There is no application 'plian'" in " ".join(
        play("playbooks/deploy.yml", "-e", "app=plian", code=2).output.split()
    )
    assert unharmed


def repository(project: Path) -> Path:
    """Make a project a git repository with the tag v2.0."""
    git = ("git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "x"), ("tag", "v2.0")):
        subprocess.run([*git, *words], check=True)
    return project


@pytest.mark.thorough
def test_a_git_source_is_deployed_by_its_version(good: str, sources: Path) -> None:
    source = f"source=file://{repository(variant(sources, 'fromgit'))}"
    wrong = play("playbooks/deploy.yml", "-e", "app=plain", "-e", source, "-e", "version=v2.1", code=2)
    assert "has no branch, tag or commit 'v2.1'. Did you mean v2.0" in " ".join(wrong.output.split())
    with visitors() as seen:
        play("playbooks/deploy.yml", "-e", "app=plain", "-e", source, "-e", "version=v2.0")
        LIVE.append("fromgit")
    assert (seen.errors, seen.statuses()) == ([], {200})
    assert seen.marks() == {good, "fromgit"}
    assert history("web1")[-1]["version"] == "v2.0"


@pytest.mark.thorough
def test_a_private_repository_is_read_over_ssh_with_its_deploy_key(sources: Path, tmp_path: Path) -> None:
    # db1 plays the git server; the key of the lab is the one that may read there.
    on("db1").check_output(
        "sh -c 'apt-get -qq update && apt-get -qq install --no-install-recommends git </dev/null >/dev/null 2>&1'"
    )
    url = f"ssh://admin@{address('db1')}/home/admin/private.git"
    ssh = {**os.environ, "GIT_SSH_COMMAND": f"ssh -F '{LAB / 'ssh_config'}'"}
    on("db1").check_output("runuser -u admin -- git init --quiet --bare /home/admin/private.git")
    project = repository(variant(sources, "private"))
    subprocess.run(
        ["git", "-C", str(project), "push", "--quiet", url.replace(address("db1"), "db1"), "v2.0"], check=True, env=ssh
    )
    entry = yaml.safe_load((PROJECT / INVENTORY / "group_vars/env_lab/plain.yml").read_text())["plain"]
    (tmp_path / "entry.json").write_text(
        json.dumps(
            {
                "plain": {**entry, "source": url, "version": "v2.0", "deploy_key": str(LAB / "id_ed25519")},
                # What was met at this address in another lab is not asked.
                "release_build_directory": str(tmp_path / "builds"),
            }
        )
    )
    play("playbooks/deploy.yml", "-e", "app=plain", "-e", f"@{tmp_path / 'entry.json'}")
    LIVE.append("private")
    assert "<!-- release private -->" in Visitor("web1", "plain.test").get("/").text
    (tmp_path / "other").write_text("no key\n")
    (tmp_path / "other").chmod(0o600)
    words = (
        "-e",
        f"@{tmp_path / 'entry.json'}",
        "-e",
        json.dumps({"plain": {**entry, "source": url, "deploy_key": str(tmp_path / "other")}}),
    )
    refused = " ".join(play("playbooks/deploy.yml", "-e", "app=plain", *words, code=2).output.split())
    assert "git cannot read ssh://" in refused
    assert "give deploy_key, the path of a private SSH key that may read it" in refused


def test_initial_commands_ran_once_for_all_hosts_and_releases(any_visitor: Visitor) -> None:
    assert any_visitor.get("/").text.count("The first page is yours") == 1
