"""Every service that a site needs comes back by itself, and says so when it cannot."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from ansible_collections.django_ec2.site.plugins.plugin_utils.application_server import instances
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.units import units
from render import render

DATABASE = {"password": "p", "owner_password": "o"}
SHOP = {
    "domains": ["shop.test"], "source": "shop", "settings_module": "shop.settings", "wsgi_module": "shop.wsgi",
    "secret_environment": {"SECRET_KEY": "x"}, "database": DATABASE, "services": {"worker": {"command": "celery -A shop worker"}},
}  # fmt: skip


def unit_of_service() -> str:
    """The unit of an application's service."""
    (entry,) = resolve_applications({"shop": SHOP})
    (file,) = units([entry], singletons=True)
    return render("django", file["template"], **file["vars"])


def unit_of_server() -> str:
    """The unit of an application's server."""
    (instance,) = instances(resolve_applications({"shop": SHOP}))
    return render("uwsgi", "unit.service.j2", instance={"settings": {}, **instance})


def unit_of_timer() -> str:
    """The unit that a timer of an application starts."""
    timed = {key: value for key, value in SHOP.items() if key != "services"}
    timed["timers"] = {"nightly": {"command": "manage.py clearsessions", "schedule": "daily"}}
    (file,) = (one for one in units(resolve_applications({"shop": timed}), True) if one["path"].endswith(".service"))
    return render("django", file["template"], **file["vars"])


UNITS = {
    "postgres": lambda: render("postgres", "restart.conf.j2"),
    "pgbouncer": lambda: render("pgbouncer", "pgbouncer.service.j2"),
    "redis": lambda: render("redis", "restart.conf.j2"),
    "nginx": lambda: render("nginx", "restart.conf.j2"),
    "uwsgi": unit_of_server,
    "service": unit_of_service,
}


@pytest.mark.parametrize("name", UNITS)
def test_a_service_comes_back_within_a_limit_that_shows(name: str) -> None:
    lines = UNITS[name]().splitlines()
    settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert settings["Restart"] in ("on-failure", "always")
    # So many starts in so many seconds have to be possible at this pace, or the limit is never reached and nobody is told.
    pace = float(settings["RestartSec"].removesuffix("ms")) / (1000 if settings["RestartSec"].endswith("ms") else 1)
    assert 0 < int(settings["StartLimitBurst"]) * pace < int(settings["StartLimitIntervalSec"])
    assert settings["OnFailure"] == "start-again@%n.service"
    assert settings["OOMPolicy"] == "continue"


def test_processes_that_outlive_their_postmaster_do_not_keep_the_next_one_from_starting() -> None:
    assert "\nKillMode=mixed\n" in UNITS["postgres"]()


def test_some_megabytes_less_leave_redis_alone() -> None:
    def configuration(memory: int) -> str:
        return render("redis", "redis.conf.j2", redis_memory_mb=memory)

    assert "maxmemory 448mb" in configuration(1000)
    assert configuration(1000) == configuration(960)


@pytest.mark.parametrize("unit", [unit_of_server, unit_of_service, unit_of_timer])
def test_a_lookup_gives_up_long_before_a_worker_is_ended(unit: Callable[[], str]) -> None:
    assert '\nEnvironment="RES_OPTIONS=timeout:1 attempts:3"\n' in unit()


def test_a_command_of_an_operator_gives_up_as_early() -> None:
    entry = resolve_applications({"shop": SHOP})[0]
    assert '"RES_OPTIONS=timeout:1 attempts:3"' in render(
        "django", "manage.j2", application={**entry, "writable": ["/m/data"]}
    )


@pytest.mark.parametrize("processes", [1, 2, 16])
def test_no_worker_keeps_the_others_from_accepting(processes: int) -> None:
    (instance,) = instances(resolve_applications({"shop": {**SHOP, "processes": processes}}))
    text = render("uwsgi", "uwsgi.ini.j2", instance={"settings": {}, **instance})
    assert not [line for line in text.splitlines() if line.startswith("thunder-lock")]
