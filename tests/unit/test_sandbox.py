"""The sandbox that services share, and what one of them has instead."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.application_server import instances
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.units import units
from ansible_collections.django_ec2.site.plugins.plugin_utils.sandbox import SHARED, sandbox, service_settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "templates"))
from render import render


def test_a_service_without_exceptions_has_all_of_it() -> None:
    lines = sandbox(["/srv/shop/media"]).splitlines()
    assert lines[0] == "NoNewPrivileges=true"
    assert lines[-1] == "ReadWritePaths=-/srv/shop/media"
    assert len(lines) == sum(len(values) for values in SHARED.values()) + 1
    assert lines.index("SystemCallFilter=@system-service") < lines.index("SystemCallFilter=~@privileged @resources")


def test_an_exception_takes_the_place_of_what_is_shared_and_says_why() -> None:
    exceptions = [
        {"why": "Its files\n lie anywhere.", "set": {"ProtectSystem": "full", "PrivateTmp": False}},
        {"why": "It gives files away.", "set": {"SystemCallFilter": ["@system-service", "~@privileged", "@chown"]}},
    ]
    text = sandbox([], exceptions)
    assert "ProtectSystem=strict" not in text
    assert "# Its files lie anywhere.\nProtectSystem=full\nPrivateTmp=false\n" in text
    assert [line for line in text.splitlines() if line.startswith("SystemCallFilter")] == [
        "SystemCallFilter=@system-service", "SystemCallFilter=~@privileged", "SystemCallFilter=@chown",
    ]  # fmt: skip


@pytest.mark.parametrize("why", [{}, {"why": ""}, {"why": " "}])
def test_an_exception_without_a_reason_is_refused(why: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        sandbox([], [{**why, "set": {"ProtectSystem": "full"}}])


def test_settings_of_an_operator_are_lines() -> None:
    assert service_settings({"ReadWritePaths": ["/a", "/b"], "PrivateTmp": True, "SystemCallFilter": ""}) == (
        "PrivateTmp=true\nReadWritePaths=/a\nReadWritePaths=/b\nSystemCallFilter="
    )
    assert service_settings({}) == ""


def test_an_application_relaxes_its_own_units_and_no_others() -> None:
    shop = {
        "domains": ["shop.test"], "source": "shop", "settings_module": "shop.settings", "wsgi_module": "shop.wsgi",
        "secret_environment": {"SECRET_KEY": "x"}, "database": {"password": "p", "owner_password": "o"},
        "services": {"worker": {"command": "celery -A shop worker"}},
        "timers": {"nightly": {"command": "manage.py clearsessions", "schedule": "daily"}},
    }  # fmt: skip
    own = {"RestrictNamespaces": "user pid", "SystemCallFilter": ["@system-service", "@sandbox"]}
    blog, printing = resolve_applications({"blog": shop, "shop": {**shop, "unit_settings": own}})
    said = "\n\n# unit_settings\nRestrictNamespaces=user pid\nSystemCallFilter=@system-service\nSystemCallFilter=@sandbox\n"
    for entry, relaxed in ((blog, False), (printing, True)):
        files = [one for one in units([entry], singletons=True) if one["path"].endswith(".service")]
        texts = [render("django", one["template"], **one["vars"]) for one in files]
        texts += [render("uwsgi", "unit.service.j2", instance={"settings": {}, **one}) for one in instances([entry])]
        assert len(texts) == 3
        assert [said in text for text in texts] == [relaxed] * 3
        assert ["unit_settings" in text for text in texts] == [relaxed] * 3
    with pytest.raises(AnsibleFilterError, match="no setting of systemd"):
        resolve_applications({"shop": {**shop, "unit_settings": {"read-write": "/x"}}})


# Units that have none: the kernel, or the host's manager, is all that such a unit asks. None today.
WITHOUT: dict[str, str] = {}


def test_every_service_of_a_role_has_the_sandbox(root: Path) -> None:
    units = [*root.glob("roles/*/templates/*.service.j2")]
    assert len(units) > 8
    bare = [str(one.relative_to(root)) for one in units if "django_ec2.site.systemd_sandbox" not in one.read_text()]
    assert sorted(bare) == sorted(WITHOUT)


def test_exceptions_of_roles_are_data_with_reasons(root: Path) -> None:
    """A line of a template that loosens the sandbox would have no reason."""
    for unit in [*root.glob("roles/*/templates/*.service.j2"), *root.glob("roles/*/templates/*.conf.j2")]:
        text = unit.read_text()
        if "systemd_sandbox" in text:
            loose = [name for name in SHARED if re.search(rf"^{name}=", text, re.M)]
            assert loose == [], f"{unit}: {loose}"
    for variables in root.glob("roles/*/vars/main.yml"):
        for name, value in (yaml.safe_load(variables.read_text()) or {}).items():
            if name.endswith("_sandbox"):
                assert all(one["why"] and one["set"] for one in value), f"{variables}: {name}"


def test_a_cluster_keeps_the_memory_of_its_neighbours() -> None:
    """RemoveIPC= would take the shared memory of all clusters, as they have one owner."""
    for text in (render("postgres", "service.conf.j2"), render("pgbackrest", "pgbackrest-backup@.service.j2")):
        assert "\nRemoveIPC=false\n" in text
        assert "\nRemoveIPC=true\n" not in text


def test_data_below_home_stays_in_reach() -> None:
    assert "\nProtectHome=true\n" in render("postgres", "service.conf.j2")
    assert "\nProtectHome=false\n" in render("postgres", "service.conf.j2", postgres_data_directory="/home/pg/data")


def test_the_operator_has_the_last_word_on_postgresql() -> None:
    text = render("postgres", "service.conf.j2", postgres_service_settings={"ReadWritePaths": "/usr/local/archive"})
    assert text.rstrip().endswith("# postgres_service_settings\nReadWritePaths=/usr/local/archive")


@pytest.mark.parametrize(
    ("role", "template"),
    [
        ("acme", "acme-certificates.service"),
        ("firewall", "site-firewall.service"),
        ("base", "start-again.service"),
    ],
)
def test_units_of_ours_reach_little(role: str, template: str, tmp_path: Path) -> None:
    """By the unit's own text. Scenarios ask for those whose sandbox implies more once systemd has loaded it."""
    unit = tmp_path / template
    unit.write_text(render(role, f"{template}.j2"))
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
