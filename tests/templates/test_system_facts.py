"""What the roles make of the facts of each operating system that they describe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from render import SYSTEMS, evaluate, render, system_facts

ROLES = ["django", "nginx", "postgres", "rds_client", "redis"]
# Of all roles together: what differs.
PACKAGES = {
    "Debian_12": {"systemd-timesyncd", "postgresql-client-15"},
    "Debian_13": {"systemd-timesyncd", "postgresql-client-17"},
    "Ubuntu_24.04": {"chrony", "postgresql-client-16"},
    "Ubuntu_26.04": {"chrony", "postgresql-client-18"},
}
EVERYWHERE = {
    "brotli", "ca-certificates", "curl", "iproute2", "libnginx-mod-http-brotli-filter", "libnginx-mod-http-brotli-static",
    "logrotate", "media-types", "nginx", "openssl", "postgresql-common", "python3", "python3-apt", "python3-psycopg2",
    "redis-server", "redis-tools", "unattended-upgrades",
}  # fmt: skip


@pytest.mark.parametrize("system", SYSTEMS)
def test_all_packages_of_a_host_with_everything_on_it(system: str) -> None:
    wanted = evaluate("base", "__base_wanted_packages", system, base_roles=ROLES)
    assert set(wanted) == EVERYWHERE | PACKAGES[system]
    assert wanted == sorted(set(wanted))


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_by_itself_wants_what_base_installs_for_it(role: str, system: str) -> None:
    variable = "__redis_packages" if role == "redis" else f"{role}_packages"
    assert evaluate(role, variable, system) == evaluate(role, f"__{role}_system.packages", system)
    assert set(evaluate(role, variable, system)) <= set(
        evaluate("base", "__base_wanted_packages", system, base_roles=[role])
    )


@pytest.mark.parametrize(
    ("system", "package"),
    [("Debian_12", "postgresql-15"), ("Debian_13", "postgresql-17"), ("Ubuntu_24.04", "postgresql-16"),
     ("Ubuntu_26.04", "postgresql-18")],
)  # fmt: skip
def test_the_database_server_is_installed_after_the_others(system: str, package: str) -> None:
    assert evaluate("postgres", "__postgres_server_package", system) == package
    assert package not in evaluate("base", "__base_wanted_packages", system, base_roles=["postgres"])


@pytest.mark.parametrize("system", SYSTEMS)
def test_redis_is_the_same_unit_everywhere(system: str) -> None:
    assert evaluate("redis", "__redis_unit", system) == "redis-server.service"


def time_of(system: str, **variables: Any) -> tuple[str, str, list[str]]:
    """Unit, path and lines of what synchronises the time."""
    data = evaluate("base", "__base_system", system)
    text = render("base", data["time_template"], system, **variables)
    return data["time_unit"], data["time_file"], [line for line in text.splitlines() if line and line[0] != "#"]


@pytest.mark.parametrize("system", ["Debian_12", "Debian_13"])
def test_time_of_debian(system: str) -> None:
    unit, path, lines = time_of(system, base_time_servers=["169.254.169.123", "time.test"])
    assert unit == "systemd-timesyncd.service"
    assert path == "/etc/systemd/timesyncd.conf.d/10-base.conf"
    assert lines == ["[Time]", "NTP=169.254.169.123 time.test"]
    assert time_of(system)[2] == ["[Time]"]


@pytest.mark.parametrize("system", ["Ubuntu_24.04", "Ubuntu_26.04"])
def test_time_of_ubuntu(system: str) -> None:
    unit, path, lines = time_of(system, base_time_servers=["169.254.169.123", "time.test"])
    assert unit == "chrony.service"
    assert path == "/etc/chrony/sources.d/10-base.sources"
    assert lines == ["server 169.254.169.123 iburst prefer", "server time.test iburst prefer"]
    assert time_of(system)[2] == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_directories_that_settings_and_their_check_need(system: str) -> None:
    paths = [entry["path"] for entry in evaluate("base", "__base_directories", system)]
    assert str(Path(time_of(system)[1]).parent) in paths
    assert ("/run/sshd" in paths) == (system == "Ubuntu_24.04")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("role", ["base", "nginx", "postgres", "redis"])
def test_every_template_without_an_entry_can_be_rendered(role: str, system: str) -> None:
    given = {"private_address": "10.0.0.5", "redis_admin_password": "x", "secrets": {"authority": {}}}
    directory = Path(__file__).parents[2] / "roles" / role / "templates"
    # These are rendered for each site, application or page (test_nginx.py).
    for path in sorted(directory.glob("*.j2")):
        if path.name not in ("page.html.j2", "site.conf.j2", "uwsgi_application.conf.j2", "unavailable.conf.j2"):
            assert "{{" not in render(role, path.name, system, **given)


def test_facts_are_those_of_a_host() -> None:
    assert system_facts("Ubuntu_24.04") == {
        "distribution": "Ubuntu",
        "distribution_version": "24.04",
        "distribution_major_version": "24",
    }
    assert system_facts("Debian_12")["distribution_major_version"] == "12"
